"""After a restart, cities with a fresh observation are not polled at once, and every city keeps its phase."""

from __future__ import annotations

import asyncio
import itertools
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.support.daemon import make_configuration, make_latest, make_parts, make_planner
from tests.support.fakes import BERLIN, KIEL, FakeProvider, FakeSink, observation
from tests.support.virtual_time import EPOCH, now
from weatherd.city import City
from weatherd.daemon.lifecycle import run_daemon
from weatherd.observation import LastObservation
from weatherd.polling.schedule import first_poll_time, next_tick, phase_offset, rejoin_tick
from weatherd.quota.planner import Planner
from weatherd.quota.plans import Plan

if TYPE_CHECKING:
    from collections.abc import Iterable

CITIES = [City(name=f"City {n}", lat=n / 2, lon=10.0, interval=600.0, providers=("fake",)) for n in range(40)]


async def run_daemon_for(
    provider: FakeProvider, seconds: float, lasts: Iterable[LastObservation] = (), cities: Iterable[City] = CITIES
) -> FakeSink:
    """Run a daemon for the given seconds."""
    stop, sink = asyncio.Event(), FakeSink()
    asyncio.get_running_loop().call_later(seconds, stop.set)
    parts = make_parts(
        make_configuration(*cities), {"fake": provider}, sinks={"sink": sink}, latest=make_latest(saved=lasts)
    )
    await run_daemon(parts, stop=stop, reload=asyncio.Event())
    return sink


def last_observations(sink: FakeSink) -> list[LastObservation]:
    """Return the last observations as the journal would store them."""
    last = {arrived.city.id: arrived for arrived in sink.received}
    return [LastObservation(fetched.city.lat, fetched.city.lon, fetched.observation) for fetched in last.values()]


async def test_a_restart_keeps_the_schedule() -> None:
    """After a stop of 3 s in which no city is due, every city is polled at the same ticks as without the stop."""
    undisturbed, disturbed = FakeProvider().responds(), FakeProvider().responds()
    loop = asyncio.get_running_loop()
    begin = loop.time()
    await run_daemon_for(undisturbed, 3 * 3600)
    second = loop.time()
    kept = last_observations(await run_daemon_for(disturbed, 3005))
    await asyncio.sleep(3)
    before = len(disturbed.requests)
    await run_daemon_for(disturbed, 3 * 3600 - 3008, kept)
    # the virtual clock is at another place in the interval, so ticks are compared and not times
    for city in CITIES:
        offset = phase_offset(city.id, city.interval)
        ticks = [
            (EPOCH.timestamp() + time - offset + 1) % 600
            for time, asked in disturbed.requests[before:]
            if asked == city.id
        ]
        assert ticks == pytest.approx([1.0] * len(ticks), abs=0.01)
        assert len(ticks) in (12, 13)
    assert abs(len(disturbed.requests) - len(undisturbed.requests)) <= len(CITIES)
    assert second > begin


async def test_ten_restarts_in_a_minute_poll_no_city_twice() -> None:
    """However often the daemon restarts, a city is polled once, and then at its tick."""
    provider, kept = FakeProvider().responds(), list[LastObservation]()
    for _ in range(10):
        sink = await run_daemon_for(provider, 5, kept)
        kept = list({last.observation.city: last for last in [*kept, *last_observations(sink)]}.values())
        await asyncio.sleep(1)
    assert len(provider.requests) == len(CITIES)


@pytest.mark.parametrize(
    ("last", "is_asked"),
    [
        (LastObservation(KIEL.lat, KIEL.lon, observation()), False),
        (LastObservation(KIEL.lat + 1, KIEL.lon, observation()), True),  # it was moved
        (LastObservation(KIEL.lat, KIEL.lon, observation(provider="other")), True),  # not one of its providers
        (LastObservation(KIEL.lat, KIEL.lon, observation(fetched_at=EPOCH - timedelta(seconds=601))), True),
        (
            LastObservation(KIEL.lat, KIEL.lon, observation(observed_at=EPOCH - timedelta(hours=9))),
            True,
        ),  # stale when it came
        (
            LastObservation(KIEL.lat, KIEL.lon, observation(fetched_at=EPOCH + timedelta(days=1))),
            True,
        ),  # by a wrong clock
        (LastObservation(0, 0, observation(BERLIN)), True),
    ],
)
async def test_a_fresh_observation_makes_the_first_poll_unnecessary(last: LastObservation, is_asked: bool) -> None:  # noqa: FBT001 - a column
    """Only a fresh observation at the same coordinates by one of the city's providers counts."""
    provider = FakeProvider().responds()
    await run_daemon_for(provider, 1, [last], [KIEL])
    assert bool(provider.requests) is is_asked


async def test_a_repeat_is_recognized_after_a_restart() -> None:
    """An observation that the earlier run has stored is marked as a repeat."""
    kept = LastObservation(KIEL.lat, KIEL.lon, observation(fetched_at=EPOCH - timedelta(seconds=700)))

    class Same(FakeProvider):
        """A provider that repeats the stored observation."""

        async def fetch(self, _: City) -> object:  # type: ignore[override]
            """Return the stored observation."""
            return kept.observation._replace(fetched_at=now())

    sink = await run_daemon_for(Same(), 1, [kept], [KIEL])
    assert [arrived.repeat for arrived in sink.received] == [True]


async def test_a_list_that_exceeds_the_plan_is_stretched() -> None:
    """Forty cities every ten minutes are 240 calls an hour: with 120 allowed they are polled every 20 min 24 s."""
    provider, stop = FakeProvider().responds(), asyncio.Event()
    asyncio.get_running_loop().call_later(86400, stop.set)
    rates: dict[str, float] = {}
    with capture_logs() as logs:
        planner = Planner({"fake": Plan({"hour": 120})}, rates.__setitem__)
        parts = make_parts(make_configuration(*CITIES), {"fake": provider}, planner=planner)
        await run_daemon(parts, stop=stop, reload=asyncio.Event())
    stretched = [event for event in logs if event["event"] == "quota.stretched"]
    assert [(event["window"], event["limit"], event["stretched"]) for event in stretched] == [("hour", 120, 1224.0)]
    for city in CITIES:
        times = provider.times(city)[1:]
        assert [later - earlier for earlier, later in itertools.pairwise(times)] == pytest.approx(
            [1224.0] * (len(times) - 1), abs=0.01
        )
    hours = [int(time // 3600) for time, _ in provider.requests if time >= 3600]
    assert max(hours.count(hour) for hour in set(hours)) <= 120
    assert rates["fake"] == pytest.approx(40 / 1224)


@given(st.floats(1e9, 2e9), st.floats(-1e5, 1e5), st.floats(1, 1e5), st.floats(0, 0.999))
def test_the_first_poll_time(now: float, ago: float, interval: float, share: float) -> None:
    """The first poll is at the tick that follows the last poll by half an interval or more; now if that has passed."""
    offset = share * interval
    last = now - ago
    ago = now - last  # as exact as times are
    first = first_poll_time(now, last, interval, offset)
    if not -60 <= ago < interval or rejoin_tick(last, interval, offset) <= now:
        assert first == now
    else:
        assert now < first <= now + 60 + 1.5 * interval + 1e-3
        assert first - last >= interval / 2 - 1e-3
        assert first == pytest.approx(next_tick(first - interval / 4, interval, offset), abs=1e-3)


@given(st.floats(1e9, 2e9), st.floats(60, 1e5), st.floats(0, 0.999), st.floats(0, 0.49), st.floats(0, 1.5))
def test_a_restart_skips_no_tick(time: float, interval: float, share: float, took: float, stopped: float) -> None:
    """After a poll at a tick that took less than half an interval, no tick passes between a restart and its poll.

    In particular not the tick in the last seconds of the stop, since which the last poll is under an interval ago.
    """
    offset = share * interval
    tick = next_tick(time, interval, offset)
    last = tick + took * interval
    now = last + stopped * interval
    first = first_poll_time(now, last, interval, offset)
    assert first <= max(now, tick + interval + 1e-3)


async def test_a_reload_updates_the_plan_and_reports_the_calls() -> None:
    """The event has the calls a day before and after; a stretched interval is logged only when it changes."""
    stop, reload, lists = asyncio.Event(), asyncio.Event(), [CITIES[:30], [*CITIES[:29], CITIES[31]], CITIES[:2]]

    async def edit() -> None:
        while lists:
            await asyncio.sleep(1000)
            reload.set()
        await asyncio.sleep(1000)
        stop.set()

    with capture_logs() as logs:
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(edit())
            parts = make_parts(
                make_configuration(*CITIES),
                {"fake": FakeProvider().responds()},
                load=lambda _: make_configuration(*lists.pop(0)),
                planner=make_planner({"fake": Plan({"day": 2880})}),
            )
            await run_daemon(parts, stop=stop, reload=reload)
    stretches = [(event["event"], event.get("stretched")) for event in logs if event["event"].startswith("quota.")]
    assert stretches == [("quota.stretched", 1224.0), ("quota.stretched", 918.0), ("quota.fits", None)]
    days = [
        (event["calls_a_day_before"], event["calls_a_day"]) for event in logs if event["event"] == "cities.reloaded"
    ]
    assert days == [({"fake": 2824}, {"fake": 2824}), ({"fake": 2824}, {"fake": 2824}), ({"fake": 2824}, {"fake": 288})]
