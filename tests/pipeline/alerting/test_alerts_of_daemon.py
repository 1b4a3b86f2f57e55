"""A daemon with alert rules in virtual time: what it stores and logs, across kills and restarts."""

from __future__ import annotations

import asyncio
import tempfile
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pipeline.alerting.alert_lives import FROST, AlertLives
from tests.support import virtual_time
from tests.support.fakes import BERLIN, KIEL, VirtualJournal
from weatherd.city import City
from weatherd.journal.reader import Reader


def alternate(time: float) -> float:
    """Return frost in every second hour."""
    return -3.0 if time // 3600 % 2 else 4.0


async def test_an_alert_fires_and_ends_once(tmp_path: Path) -> None:
    """Each crossing of the threshold is stored and logged once for each city, with severity, message and since."""
    lives = AlertLives(tmp_path, FROST, [KIEL, BERLIN], alternate)
    start = asyncio.get_running_loop().time() // 7200 * 7200 + 7200
    await asyncio.sleep(start - asyncio.get_running_loop().time())
    await lives.live(4.5 * 3600)
    assert sorted(lives.events()) == [
        (city, "frost", event) for city in ("berlin", "kiel") for event in ("firing", "firing", "resolved", "resolved")
    ]
    assert [entry.seq for entry in lives.entries()] == list(range(1, 9))
    firing, resolved = lives.logged("alert.firing"), lives.logged("alert.resolved")
    assert len(firing) == len(resolved) == 4
    assert {line["city"]: line["message"] for line in firing} == {"kiel": "Kiel: frost", "berlin": "Berlin: frost"}
    assert resolved[0]["message"].endswith("frost resolved after 1h")
    assert {line["severity"] for line in firing} == {"error"}
    assert lives.desk is not None
    assert list(lives.desk.scan()) == []


async def test_pending_continues_after_a_restart(tmp_path: Path) -> None:
    """The time of `for` includes that before a restart."""
    lives = AlertLives(tmp_path, "alerts: {cold: {when: temperature < 0, for: 2h}}", [KIEL], lambda _: -1.0)
    await lives.live(1.5 * 3600)
    assert [(entry.before, entry.after) for entry in lives.entries()] == [("inactive", "pending")]
    await lives.live(3600)
    assert lives.events() == [("kiel", "cold", "firing")]
    pending, firing = lives.entries()
    assert firing.since == pending.since
    assert 7200 <= firing.at - firing.since < 7400


async def test_pending_does_not_continue_after_a_long_stop(tmp_path: Path) -> None:
    """An observation that is too old when the daemon starts fires nothing; the time of `for` begins again."""
    lives = AlertLives(tmp_path, "alerts: {cold: {when: temperature < 0, for: 2h}}", [KIEL], lambda _: -1.0)
    await lives.live(1800)
    await asyncio.sleep(3 * 86400)
    await lives.live(1800)
    assert [(entry.before, entry.after) for entry in lives.entries()] == [
        ("inactive", "pending"), ("pending", "inactive"), ("inactive", "pending"),
    ]  # fmt: skip


async def test_time_alone_fires_and_ends_an_alert(tmp_path: Path) -> None:
    """Rules about the age and the hours are evaluated each minute, also without any observation of the city."""
    rules = """\
alerts:
  lamp: {when: temperature < 100, between: "18:00-06:00"}
  again: {when: temperature < 9, repeat: 3h}
"""
    city = City(name="Kiel", lat=54.3, lon=10.1, interval=3600.0, timezone="Europe/Berlin", providers=("fake",))
    lives = AlertLives(tmp_path, rules, [city], lambda _: 5.0)
    await lives.live(17.5 * 3600)
    lamp = [entry for entry in lives.entries() if entry.rule == "lamp" and entry.event]
    assert [entry.event for entry in lamp] == ["firing", "resolved", "firing"]
    assert lamp[2].at - lamp[1].at == pytest.approx(12 * 3600, abs=61)
    repeated = [entry for entry in lives.entries() if entry.event == "repeated"]
    assert len(repeated) == 5
    assert all(10800 <= second.at - first.at < 10920 for first, second in pairwise(repeated))


@pytest.mark.parametrize(
    ("evening", "hours", "begins", "ends"),
    [
        ("2026-10-24T12:00", "22:00-06:00", ["2026-10-24T20:00"], ["2026-10-25T05:00"]),  # nine hours
        ("2026-10-24T12:00", "02:00-03:00", ["2026-10-25T00:00"], ["2026-10-25T02:00"]),  # the hour comes twice
        ("2026-10-24T12:00", "22:00-02:30", ["2026-10-24T20:00"], ["2026-10-25T00:30"]),  # the first 02:30
        ("2026-03-28T12:00", "22:00-06:00", ["2026-03-28T21:00"], ["2026-03-29T04:00"]),  # seven hours
        ("2026-03-28T12:00", "02:00-03:00", [], []),  # the hour does not come
        ("2026-03-28T12:00", "01:30-02:30", ["2026-03-29T00:30"], ["2026-03-29T01:00"]),
    ],
)
async def test_hours_in_nights_of_a_change_of_the_clock(
    tmp_path: Path, evening: str, hours: str, begins: list[str], ends: list[str]
) -> None:
    """An alert fires and ends at the times of the city's clock, also in the nights of 9 and of 7 hours."""
    rules = f'alerts: {{lamp: {{when: temperature < 100, between: "{hours}"}}}}'
    city = City(name="Kiel", lat=54.3, lon=10.1, interval=3600.0, timezone="Europe/Berlin", providers=("fake",))
    lives = AlertLives(tmp_path, rules, [city], lambda _: 5.0)
    start = datetime.fromisoformat(f"{evening}Z").timestamp()
    await asyncio.sleep(start - virtual_time.now().timestamp())
    await lives.live(7 * 3600)
    await lives.live(16 * 3600)
    for event, expected in (("firing", begins), ("resolved", ends)):
        times = [entry.at for entry in lives.entries() if entry.event == event]
        assert times == [
            pytest.approx(datetime.fromisoformat(f"{time}Z").timestamp() + 31, abs=31) for time in expected
        ]


async def test_windows_contain_the_past_after_a_restart(tmp_path: Path) -> None:
    """A fall within three hours is noticed although the daemon was restarted in between."""
    begin = asyncio.get_running_loop().time()
    rules = "alerts: {fall: {when: 'change(temperature, 3h) < -5'}}"
    lives = AlertLives(tmp_path, rules, [KIEL], lambda time: 10.0 - 4 * (time - begin) / 3600)
    await lives.live(2 * 3600)
    assert lives.events() == []
    await lives.live(1.5 * 3600)
    assert lives.events() == [("kiel", "fall", "firing")]


@pytest.mark.timeout(300)
@pytest.mark.once
@settings(max_examples=40, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 12), st.booleans(), st.integers(0, 5)), max_size=6), st.integers(1, 6))
def test_kills_neither_lose_nor_double_an_alert(kills: list[tuple[int, bool, int]], tens: int) -> None:
    """After kills before and after any transaction, events are those of the stored observations, each once."""

    async def live() -> None:
        with tempfile.TemporaryDirectory() as folder:
            period = tens * 600
            lives = AlertLives(Path(folder), FROST, [KIEL, BERLIN], lambda time: -3.0 if time // period % 2 else 4.0)
            for kill_at, committed, minutes in kills:
                await lives.live(7200, kill_at, committed=committed)
                await asyncio.sleep(60 * minutes)
            await lives.live(7200)
            assert lives.events_by_city() == expect_events(lives.file)
            firing = sum(event == "firing" for _, _, event in lives.events())
            assert len(lives.logged("alert.firing")) <= firing

    virtual_time.run(live())


def expect_events(file: Path) -> dict[str, list[str]]:
    """Return the events that follow from the observations in the journal, by city."""
    journal, events = VirtualJournal(file), dict[str, list[str]]()
    reader = Reader(file)
    for seen in reader.iterate(None, None, ()):
        of_city, temperature = events.setdefault(seen.city, []), seen.temperature
        is_firing = of_city[-1:] == ["firing"]
        assert temperature is not None
        if temperature < 0 and not is_firing:
            of_city.append("firing")
        if temperature > 1 and is_firing:
            of_city.append("resolved")
    reader.close()
    journal.close()
    return events


async def test_a_lost_journal_gets_the_states_again(tmp_path: Path) -> None:
    """After the journal was deleted, firing alerts are in the new one, and do not fire again."""
    lives = AlertLives(tmp_path, FROST, [KIEL, BERLIN], lambda time: -3.0 if time < end else 4.0)
    end = asyncio.get_running_loop().time() + 3 * 3600
    run = asyncio.create_task(lives.live(2 * 3600))
    await asyncio.sleep(3600)
    lives.file.unlink()
    await run
    assert lives.events() == []
    await lives.live(2 * 3600)
    assert [(entry.seq, entry.event) for entry in lives.entries()] == [(1, "resolved"), (2, "resolved")]
    assert len(lives.logged("alert.firing")) == 2
