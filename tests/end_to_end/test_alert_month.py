"""A month of alerts, judged from outside: a receiver that knows keys, against the observations that were stored.

Values flap, are unknown, and have gaps; the process is killed and restarted at random points, the rules are edited, and
the destination is down now and then, once for a day. The whole month takes minutes: ``make month``.
"""

from __future__ import annotations

import asyncio
import os
import random
from datetime import time
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.pipeline.alerting.alert_lives import AlertLives
from tests.support import virtual_time
from tests.support.fakes import BERLIN, KIEL, VirtualJournal, observation, unavailable
from weatherd.alerts.builtin.daemon_rules import is_daemon_rule
from weatherd.errors import DeliveryError
from weatherd.journal.reader import Reader

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from weatherd.city import City
    from weatherd.http.session import Session
    from weatherd.journal.tables.alert_table import AlertEntry
    from weatherd.observation import Observation
    from weatherd.pipeline.notifications.message import AlertMessage, AlertNotice

pytestmark = pytest.mark.once

DAY = 86400.0
DAYS = float(os.environ.get("WEATHERD_VIRTUAL_DAYS", "2"))
RULES = """\
alerts:
  frost: {when: temperature < 0, until: temperature > 1, notify: [phone, night]}
  gale: {when: wind_speed > 10, notify: [phone, night], severity: error}
  other: {when: temperature > 90}
daemon: {notify: [phone], cities-down: {for: 5m}}
notify: {phone: {command: [x]}, night: {command: [x], quiet: "22:00-07:00"}}
"""


class Flapping:
    """A provider whose values flap around the thresholds, are missing for hours, and whose service fails for hours."""

    def __init__(self, draws: random.Random) -> None:
        self._draws = draws

    async def fetch(self, city: City) -> Observation:
        """Return the weather of an hour, which is the same for all polls in a minute."""
        now = virtual_time.now()
        hour = random.Random(f"{city.id} {now:%d %H}")
        if hour.random() < 0.15:
            raise unavailable()
        temperature = hour.choice([-4.0, 0.5, 4.0]) + self._draws.choice([-1.0, 0.0, 1.0])
        wind = None if hour.random() < 0.3 else hour.choice([2.0, 10.5]) + self._draws.choice([-1.0, 0.0])
        return observation(city, observed_at=now, fetched_at=now, temperature=temperature, wind_speed=wind)


class Phone:
    """A destination that remembers keys, and is down during *outages*; it may accept what a killed process sent."""

    kind = "fake"

    def __init__(self, outages: list[tuple[float, float]]) -> None:
        self._outages = outages
        self.messages: dict[str, AlertMessage] = {}
        self.times: list[float] = []

    async def send(self, message: AlertMessage, session: Session) -> None:  # noqa: ARG002
        """Accept a message after a second."""
        now = asyncio.get_running_loop().time()
        if any(begin <= now < end for begin, end in self._outages):
            raise DeliveryError("out of order")
        assert self.messages.setdefault(message.key, message) == message
        self.times.append(now)
        await asyncio.sleep(1)

    def notices(self) -> dict[tuple[str, str], list[AlertNotice]]:
        """Return the notices of each rule and city, of each key once."""
        found: dict[tuple[str, str], list[AlertNotice]] = {}
        for message in self.messages.values():
            for notice in message.alerts:
                found.setdefault((notice.rule, notice.city or notice.name), []).append(notice)
        return found


class _Threshold(NamedTuple):
    """A plain model of a rule: above *high* is True, below *low* False, and None or between neither."""

    field: str
    sign: int
    fires_above: float
    ends_above: float

    def expect_events(self, observations: list[Observation]) -> list[str]:
        """Return the events of a city's observations, in order of arrival."""
        events: list[str] = []
        for seen in observations:
            value = getattr(seen, self.field)
            if value is None:
                continue
            is_firing = events[-1:] == ["firing"]
            if not is_firing and self.sign * value > self.fires_above:
                events.append("firing")
            if is_firing and self.sign * value < self.ends_above:
                events.append("resolved")
        return events


FROST, GALE = _Threshold("temperature", -1, 0.0, -1.0), _Threshold("wind_speed", 1, 10.0, 10.0000001)


def read_observations(file: Path) -> dict[str, list[Observation]]:
    """Return the stored observations of each city in the order of their arrival."""
    journal, reader = VirtualJournal(file), Reader(file)
    found: dict[str, list[Observation]] = {}
    for seen in reader.iterate(None, None, ()):
        found.setdefault(seen.city, []).append(seen)
    reader.close()
    journal.close()
    return found


async def live_with_faults(lives: AlertLives, draws: random.Random) -> None:
    """Run the daemon for the time; restart it after minutes to days, kill it, and edit the rules while it runs."""
    loop, number = asyncio.get_running_loop(), 0
    while (left := DAYS * DAY - loop.time()) > 0:
        seconds = min(left, draws.choice([70.0, 1800.0, 20_000.0, 100_000.0]))
        kill_at = draws.choice([None, None, 1, 5, 30])
        run = asyncio.create_task(lives.live(seconds, kill_at, committed=draws.random() < 0.5))
        await asyncio.sleep(seconds / 3)
        number += 1
        edited = RULES.replace("> 90", f"> {90 + number}")
        lives.rules.write_text(edited if number % 3 else "alerts: {frost: {whn: 1}}")
        lives.reload.set()
        await asyncio.sleep(30)
        lives.rules.write_text(edited)
        lives.reload.set()
        await run
        await asyncio.sleep(draws.choice([1.0, 60.0, 900.0]))


def check_phone(phone: Phone, seen: dict[str, list[Observation]]) -> int:
    """Check that each event arrived once and in order; return their number."""
    notices, count = phone.notices(), 0
    for city, observations in seen.items():
        for rule, model in (("frost", FROST), ("gale", GALE)):
            found = [notice.event for notice in notices.get((rule, city), [])]
            assert found == model.expect_events(observations), (rule, city)
            count += len(found)
    return count


def check_daemon_alerts(phone: Phone, entries: Sequence[AlertEntry]) -> int:
    """Check that what is recorded of the daemon arrived once and in order, firing and resolved in turn."""
    recorded: dict[tuple[str, str], list[str]] = {}
    for entry in entries:
        if is_daemon_rule(entry.rule) and entry.event:
            recorded.setdefault((entry.rule, entry.city or "weatherd"), []).append(entry.event)
    notices = {alert: found for alert, found in phone.notices().items() if is_daemon_rule(alert[0])}
    assert {alert: [notice.event for notice in found] for alert, found in notices.items()} == recorded
    for events in recorded.values():
        assert [event == "firing" for event in events] == [number % 2 == 0 for number in range(len(events))]
    return sum(map(len, recorded.values()))


def check_night(night: Phone, phone: Phone) -> None:
    """Check that nothing arrived in quiet hours, and that the last news of each alert is the same as by day."""
    for seconds in night.times:
        clock = time(int(seconds % DAY // 3600), int(seconds % 3600 // 60))
        assert time(7) <= clock < time(22, 1), clock
    days = night.notices()
    by_day = {alert: notices for alert, notices in phone.notices().items() if not is_daemon_rule(alert[0])}
    for alert, notices in by_day.items():
        assert days[alert][-1].event == notices[-1].event, alert
    assert sum(map(len, days.values())) < sum(map(len, by_day.values()))


class _Month(NamedTuple):
    """What a month has brought."""

    phone: Phone
    night: Phone
    observations: dict[str, list[Observation]]  # by city
    entries: Sequence[AlertEntry]
    lives: int


async def _month(folder: Path) -> _Month:
    """Live through the month and an hour more, in which all that is left arrives."""
    draws = random.Random(7)
    begins = [day * DAY + begin for day in range(int(DAYS)) for begin in (20_000.0, 60_000.0)]
    outages = [(begin, begin + draws.choice([600.0, 7200.0])) for begin in begins]
    outages += [(0.3 * DAY, 1.3 * DAY)]
    lives, phone, night = AlertLives(folder, RULES, [KIEL, BERLIN], lambda _: 0.0), Phone(outages), Phone([])
    lives.provider = Flapping(draws)
    lives.senders = {"phone": phone, "night": night}
    await live_with_faults(lives, draws)
    await asyncio.sleep(DAY - asyncio.get_running_loop().time() % DAY + 43_200)  # until noon
    await lives.live(3600)
    return _Month(phone, night, read_observations(lives.file), lives.all_entries(), len(lives.status))


@pytest.mark.timeout(3600)
def test_every_alert_arrives_once(tmp_path: Path) -> None:
    """Every firing interval and every resolution arrives once, in order, whatever happens to the process."""
    month = virtual_time.run(_month(tmp_path), settle=0)
    count = check_phone(month.phone, month.observations)
    assert count > 8 * DAYS
    about_daemon = check_daemon_alerts(month.phone, month.entries)
    assert about_daemon > DAYS
    check_night(month.night, month.phone)
    total = count + about_daemon
    print(f"\n{DAYS:g} days, {month.lives} lives, {total} events in {len(month.phone.messages)} messages")  # noqa: T201
