"""The daemon while the system time is stepped and the machine is suspended."""

from __future__ import annotations

import asyncio
import contextlib
import random
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from tests.support import virtual_time
from tests.support.daemon import ROWS, DaemonRunner, make_configuration
from tests.support.fakes import KIEL, FakeProvider, FakeSink, observation
from weatherd.clock import AnchoredClock
from weatherd.daemon.status import CityState
from weatherd.freshness import BUILT_IN_BUDGETS
from weatherd.http.trace import RequestTrace, add_traces
from weatherd.polling.fetch import fetch_city

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from weatherd.city import City
    from weatherd.daemon.status import DaemonStatus
    from weatherd.observation import Observation

HOUR, DAY = 3600.0, 86400.0
WATCHDOG = 30.0


class Station(FakeProvider):
    """A service with a clock of its own: it reports the true time, whatever the machine's clock shows."""

    async def fetch(self, city: City) -> Observation:
        """Return the weather of the last minute."""
        await super().fetch(city)
        observed_at = virtual_time.EPOCH + timedelta(seconds=virtual_time.boot() // 60 * 60)
        return observation(city, observed_at=observed_at, fetched_at=virtual_time.now())


class ZeroRandom(random.Random):
    """A random generator that returns zero, so that every delay has its maximum."""

    def random(self) -> float:
        """Return zero."""
        return 0.0


class Watched:
    """A daemon that is observed while its clocks change."""

    def __init__(self, *, takes: float = 0.0) -> None:
        self.provider, self.sink = Station().responds(after=takes), FakeSink()
        self.fed: list[float] = []  # when systemd's watchdog was fed, by the loop's clock
        self.status: DaemonStatus
        self.unhealthy: list[str] = []

    def notify(self, message: str) -> None:
        """Record when the watchdog is fed."""
        if "WATCHDOG=1" in message:
            self.fed.append(asyncio.get_running_loop().time())

    @contextlib.asynccontextmanager
    async def serve(self, status: DaemonStatus) -> AsyncIterator[None]:
        """Check the health as often as a monitor does."""
        self.status = status

        async def monitor() -> None:
            while True:
                self.unhealthy += status.stalled_parts()
                await asyncio.sleep(5)

        monitoring = asyncio.create_task(monitor())
        yield
        monitoring.cancel()

    def states(self) -> set[CityState]:
        """Return the states of all cities."""
        return {self.status.state_of(city) for city in ROWS}

    def polls(self, begin: float, end: float) -> list[int]:
        """Return the number of polls of each city between two times of the loop's clock."""
        return [sum(begin <= time < end for time in self.provider.times(city)) for city in ROWS]

    def unfed(self) -> float:
        """Return the longest time for which the watchdog was not fed."""
        return max(later - earlier for earlier, later in zip(self.fed, self.fed[1:], strict=False))


@contextlib.asynccontextmanager
async def watched_daemon(*, takes: float = 0.0, expected: CityState | None = CityState.FRESH) -> AsyncIterator[Watched]:
    """Run a daemon of three cities that are polled every ten minutes, and wait an hour."""
    watched = Watched(takes=takes)
    runner = DaemonRunner(
        watched.provider,
        {"sink": watched.sink},
        make_configuration(*ROWS),
        serve=watched.serve,
        notify=watched.notify,
        watchdog=WATCHDOG,
        random=ZeroRandom(),
    )
    running = asyncio.create_task(runner.run())
    await asyncio.sleep(HOUR)
    assert expected is None or watched.states() == {expected}
    yield watched
    runner.stop.set()
    assert await running


CHANGES = {
    "an hour forward": lambda: virtual_time.step(HOUR),
    "an hour back": lambda: virtual_time.step(-HOUR),
    "a day back": lambda: virtual_time.step(-DAY),
    "months forward": lambda: virtual_time.step(200 * DAY),
    "months back": lambda: virtual_time.step(-200 * DAY),
    "five hours suspended": lambda: virtual_time.suspend(5 * HOUR),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("takes", [0.0, 7.0])
async def test_no_change_of_the_clock_makes_the_daemon_unhealthy(change: Callable[[], None], takes: float) -> None:
    """Health stays right, the watchdog is fed, and every city is polled as often as before; one line is logged."""
    with capture_logs() as logs:
        async with watched_daemon(takes=takes) as watched:
            begin = asyncio.get_running_loop().time()
            change()
            await asyncio.sleep(2 * HOUR)
    assert watched.unhealthy == []
    assert watched.unfed() <= WATCHDOG / 2
    assert all(11 <= count <= 13 for count in watched.polls(begin, begin + 2 * HOUR))
    assert [log["event"] for log in logs if log["event"].startswith("clock")] in (["clock.stepped"], ["clock.resumed"])
    assert not [log for log in logs if log["event"] == "daemon.stuck"]


@pytest.mark.parametrize("seconds", [HOUR, -HOUR, DAY, -DAY, 200 * DAY, -200 * DAY])
async def test_everything_is_right_within_an_interval_after_the_clock_is(seconds: float) -> None:
    """However long the clock was wrong: an interval after it is right again, every city is fresh."""
    async with watched_daemon() as watched:
        for wrong_for in (70.0, 5 * HOUR):
            virtual_time.step(seconds)
            await asyncio.sleep(wrong_for)
            virtual_time.step(-seconds)
            await asyncio.sleep(600 + 5)
            assert watched.states() == {CityState.FRESH}
            polls = [watched.status.history.last_poll(city.id) for city in ROWS]
            assert all(poll and not poll.failures for poll in polls)
            dues = [watched.status.history.next_poll(city.id) for city in ROWS]
            assert all(due and 0 <= due.at - virtual_time.boot() <= 900 for due in dues)  # a tick, at the city's phase


async def test_a_daemon_that_starts_with_a_wrong_clock_recovers_when_it_is_set() -> None:
    """A machine without a battery-backed clock starts years ago, or ahead."""
    for seconds in (-2000 * DAY, 200 * DAY):
        virtual_time.step(seconds)
        async with watched_daemon(expected=None) as watched:
            virtual_time.step(-seconds)
            await asyncio.sleep(605)
            assert watched.states() == {CityState.FRESH}
            begin = asyncio.get_running_loop().time()
            await asyncio.sleep(HOUR)
            assert all(5 <= count <= 7 for count in watched.polls(begin, begin + HOUR))


async def test_old_weather_is_stale_at_once_after_a_suspend() -> None:
    """Weather of five hours ago is never fresh: not in the first moment, and not while the service is unavailable."""
    async with watched_daemon() as watched:
        watched.provider.fails(times=1000)
        watched.provider._script.pop(0)
        virtual_time.suspend(5 * HOUR)
        assert watched.states() == {CityState.STALE}
        await asyncio.sleep(60)
        assert watched.states() == {CityState.STALE}


async def test_after_a_suspend_all_cities_are_polled_within_seconds() -> None:
    """A poll that became due while the machine was suspended is made at once, not up to an interval later."""
    async with watched_daemon() as watched:
        begin = asyncio.get_running_loop().time()
        virtual_time.suspend(5 * HOUR)
        await asyncio.sleep(11)
        assert watched.polls(begin, begin + 11) == [1, 1, 1]
        assert watched.states() == {CityState.FRESH}


async def test_a_clock_that_is_behind_does_not_change_the_time_of_an_observation() -> None:
    """The city's previous observation shows that the clock is wrong, so what the service reports is recorded."""
    async with watched_daemon() as watched:
        virtual_time.step(-2 * HOUR)
        await asyncio.sleep(HOUR)
        virtual_time.step(2 * HOUR)
        await asyncio.sleep(HOUR)
    times = [seen.observed_at for seen in watched.sink.observations if seen.city == "kiel"]
    assert times == sorted(times)
    assert all((time - virtual_time.EPOCH).total_seconds() % 60 == 0 for time in times)
    assert len(times) == len(set(times)) >= 18


class DatedStation(FakeProvider):
    """A service in the future of the machine's clock, with or without a ``Date`` that says so."""

    def __init__(self, date: str) -> None:
        super().__init__()
        self._date = date

    async def fetch(self, city: City) -> Observation:
        """Return the weather of two hours ahead."""
        trace = RequestTrace("host", virtual_time.boot)
        trace.date = self._date
        add_traces((trace,))
        later = virtual_time.EPOCH + timedelta(hours=2)
        return observation(city, observed_at=later, fetched_at=virtual_time.EPOCH)


@pytest.mark.parametrize(
    ("date", "hours"),
    [
        ("Thu, 01 Jan 2026 02:00:00 GMT", 2.0),
        ("Thu, 01 Jan 2026 01:59:59 GMT", 2.0),
        ("Thu, 01 Jan 2026 01:30:00 GMT", 1.5),
        ("Thu, 01 Jan 2026 00:00:00 GMT", 0.0),
        ("Wed, 31 Dec 2025 12:00:00 GMT", 0.0),
        ("yesterday", 0.0),
        ("", 0.0),
    ],
)
async def test_the_clock_of_the_service_decides_what_is_in_the_future(date: str, hours: float) -> None:
    """A time is changed only if it is in the future by the machine's clock and by that of the service."""
    clock = AnchoredClock(virtual_time.now, virtual_time.boot)
    result = await fetch_city(KIEL, ["a"], {"a": DatedStation(date)}, BUILT_IN_BUDGETS, clock)
    assert result.observation
    shift = (result.observation.observed_at - virtual_time.EPOCH).total_seconds()
    assert shift == pytest.approx(hours * HOUR, abs=1)
