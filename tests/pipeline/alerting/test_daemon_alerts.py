"""The built-in rules in a running daemon on virtual time: what is stored and logged, across kills and edits."""

from __future__ import annotations

import asyncio
import tempfile
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pipeline.alerting.alert_lives import AlertLives, silence_alerts
from tests.pipeline.forwarders.destination import FakeDestination
from tests.pipeline.notifications.test_delivery import Receiver
from tests.support import virtual_time
from tests.support.fakes import KIEL, new_limiter, observation, unavailable
from weatherd.alerts.builtin.daemon_rules import CITIES_DOWN
from weatherd.city import City
from weatherd.errors import DeliveryError, Failure, Problem, ProviderError, StateError
from weatherd.quota.plans import Plan

if TYPE_CHECKING:
    from collections.abc import Callable

    from weatherd.config.loader import Configuration
    from weatherd.observation import Observation
    from weatherd.quota.limiter import RateLimiter

HOUR = 3600.0
CITIES = [City(name=f"City {n}", lat=n, lon=10.0, interval=600.0, providers=("fake",)) for n in range(30)]


class FaultyProvider:
    """A provider with its rate limiter, which fails with an error that is set, or denies access, which pauses it."""

    def __init__(self, plan: Plan | None = None) -> None:
        self.limiter: RateLimiter = new_limiter(plan=plan or Plan())
        self.error: ProviderError | None = None
        self.denial: ProviderError | None = None
        self.failing: Callable[[City], bool] = lambda _: True

    async def fetch(self, city: City) -> Observation:
        """Return an observation, or fail."""
        if self.error and self.failing(city):
            raise self.error.copy_for()
        return await self.limiter.run(lambda: self._respond(city))

    async def _respond(self, city: City) -> Observation:
        if self.denial:
            raise self.denial.copy_for()
        at = virtual_time.now()
        return observation(city, observed_at=at, fetched_at=at, temperature=5.0)


class DaemonLives(AlertLives):
    """Runs of a daemon without rules of its own, whose provider may fail."""

    def __init__(self, folder: Path, cities: list[City], rules: str = "alerts:", plan: Plan | None = None) -> None:
        super().__init__(folder, rules, cities, lambda _: 5.0)
        self.faulty = FaultyProvider(plan)
        self.provider = self.faulty
        self.parts["limiters"] = {"fake": self.faulty.limiter}
        self.quarantined: tuple[tuple[Problem, ...], ...] = ()

    def configuration(self) -> Configuration:
        """Return the configuration as it is edited."""
        return replace(super().configuration(), quarantined=self.quarantined)

    async def run_while(self, seconds: float, *steps: tuple[float, Callable[[], object]]) -> None:
        """Run for the given seconds, and take each step at its time."""
        run = asyncio.create_task(self.live(seconds))
        passed = 0.0
        for at, step in steps:
            await asyncio.sleep(at - passed)
            passed = at
            step()
        await run

    def edit(self, cities: list[City], quarantined: int = 0) -> None:
        """Edit the list."""
        self.cities = tuple(cities)
        self.quarantined = tuple((Problem("cities.yaml:1:1", "no name"),) for _ in range(quarantined))
        self.reload.set()


async def test_an_outage_is_one_alert(tmp_path: Path) -> None:
    """30 cities that fail are one alert after 15 minutes, with the number, which is resolved; the start is silent."""
    lives = DaemonLives(tmp_path, CITIES)
    lives.faulty.error, lives.faulty.failing = unavailable(), lambda city: city.id != "city-7"
    await lives.live(600)
    assert lives.all_entries() == [] or all(entry.event is None for entry in lives.all_entries())
    await lives.live(HOUR)
    assert lives.daemon_events() == [("cities-down", "", "firing")]
    [firing] = lives.logged("alert.firing")
    assert firing["rule"] == "daemon.cities-down"
    assert "29 of 30 cities have no fresh weather" in firing["message"]
    lives.faulty.error = None
    await lives.live(2 * HOUR)
    assert lives.daemon_events()[1:] == [("cities-down", "", "resolved")]
    [resolved] = lives.logged("alert.resolved")
    assert resolved["message"].startswith("resolved after ")


async def test_an_outage_that_is_silenced(tmp_path: Path) -> None:
    """An outage that still lasts when its silence ends is sent once more, whether it was sent before or not."""
    for begin, expected in ((2 * HOUR, ["firing", "repeated"]), (0.0, ["firing"])):
        folder = tmp_path / f"{begin:g}"
        folder.mkdir()
        lives = DaemonLives(folder, CITIES)
        lives.faulty.error, lives.faulty.failing = unavailable(), lambda city: city.id != "city-7"
        await lives.live(begin + 60)
        await silence_alerts(lives, 4 * HOUR, rule=CITIES_DOWN)
        await lives.live(3 * HOUR)
        assert len(find_sent(lives)) == len(expected) - 1
        await lives.live(2 * HOUR)
        assert find_sent(lives) == expected


def find_sent(lives: AlertLives) -> list[str | None]:
    """Return the events about cities that are down that are sent."""
    found = [entry for entry in lives.all_entries() if entry.rule == CITIES_DOWN and not entry.silenced]
    return [entry.event for entry in found if entry.event]


async def test_a_restart_in_an_outage_changes_nothing(tmp_path: Path) -> None:
    """While cities wait for their first poll after a restart, their states are unknown, and no alert is resolved."""
    slow = [replace(city, interval=HOUR) for city in CITIES]
    lives = DaemonLives(tmp_path, slow)
    await lives.live(600)
    lives.faulty.error = unavailable()
    await lives.live(1.5 * HOUR)
    for _ in range(5):
        await lives.live(200)
    assert lives.daemon_events() == [("cities-down", "", "firing")]


async def test_the_list_is_emptied_and_halved(tmp_path: Path) -> None:
    """An empty list is an alert until it is filled; one that is halved in a stop is one alert, also after a restart."""
    lives = DaemonLives(tmp_path, CITIES)
    await lives.run_while(600, (100, lambda: lives.edit([])), (300, lambda: lives.edit(CITIES)))
    assert lives.daemon_events() == [("list-shrunk", "", "firing"), ("list-shrunk", "", "resolved")]
    assert lives.logged("alert.firing")[0]["message"] == "the list has no cities, and had 30 in the last day"
    lives.cities = tuple(CITIES[:15])
    await lives.live(300)
    await lives.live(300)
    assert lives.daemon_events()[2:] == [("list-shrunk", "", "firing")]
    assert lives.logged("alert.firing")[1]["message"] == "the list has 15 cities, and had 30 in the last day"


async def test_a_list_that_shrinks_in_steps(tmp_path: Path) -> None:
    """A list that loses half of its cities by several edits is an alert; one that loses fewer, or grows, is none."""
    lives = DaemonLives(tmp_path, CITIES)
    await lives.run_while(600, (100, lambda: lives.edit(CITIES[:20])), (300, lambda: lives.edit(CITIES[:16])))
    assert lives.daemon_events() == []
    await lives.run_while(600, (100, lambda: lives.edit(CITIES[:15])))
    assert lives.daemon_events() == [("list-shrunk", "", "firing")]


async def test_a_paused_provider(tmp_path: Path) -> None:
    """A provider that pauses is an alert after 15 minutes if another one serves its cities, with the reason."""
    cities = [replace(city, providers=("fake", "other")) for city in CITIES]
    lives = DaemonLives(tmp_path, cities)
    other = FaultyProvider()
    lives.providers["other"] = other
    lives.parts["limiters"] = {"fake": lives.faulty.limiter, "other": other.limiter}
    lives.faulty.denial = ProviderError("429: too many", Failure.RATE_LIMITED)
    await lives.live(1800)
    assert lives.daemon_events() == [("provider-paused", "fake", "firing")]
    assert lives.logged("alert.firing")[0]["message"] == "no requests are sent to fake: 429: too many"
    lives.faulty.denial = None
    await lives.live(HOUR)
    assert lives.daemon_events()[1:] == [("provider-paused", "fake", "resolved")]


async def test_a_quota(tmp_path: Path) -> None:
    """80 % of the calls of an hour are an alert for the provider and the window; the next hour resolves it."""
    lives = DaemonLives(tmp_path, CITIES[:1], plan=Plan({"minute": 1, "hour": 7}))
    await lives.live(1.2 * HOUR)
    assert lives.daemon_events() == [("quota", "fake hour", "firing"), ("quota", "fake hour", "resolved")]
    assert lives.logged("alert.firing")[0]["message"] == "fake: 86% of the API calls of this hour are used (6 of 7)"


async def test_quarantined_rows_and_a_rejected_reload(tmp_path: Path) -> None:
    """Rows and files with mistakes are alerts, and their corrections resolve them."""
    lives = DaemonLives(tmp_path, CITIES)
    good = lives.rules.read_text()

    def write(text: str) -> None:
        lives.rules.write_text(text)
        lives.reload.set()

    await lives.run_while(
        HOUR,
        (60, lambda: lives.edit(CITIES, quarantined=2)),
        (900, lambda: lives.edit(CITIES)),
        (1000, lambda: write("alerts: {a: }")),
        (1800, lambda: write(good)),
    )
    assert lives.daemon_events() == [
        ("rows-quarantined", "", "firing"), ("rows-quarantined", "", "resolved"),
        ("reload-rejected", "", "firing"), ("reload-rejected", "", "resolved"),
    ]  # fmt: skip


async def test_a_forwarder_is_behind(tmp_path: Path) -> None:
    """A destination that is down for more than 15 minutes is an alert, also across restarts, until it has caught up."""
    lives, destination = DaemonLives(tmp_path, CITIES), FakeDestination()
    lives.parts["forwarders"] = {"mqtt": destination}
    await lives.live(HOUR)
    destination.go_down()
    await lives.live(HOUR)
    await lives.live(600)
    assert lives.daemon_events() == [("forwarder-behind", "mqtt", "firing")]
    destination.come_up()
    await lives.live(600)
    assert lives.daemon_events()[1:] == [("forwarder-behind", "mqtt", "resolved")]
    assert lives.logged("alert.firing")[0]["message"].endswith("the oldest for 15m")


async def test_the_journal_cannot_be_written(tmp_path: Path) -> None:
    """The alert is stored as soon as that is possible, and there is none about the cities that wait for the journal."""
    lives = DaemonLives(tmp_path, CITIES)
    full = StateError("database or disk is full")
    await lives.run_while(
        2 * HOUR,
        (600, lambda: lives.journal.fails(full, 10**6)),
        (1.5 * HOUR, lambda: lives.journal.recovers()),  # noqa: PLW0108 - each run has another journal
    )
    assert lives.daemon_events() == [("journal-down", "", "firing"), ("journal-down", "", "resolved")]
    firing, resolved = (entry for entry in lives.all_entries() if entry.event)
    assert "database or disk is full" in firing.message
    assert resolved.at - firing.since == pytest.approx(1.5 * HOUR - 600, abs=700)


JOURNAL_RULES = "daemon: {notify: [ops]}\nnotify: {ops: {command: [x]}}\n"


async def test_the_message_that_the_journal_cannot_be_written(tmp_path: Path) -> None:
    """It is sent while the journal cannot be written, once, also after retries; the other one when that is possible."""
    lives, receiver = DaemonLives(tmp_path, CITIES, JOURNAL_RULES), Receiver()
    lives.senders["ops"] = receiver
    receiver.script = [DeliveryError("down"), DeliveryError("down")]
    sent: list[int] = []
    await lives.run_while(
        2 * HOUR,
        (600, lambda: lives.journal.fails(StateError("database or disk is full"), 10**6)),
        (1.4 * HOUR, lambda: sent.append(len(receiver.messages))),
        (1.5 * HOUR, lambda: lives.journal.recovers()),  # noqa: PLW0108 - see above
    )
    assert sent == [1]
    assert receiver.titles() == ["daemon.journal-down: weatherd", "daemon.journal-down resolved: weatherd"]
    assert "database or disk is full" in receiver.messages[0].text
    await lives.live(600)
    assert len(receiver.messages) == 2


@pytest.mark.parametrize("kill_at", [1, 2, 3, 4])
async def test_a_kill_after_that_message(tmp_path: Path, kill_at: int) -> None:
    """After a kill around the transaction that stores the alert, both messages have one key each.

    If the kill comes before anything is stored, nothing is known of the alert.
    """
    lives, receiver = DaemonLives(tmp_path, CITIES[:1], JOURNAL_RULES), Receiver()
    lives.senders["ops"] = receiver
    run = asyncio.create_task(lives.live(2 * HOUR))
    await asyncio.sleep(600)
    lives.journal.fails(StateError("database or disk is full"), 10**6)
    await asyncio.sleep(1500)
    lives.journal.kill_later(kill_at)
    lives.journal.recovers()
    await run
    await lives.live(HOUR)
    firing = [message.key for message in receiver.messages if message.event == "firing"]
    resolved = [message.key for message in receiver.messages if message.event == "resolved"]
    assert len(set(firing)) == 1
    assert len(set(resolved)) == (0 if kill_at == 1 else 1)


async def test_edits_of_the_rules(tmp_path: Path) -> None:
    """An alert of a rule that is switched off ends; a changed threshold takes effect; removed subjects end."""
    lives = DaemonLives(tmp_path, CITIES, "daemon: {cities-down: {share: 50%}}")
    lives.faulty.error, lives.faulty.failing = unavailable(), lambda city: city.lat < 10

    def write(text: str) -> None:
        lives.rules.write_text(text)
        lives.reload.set()

    await lives.run_while(
        HOUR,
        (1500, lambda: write("daemon: {cities-down: {share: 30%, severity: info}}")),
        (3000, lambda: write("daemon: {cities-down: false}")),
    )
    assert lives.daemon_events() == [("cities-down", "", "firing"), ("cities-down", "", "ended")]
    assert lives.logged("alert.firing")[0]["severity"] == "info"


@settings(max_examples=10, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 12), st.booleans(), st.integers(0, 5)), max_size=3))
def test_kills_neither_lose_nor_double_an_alert(kills: list[tuple[int, bool, int]]) -> None:
    """After kills before and after any transaction, an outage has fired once and is resolved once."""

    async def live() -> None:
        with tempfile.TemporaryDirectory() as folder:
            lives = DaemonLives(Path(folder), CITIES[:3])
            lives.faulty.error = unavailable()
            for kill_at, committed, minutes in kills:
                await lives.live(HOUR, kill_at, committed=committed)
                await asyncio.sleep(60 * minutes)
            await lives.live(HOUR)
            assert lives.daemon_events() == [("cities-down", "", "firing")]
            lives.faulty.error = None
            for kill_at, committed, minutes in kills:
                await lives.live(HOUR, kill_at, committed=committed)
                await asyncio.sleep(60 * minutes)
            await lives.live(HOUR)
            assert lives.daemon_events()[1:] == [("cities-down", "", "resolved")]

    virtual_time.run(live())


async def test_a_lost_journal_gets_the_states_again(tmp_path: Path) -> None:
    """After the journal was deleted, an alert that fires is in the new one, and does not fire again."""
    lives = DaemonLives(tmp_path, [KIEL])
    lives.faulty.error = unavailable()

    def recover() -> None:
        lives.faulty.error = None

    await lives.run_while(HOUR, (1500, lives.file.unlink), (2000, recover))
    assert len(lives.logged("alert.firing")) == 1
    assert lives.daemon_events() == [("cities-down", "", "resolved")]
