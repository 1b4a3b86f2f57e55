"""Requests of warnings and what becomes of the answers: a whole day of the simulated services on virtual time."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from tests.support.daemon import make_registry
from tests.support.fakes import VirtualJournal, new_key_values, new_limiter, unavailable
from tests.support.official_warnings import storm
from tests.support.virtual_time import EPOCH, now
from weatherd.city import City
from weatherd.config.diff import diff
from weatherd.config.settings import Settings
from weatherd.errors import Failure, ProviderError, StateError
from weatherd.http.session import open_session
from weatherd.providers import Resources
from weatherd.providers.warning_service import WarningAnswer
from weatherd.quota.plans import find_plan
from weatherd.simulator.server import STATS, create_app, serve_app
from weatherd.warnings import desk as desks
from weatherd.warnings.desk import WarningDesk, open_warnings
from weatherd.web.warnings.metrics import collect_warning_metrics

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from pathlib import Path

    from weatherd.polling.city_registry import CityRegistry
    from weatherd.quota.limiter import RateLimiter

KIEL = City(name="Kiel", lat=54.3, lon=10.1)
OSLO = City(name="Oslo", lat=59.91, lon=10.75)
WICHITA = City(name="Wichita", lat=37.69, lon=-97.34)
PARIS = City(name="Paris", lat=48.85, lon=2.35)
HOUR = 3600.0


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[VirtualJournal]:
    """Yield an empty journal."""
    with contextlib.closing(VirtualJournal(tmp_path / "weatherd.sqlite")) as opened:
        yield opened


@dataclass(slots=True)
class Run:
    """A run of the desk, with the log lines of changes and problems."""

    desk: WarningDesk
    registry: CityRegistry
    lines: list[dict[str, Any]]
    limiters: dict[str, RateLimiter] = field(default_factory=dict)
    reserved: dict[str, float] = field(default_factory=dict)  # calls per second by service

    def events(self) -> list[tuple[str, str, str]]:
        """Return the hour and minute since the epoch, the event and each city, or the provider, of each line."""
        return [
            (line["at"], line["event"], name)
            for line in self.lines
            for name in line.get("cities") or [line.get("city") or line["provider"]]
        ]

    def in_force(self) -> list[tuple[str, str, int]]:
        """Return city, kind and severity of the warnings in force."""
        found = self.desk.current.in_force(now())
        return [(each.city, each.warning.event, int(each.warning.severity)) for each in found]


def add_time(_: object, __: str, line: Any) -> Any:
    """Add the virtual hour and minute to a log line."""
    line["at"] = f"{now():%H:%M}"
    return line


def choosing(city: City, choice: Any = ("nws",)) -> City:
    """Return a city with the warnings of these services, unless it has chosen some."""
    return replace(city, warnings=choice) if city.warnings == "off" else city


@contextlib.asynccontextmanager
async def running(
    journal: VirtualJournal, *cities: City, url: str = "http://127.0.0.1:9", **settings: Any
) -> AsyncIterator[Run]:
    """Run the desk of these cities, by default with a service that refuses connections."""
    choice = settings.pop("warnings", "auto")
    given: dict[str, Any] = {"bright_sky": {"base_url": url}, "nws": {"base_url": url}}
    given["met_norway"] = {"base_url": url, "contact": "me@example.org"}
    registry, limiters = make_registry(), {}
    async with open_session("weatherd/test me@example.org") as session:

        def open_resources(name: str) -> Resources:
            limiters[name] = new_limiter(name, find_plan(name, "free"))
            return Resources(session, limiters[name], new_key_values(name), now)

        reserved: dict[str, float] = {}
        desk = await open_warnings(
            Settings(**given | settings), open_resources, registry, journal, now, reserve=reserved.__setitem__
        )
        registry.subscribe(desk.apply_diff)
        registry.apply(diff((), [choosing(city, choice) for city in cities]))
        with capture_logs(processors=[add_time]) as lines:
            task = asyncio.create_task(desk.run())
            try:
                yield Run(desk, registry, lines, limiters, reserved)  # type: ignore[arg-type]
            finally:
                task.cancel()
                await asyncio.gather(task, return_exceptions=True)


@contextlib.asynccontextmanager
async def simulating() -> AsyncIterator[tuple[str, Any]]:
    """Serve the simulated services; yield their URL and their statistics."""
    app = create_app(now=now)
    async with serve_app("127.0.0.1", 0, app) as url:
        yield url, app[STATS]


@pytest.mark.once
async def test_a_scripted_day(journal: VirtualJournal) -> None:
    """Each step of the day is reported once for each covered city, and the state is right all the time."""
    async with simulating() as (url, stats), running(journal, KIEL, OSLO, WICHITA, PARIS, url=url) as run:
        await asyncio.sleep(5 * HOUR)
        assert run.in_force() == [("kiel", "fog", 1), ("oslo", "icing", 2), ("wichita", "Dense Fog Advisory", 1)]
        await asyncio.sleep(8 * HOUR)
        assert [(city, severity) for city, _, severity in run.in_force()] == [("kiel", 3), ("oslo", 3), ("wichita", 3)]
        await asyncio.sleep(11 * HOUR)
        assert run.in_force() == []
    for city in ("kiel", "oslo", "wichita"):
        events = [(at, event) for at, event, name in run.events() if name == city]
        ends = "18:02" if city != "wichita" else "18:00"
        assert [event for _, event in events] == [
            "warning.new", "warning.new", "warning.updated", "warning.ended", "warning.renewed", "warning.ended"
        ]  # fmt: skip
        expected = ["02:00", "06:00", "09:00", "10:00", "12:00", ends]
        assert [abs(minutes(at) - minutes(time)) <= 2 for (at, _), time in zip(events, expected, strict=True)] == [
            True
        ] * 6
    requests = {name: found.requests for name, found in stats.items()}
    assert requests == dict.fromkeys(("nws", "bright-sky", "met-norway"), 24 * 30 + 1)
    assert stats["met-norway"].statuses[304] > 700


def minutes(text: str) -> int:
    """Return the minutes in a text such as ``02:30``."""
    return int(text[:2]) * 60 + int(text[3:])


@pytest.mark.once
async def test_a_restart_reports_nothing_twice(journal: VirtualJournal) -> None:
    """After a stop at any hour, the day has the same changes as without it, each once, also in the journal."""
    events: Counter[tuple[str, str, str]] = Counter()
    async with simulating() as (url, _):
        for _ in range(8):
            async with running(journal, WICHITA, url=url, warnings=("nws",)) as run:
                await asyncio.sleep(3 * HOUR - 1)
            events.update(
                (event, line["key"], city) for line, (_, event, city) in zip(run.lines, run.events(), strict=True)
            )
            await asyncio.sleep(1)
    assert set(events.values()) == {1}
    changes = journal.store._db.query("SELECT kind, count(*) FROM warning_change GROUP BY kind")
    assert dict(changes) == {"new": 2, "updated": 1, "ended": 2}


@pytest.mark.once
async def test_a_warning_that_ends_during_a_stop(journal: VirtualJournal) -> None:
    """It is restored and reported as ended after the start, but not as in force any more."""
    async with simulating() as (url, _):
        async with running(journal, WICHITA, url=url):
            await asyncio.sleep(7 * HOUR)
        await asyncio.sleep(13 * HOUR)
        async with running(journal, WICHITA, url=url) as run:
            assert len(run.desk.current.of_city("wichita", EPOCH)) == 2
            assert run.in_force() == []
            await asyncio.sleep(HOUR)
    assert [event for _, event, _ in run.events()] == ["warning.ended", "warning.ended"]


async def test_the_first_start_reports_nothing_old(journal: VirtualJournal) -> None:
    """Warnings that were issued hours ago are in force, but no news; those that come later are."""
    async with simulating() as (url, _):
        await asyncio.sleep(7 * HOUR)
        async with running(journal, KIEL, url=url) as run:
            await asyncio.sleep(60)
            assert [event for _, event, _ in run.events()] == ["warning.existing"] * 2
            assert len(run.in_force()) == 2
            await asyncio.sleep(2 * HOUR)
    assert [event for _, event, _ in run.events()][2:] == ["warning.updated"]


async def test_the_first_start_reports_what_is_recent(journal: VirtualJournal) -> None:
    """A warning that was issued two minutes before is news, also of a service whose times of issue are in its ids."""
    async with simulating() as (url, _):
        await asyncio.sleep(6 * HOUR + 120)
        async with running(journal, OSLO, WICHITA, url=url) as run:
            await asyncio.sleep(60)
            assert {(event, city) for _, event, city in run.events()} == {
                ("warning.new", "oslo"), ("warning.new", "wichita"),
                ("warning.existing", "oslo"), ("warning.existing", "wichita"),
            }  # fmt: skip


async def test_one_national_request_above_thirty_cities(journal: VirtualJournal) -> None:
    """With 40 US cities, the zones of each are searched once, and then one request serves all of them."""
    cities = [City(name=f"City {n}", lat=32 + n / 4, lon=-95.0) for n in range(40)]
    async with simulating() as (url, stats), running(journal, *cities, url=url) as run:
        await asyncio.sleep(HOUR)
        assert all(run.desk.current.has_answer(city.id, "nws") for city in cities)
        first = stats["nws"].requests
        assert 40 + 25 <= first <= 40 + 31
        await asyncio.sleep(6 * HOUR)
        assert stats["nws"].requests == first + 180
        assert len(run.in_force()) == 80
        new = [line for line in run.lines if line["event"] == "warning.new"]
        assert [line["count"] for line in new] == [40, 40]


async def test_thousands_of_places_are_complete_as_fast_as_the_plan_allows(journal: VirtualJournal) -> None:
    """Zones of 1,000 US cities take the nine minutes that two requests a second take; one place abroad costs nothing.

    Old warnings are no news when the zones become known, and the list is requested every two minutes from the start.
    """
    cities = [City(name=f"City {n:04}", lat=32 + n / 200, lon=-95.0) for n in range(1000)]
    abroad = City(name="Abroad", lat=-13.5, lon=-171.0)
    async with simulating() as (url, stats):
        await asyncio.sleep(7 * HOUR)
        async with running(journal, abroad, *cities, url=url) as run:
            await asyncio.sleep(8 * 60)
            assert 900 < stats["nws"].requests < 1001 + 5
            assert len(run.in_force()) > 900
            await asyncio.sleep(HOUR - 8 * 60)
            assert all(run.desk.current.has_answer(city.id, "nws") for city in cities)
            assert 1001 + 28 <= stats["nws"].requests <= 1001 + 32
        assert {line["event"] for line in run.lines} == {"warning.existing"}
        assert len(run.in_force()) == 2000
        async with running(journal, abroad, *cities, url=url) as run:
            assert len(run.in_force()) == 2000


async def test_one_request_for_all_german_cities(journal: VirtualJournal) -> None:
    """Each commune is requested once for 40 cities; a list that grows over the bound reports nothing again."""
    cities = [City(name=f"City {n}", lat=48 + n / 6, lon=10.0) for n in range(40)]
    async with simulating() as (url, stats):
        await asyncio.sleep(7 * HOUR)
        async with running(journal, *cities[:30], url=url) as run:
            await asyncio.sleep(HOUR)
            before = run.in_force()
            run.registry.apply(diff(run.registry.cities, [choosing(city, "auto") for city in cities]))
            first = stats["bright-sky"].requests
            await asyncio.sleep(HOUR)
            assert 40 + 28 <= stats["bright-sky"].requests - first <= 40 + 60
            assert [found for found in run.in_force() if int(found[0].split("-")[1]) < 30] == before
        assert {line["event"] for line in run.lines} <= {"warning.existing", "warning.renewed"}
        assert len(run.in_force()) == 40 + sum(city.lat > 52.05 for city in cities)


async def test_the_service_for_the_world_is_asked_about_other_places(journal: VirtualJournal) -> None:
    """With ``auto`` Pirate Weather is asked about places that no other service covers, four times an hour each."""
    tokyo = City(name="Tokyo", lat=35.7, lon=139.7)
    named = replace(WICHITA, warnings=("pirate-weather",))
    async with simulating() as (url, stats):
        key = {"base_url": url, "api_key": "sesame"}
        async with running(journal, KIEL, tokyo, PARIS, named, url=url, pirate_weather=key) as run:
            await asyncio.sleep(11.5 * HOUR)
            found = {(city, event) for city, event, _ in run.in_force() if city != "kiel"}
            assert found == {(city, "Strong wind") for city in ("tokyo", "paris", "wichita")}
            kinds = [event for _, event, city in run.events() if city == "tokyo"]
            assert kinds == ["warning.new", "warning.new", "warning.updated", "warning.ended"]
        assert "nws" not in stats
        assert 138 <= stats["pirate-weather"].requests <= 138 + 3


async def test_every_request_counts_as_a_call(journal: VirtualJournal) -> None:
    """The rate limiter of the service has counted them, so that weather and warnings share its plan."""
    async with simulating() as (url, stats):
        async with running(journal, KIEL, url=url, bright_sky={"base_url": url}) as run:
            limiter, calls = run.limiters["bright-sky"], 0
            run_once = limiter.run

            async def count(send: Any, weight: int = 1) -> Any:
                nonlocal calls
                calls += weight
                return await run_once(send, weight)

            limiter.run = count  # type: ignore[method-assign]
            await asyncio.sleep(HOUR)
        assert stats["bright-sky"].requests - calls in (0, 1)


async def test_an_outage_changes_nothing(journal: VirtualJournal) -> None:
    """While a service is down, its warnings stay in force until their ends; the outage and its end are logged once."""
    async with simulating() as (url, _), running(journal, WICHITA, url=url) as run:
        await asyncio.sleep(7 * HOUR)
        before = run.in_force()
        [poller] = [poller for poller in run.desk.pollers if poller.name == "nws"]
        fetch, service = poller.service.fetch, poller.service
        poller.service = Broken(service)
        await asyncio.sleep(2 * HOUR)
        assert run.in_force() == before
        assert poller.health.failure == "out of order"
        await asyncio.sleep(14 * HOUR)
        assert run.in_force() == []
        poller.service = service
        assert poller.service.fetch == fetch
        await asyncio.sleep(HOUR)
    events = [(event, name) for _, event, name in run.events() if not event.startswith("warning.renewed")]
    assert events == [
        ("warning.new", "wichita"),
        ("warning.new", "wichita"),
        ("warnings.down", "nws"),
        ("warning.ended", "wichita"),
        ("warning.ended", "wichita"),
        ("warnings.recovered", "nws"),
    ]


class Broken:
    """A service that does not answer any more."""

    def __init__(self, service: Any) -> None:
        self.interval, self.covers, self.group = service.interval, service.covers, service.group
        self.prepare = service.prepare

    async def fetch(self, _: Sequence[City]) -> dict[str, WarningAnswer]:
        """Fail."""
        raise unavailable()


class Scripted:
    """A service that covers every place, with one answer for all cities, or an error."""

    interval = 60.0

    def __init__(self, *_: object) -> None:
        self.requests: list[tuple[float, str]] = []
        self.outcome: dict[str, Exception | WarningAnswer] = {}

    def covers(self, _: City) -> bool:
        """Cover everything."""
        return True

    def group(self, cities: Sequence[City]) -> list[list[City]]:
        """Request each city on its own."""
        return [[city] for city in cities]

    async def prepare(self, cities: Sequence[City], seconds: float) -> None:
        """Do nothing."""

    async def fetch(self, cities: Sequence[City]) -> dict[str, WarningAnswer]:
        """Return the answer about a city."""
        self.requests.append((asyncio.get_running_loop().time(), cities[0].id))
        outcome = self.outcome.get(cities[0].id, WarningAnswer([]))
        if isinstance(outcome, Exception):
            raise outcome
        return {cities[0].id: outcome}


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Scripted:
    """Return a service in place of the NWS."""
    scripted = Scripted()
    monkeypatch.setitem(desks._OPENERS, "nws", lambda *_: scripted)
    return scripted


async def test_a_place_that_is_not_covered_is_asked_once_a_day(journal: VirtualJournal, service: Scripted) -> None:
    """The area of a service is known to it alone; nothing is logged, and the other cities are polled on."""
    service.outcome["paris"] = ProviderError("not covered", Failure.REJECTED)
    async with running(journal, KIEL, PARIS, warnings=("nws",)) as run:
        await asyncio.sleep(25 * HOUR)
    counts = Counter(city for _, city in service.requests)
    assert counts["paris"] == 2
    assert counts["kiel"] > 1400
    assert run.lines == []
    assert run.desk.pollers[0].health.covered == 1


async def test_requests_are_spread_and_leave_room_for_the_weather(journal: VirtualJournal, service: Scripted) -> None:
    """The first round is fast, the next ones are even; never more than a quarter of the plan's rate is used."""
    cities = [City(name=f"City {n}", lat=n / 10, lon=0.0) for n in range(200)]
    async with running(journal, *cities, warnings=("nws",)):
        await asyncio.sleep(HOUR)
    times = [time for time, _ in service.requests]
    gaps = {round(later - earlier, 6) for earlier, later in itertools.pairwise(times)}
    assert gaps == {2.0}  # the plan allows two a second
    service.requests.clear()
    async with running(journal, *cities[:6], warnings=("nws",)):
        await asyncio.sleep(60)
    times = [time - service.requests[0][0] for time, _ in service.requests]
    assert times == pytest.approx([0, 10, 20, 30, 40, 50, 60], abs=0.1)


async def test_the_planner_knows_the_requests(journal: VirtualJournal, service: Scripted) -> None:
    """The calls of the list in the long run are reserved for the warnings, and no more than their part of the plan."""
    cities = [City(name=f"City {n}", lat=n / 10, lon=0.0) for n in range(200)]
    async with running(journal, *cities[:6], warnings=("nws",)) as run:
        await asyncio.sleep(HOUR)
        assert run.reserved["nws"] == pytest.approx(0.1)
        before = len(service.requests)
        await asyncio.sleep(HOUR)
        assert len(service.requests) - before == pytest.approx(HOUR / 10, abs=1)
        run.registry.apply(diff(run.registry.cities, [choosing(city) for city in cities]))
        await asyncio.sleep(60)
        assert run.reserved["nws"] == 0.5
        run.registry.apply(diff(run.registry.cities, ()))
        await asyncio.sleep(HOUR)
        assert run.reserved["nws"] == 0.0


async def test_the_first_round_of_a_service_for_warnings_is_fast(journal: VirtualJournal) -> None:
    """Its plan allows 20 requests at once, which no weather needs; later ones come as seldom as the plan demands."""
    cities = [City(name=f"City {n}", lat=35 + n / 10, lon=139.7) for n in range(15)]
    async with simulating() as (url, stats):
        key = {"base_url": url, "api_key": "sesame"}
        async with running(journal, *cities, url=url, pirate_weather=key) as run:
            await asyncio.sleep(1)
            assert all(run.desk.current.has_answer(city.id, "pirate-weather") for city in cities)
            await asyncio.sleep(24 * HOUR)
        assert stats["pirate-weather"].requests <= 15 + 10_000 / 31


async def test_a_reload_begins_and_forgets(journal: VirtualJournal, service: Scripted) -> None:
    """A removed city has no warnings; one that moved is looked up as a new place; an added one soon has its own."""
    service.outcome = {city.id: WarningAnswer([storm(city.id)]) for city in (KIEL, OSLO, PARIS)}
    async with running(journal, KIEL, OSLO, warnings=("nws",)) as run:
        await asyncio.sleep(HOUR)
        moved = choosing(replace(OSLO, lat=60.0))
        run.registry.apply(diff(run.registry.cities, (moved, choosing(PARIS))))
        assert run.in_force() == []
        await asyncio.sleep(HOUR)
        assert [city for city, *_ in run.in_force()] == ["oslo", "paris"]
    saved = {(place.city, place.lat): len(place.warnings) for place in journal.store.warnings.load()}
    assert saved == {("oslo", 60.0): 1, ("paris", 48.85): 1}
    async with running(journal, KIEL, moved, warnings=("nws",)) as run:
        assert [city for city, *_ in run.in_force()] == ["oslo"]
        await asyncio.sleep(HOUR)
    assert sorted(place.city for place in journal.store.warnings.load()) == ["kiel", "oslo"]


async def test_an_edit_is_noticed_at_once(journal: VirtualJournal, service: Scripted) -> None:
    """A city that is added, moved, or switched on again has its warnings in seconds; the others keep their pace."""
    service.interval = 3600.0
    service.outcome = {city.id: WarningAnswer([storm(city.id)]) for city in (KIEL, OSLO, PARIS)}
    async with running(journal, KIEL, OSLO, warnings=("nws",)) as run:
        kiel, oslo = run.registry.cities
        await asyncio.sleep(60)
        for cities, expected in (
            ((kiel, oslo, choosing(PARIS)), "paris"),
            ((kiel, replace(oslo, lat=60.0), choosing(PARIS)), "oslo"),
            ((kiel, replace(oslo, lat=60.0), replace(PARIS, warnings="off")), None),
            ((kiel, replace(oslo, lat=60.0), choosing(PARIS)), "paris"),
        ):
            service.requests.clear()
            run.registry.apply(diff(run.registry.cities, cities))
            await asyncio.sleep(10)
            assert [city for _, city in service.requests] == ([expected] if expected else [])
        assert len(run.in_force()) == 3
        service.requests.clear()
        await asyncio.sleep(24 * HOUR)
        assert Counter(city for _, city in service.requests) == {"kiel": 24, "oslo": 24, "paris": 24}


async def test_a_row_chooses_its_services(journal: VirtualJournal, service: Scripted) -> None:
    """A row without warnings costs no request and has none; an edit of the row begins and forgets, also in the file."""
    service.outcome = {city.id: WarningAnswer([storm(city.id)]) for city in (KIEL, OSLO, PARIS)}
    async with running(journal, KIEL, OSLO, replace(PARIS, warnings=("bright-sky",)), warnings=("nws",)) as run:
        await asyncio.sleep(HOUR)
        assert [poller.name for poller in run.desk.pollers] == ["nws", "bright-sky"]
        assert [city for city, *_ in run.in_force()] == ["kiel", "oslo"]
        run.registry.apply(diff(run.registry.cities, (replace(KIEL, warnings="auto"), OSLO, choosing(PARIS))))
        assert [city for city, *_ in run.in_force()] == ["kiel"]
        await asyncio.sleep(HOUR)
        assert [city for city, *_ in run.in_force()] == ["kiel", "paris"]
    assert {city for time, city in service.requests if time > service.requests[0][0] + HOUR + 120} == {"kiel", "paris"}
    assert {place.city for place in journal.store.warnings.load() if place.provider == "nws"} == {"kiel", "paris"}
    async with running(journal, replace(KIEL, warnings=("met-norway",)), choosing(PARIS), warnings="off") as run:
        assert [city for city, *_ in run.in_force()] == ["paris"]
        assert [poller.name for poller in run.desk.pollers] == ["nws", "met-norway"]


@pytest.mark.parametrize("outcome", [WarningAnswer([]), unavailable()])
async def test_a_service_without_cities_has_no_health(
    journal: VirtualJournal, service: Scripted, outcome: WarningAnswer | Exception
) -> None:
    """After its last city is switched off, it has neither metrics nor a failure, although ``auto`` may choose it."""
    service.outcome["kiel"] = outcome
    service.covers = lambda city: city.id == "kiel"  # type: ignore[method-assign, assignment]
    others = choosing(City(name="Elsewhere", lat=0.0, lon=0.0), "auto")
    async with running(journal, KIEL, others, warnings=("nws",)) as run:
        await asyncio.sleep(HOUR)
        assert "nws" in read_providers(run)
        run.registry.apply(diff(run.registry.cities, (replace(KIEL, warnings="off"), others)))
        await asyncio.sleep(1)
        assert read_providers(run) == set()
        [poller] = [poller for poller in run.desk.pollers if poller.name == "nws"]
        assert poller.health.failure is None
        run.registry.apply(diff(run.registry.cities, (choosing(KIEL), others)))
        await asyncio.sleep(HOUR)
        assert "nws" in read_providers(run)


def read_providers(run: Run) -> set[str]:
    """Return the services that have metrics."""
    return {sample.labels["provider"] for metric in collect_warning_metrics(run.desk) for sample in metric.samples}


async def test_what_is_not_followed_any_more_ends_once(journal: VirtualJournal, service: Scripted) -> None:
    """The warnings of a city that is switched off, removed or moved end, also where that was edited during a stop."""
    cities = [choosing(City(name=name, lat=lat, lon=10.0)) for lat, name in enumerate("ABCDE", 50)]
    service.outcome = {city.id: WarningAnswer([storm(city.id)]) for city in cities}
    first, _, third, fourth, fifth = cities
    off, moved = replace(first, warnings="off"), replace(third, lat=60.0)
    async with running(journal, *cities) as run:
        await asyncio.sleep(HOUR)
        run.registry.apply(diff(run.registry.cities, (off, moved, fourth, fifth)))
        ended = [line for line in run.lines if line["event"] == "warning.ended"]
        assert [(line["city"], line["reason"]) for line in ended] == [(name, "not_followed") for name in "bca"]
        await asyncio.sleep(1)
        assert read_ends(journal) == [(name, "not_followed") for name in "bca"]
        await asyncio.sleep(HOUR)
    for _ in range(2):
        service.outcome = {}
        async with running(
            journal, off, replace(fourth, warnings="off"), replace(fifth, lat=61.0), warnings="off"
        ) as run:
            assert run.in_force() == []
            await asyncio.sleep(HOUR)
    assert read_ends(journal) == [(name, "not_followed") for name in "bcacde"]  # C was removed at its second place
    assert {place.city for place in journal.store.warnings.load()} == {"e"}


async def test_an_end_is_saved_without_another_poll(journal: VirtualJournal, service: Scripted) -> None:
    """If nothing is followed any more, no poll would save it; if the journal cannot be written, it is tried again."""
    service.outcome["kiel"] = WarningAnswer([storm()])
    async with running(journal, KIEL, warnings=("nws",)) as run:
        await asyncio.sleep(HOUR)
        call = journal.call

        async def fail(_: Any) -> Any:
            raise StateError("the disk is full")

        journal.call = fail  # type: ignore[method-assign, assignment]
        run.registry.apply(diff(run.registry.cities, (KIEL,)))
        await asyncio.sleep(HOUR)
        journal.call = call  # type: ignore[method-assign]
        await asyncio.sleep(61)
        assert read_ends(journal) == [("kiel", "not_followed")]
    assert not journal.store.warnings.has_places()


async def test_a_warning_ends_between_the_polls(journal: VirtualJournal, service: Scripted) -> None:
    """Its end is reported and stored when it passes, once, however long the service's interval is, or after a stop."""
    service.interval = 2820.0
    ends = {"first": 3613, "second": 6000, "third": 20000}
    service.outcome["kiel"] = WarningAnswer(
        [storm(key, ends=EPOCH + timedelta(seconds=time)) for key, time in ends.items()]
    )
    async with running(journal, KIEL, warnings=("nws",)) as run:
        await asyncio.sleep((EPOCH + timedelta(seconds=3612) - now()).total_seconds())
        assert read_ends(journal) == []
        await asyncio.sleep(2)
        assert read_ends(journal) == [("kiel", "expired")]
        assert run.events()[-1] == ("01:00", "warning.ended", "kiel")
    await asyncio.sleep(HOUR)
    requests = len(service.requests)
    service.outcome["kiel"] = unavailable()
    async with running(journal, KIEL, warnings=("nws",)) as run:
        await asyncio.sleep(1)
        assert read_ends(journal) == [("kiel", "expired")] * 2
        await asyncio.sleep(100000)
    assert [line["key"] for line in run.lines if line["event"] == "warning.ended"] == ["second", "third"]
    assert read_ends(journal) == [("kiel", "expired")] * 3
    assert len(service.requests) > requests
    assert [place.warnings for place in journal.store.warnings.load()] == [[]]


async def test_the_service_for_the_world_ends_where_a_country_has_its_own(journal: VirtualJournal) -> None:
    """After an edit from Pirate Weather to ``auto``, its warnings end, because the NWS is asked instead."""
    named = replace(WICHITA, warnings=("pirate-weather",))
    async with simulating() as (url, _):
        key = {"base_url": url, "api_key": "sesame"}
        async with running(journal, named, url=url, pirate_weather=key) as run:
            await asyncio.sleep(7 * HOUR)
            assert {event for _, event, _ in run.in_force()} == {"Strong wind", "Fog"}
            run.registry.apply(diff(run.registry.cities, (replace(WICHITA, warnings="auto"),)))
            assert run.in_force() == []
            await asyncio.sleep(300)
            assert {event for _, event, _ in run.in_force()} == {"High Wind Warning", "Dense Fog Advisory"}
        async with running(journal, named, url=url, pirate_weather=key):
            await asyncio.sleep(1)
        before = read_ends(journal)
        async with running(journal, named, url=url):  # without the key, whose row the daemon would quarantine
            await asyncio.sleep(1)
        assert read_ends(journal)[len(before) :] == [("wichita", "not_followed")] * 2


def read_ends(journal: VirtualJournal) -> list[tuple[str, str]]:
    """Return city and reason of each end in the journal, in order."""
    rows = journal.store._db.query("SELECT city, reason FROM warning_change WHERE kind = 'ended' ORDER BY seq")
    return [(city, reason) for city, reason in rows]


async def test_a_full_disk_loses_nothing(journal: VirtualJournal, service: Scripted) -> None:
    """Warnings are in force while the journal cannot be written, and their changes are saved when it can be."""
    service.outcome["kiel"] = WarningAnswer([storm()])
    async with running(journal, KIEL, warnings=("nws",)) as run:
        call = journal.call

        async def fail(_: Any) -> Any:
            raise StateError("the disk is full")

        journal.call = fail  # type: ignore[method-assign, assignment]
        await asyncio.sleep(300)
        assert len(run.in_force()) == 1
        service.outcome["kiel"] = WarningAnswer([storm(message_id="2", headline="Worse")])
        await asyncio.sleep(300)
        journal.call = call  # type: ignore[method-assign]
        await asyncio.sleep(300)
    assert [line["event"] for line in run.lines] == [
        "warning.new", "warnings.not_saved", "warning.updated", "warnings.saved_again"
    ]  # fmt: skip
    rows = journal.store._db.query("SELECT kind FROM warning_change ORDER BY seq")
    assert rows == [("new",), ("updated",)]
    assert [len(place.warnings) for place in journal.store.warnings.load()] == [1]


async def test_a_bug_of_a_service_does_not_end_the_polls(journal: VirtualJournal, service: Scripted) -> None:
    """It is logged with its traceback, once; the weather goes on, and so do the polls of warnings."""
    service.outcome["kiel"] = ZeroDivisionError("a bug")
    async with running(journal, KIEL, warnings=("nws",)) as run:
        await asyncio.sleep(300)
        service.outcome["kiel"] = WarningAnswer([storm()])
        await asyncio.sleep(300)
        assert len(run.in_force()) == 1
    assert [line["event"] for line in run.lines] == ["warnings.down", "warnings.recovered", "warning.new"]


async def test_a_bug_of_a_lookup_does_not_end_the_polls(
    journal: VirtualJournal, service: Scripted, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A failure between two requests is logged, and the polls go on at their pace."""

    async def fail(*_: object) -> None:
        raise ZeroDivisionError("a bug")

    monkeypatch.setattr(service, "prepare", fail)
    async with running(journal, KIEL, warnings=("nws",)) as run:
        await asyncio.sleep(301)
    assert len(service.requests) == 6
    assert {(line["event"], line["provider"]) for line in run.lines} == {("warnings.lookup_failed", "nws")}


async def test_unreadable_parts_are_logged_once(journal: VirtualJournal, service: Scripted) -> None:
    """And nothing ends because of them."""
    service.outcome["kiel"] = WarningAnswer([storm()])
    async with running(journal, KIEL, warnings=("nws",)) as run:
        await asyncio.sleep(120)
        service.outcome["kiel"] = WarningAnswer([], ["alert x: it has no id"])
        await asyncio.sleep(600)
        assert len(run.in_force()) == 1
    assert [line["event"] for line in run.lines] == ["warning.new", "warnings.unreadable"]


async def test_a_lost_journal_gets_the_warnings_again(journal: VirtualJournal, service: Scripted) -> None:
    """If the file is deleted, the next one has all warnings in force, so that a restart reports nothing twice."""
    service.outcome = {city.id: WarningAnswer([storm(city.id)]) for city in (KIEL, OSLO)}
    async with running(journal, KIEL, OSLO, warnings=("nws",)):
        await asyncio.sleep(300)
        journal.file.unlink()
        with pytest.raises(StateError):
            await journal.call(lambda store: store.save([], []))
        await journal.call(lambda store: store.save([], []))  # opens a new file
        assert journal.store.warnings.load() == []
        await asyncio.sleep(120)
    assert [(place.city, len(place.warnings)) for place in journal.store.warnings.load()] == [("kiel", 1), ("oslo", 1)]
