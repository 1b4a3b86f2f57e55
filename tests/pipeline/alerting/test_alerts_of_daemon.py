"""A daemon with alert rules in virtual time: what it stores and logs, across kills, restarts and edits of the rules."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from datetime import datetime
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pipeline.alerting.alert_lives import AlertLives
from tests.support import virtual_time
from tests.support.fakes import BERLIN, KIEL, VirtualJournal
from weatherd.alerts.silences import Silence
from weatherd.city import City
from weatherd.journal.database import Database
from weatherd.journal.reader import Reader
from weatherd.journal.tables.silence_table import SilenceTable

FROST = "alerts: {frost: {when: temperature < 0, until: temperature > 1, severity: error}}"


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


async def test_an_edit_of_the_rules_keeps_what_is_unchanged(tmp_path: Path) -> None:
    """Unchanged and edited rules keep firing, pending ones of an edited condition and removed rules end."""
    before = "a: {when: temperature < 0}, b: {when: temperature < 1}, c: {when: temperature < 2, for: 9h}"
    lives = AlertLives(tmp_path, f"alerts: {{{before}, d: {{when: temperature < 3}}}}", [KIEL], lambda _: -1.0)
    run = asyncio.create_task(lives.live(4 * 3600))
    await asyncio.sleep(3600)
    assert lives.desk is not None
    since = {state.rule: state.since for state in lives.desk.scan()}
    lives.rules.write_text("alerts: {a: {when: temperature < }}")
    lives.reload.set()
    await asyncio.sleep(60)
    [rejected] = lives.logged_now("alerts.rejected")
    assert f"{lives.rules}:1:" in rejected["problems"][0]
    assert not lives.last_reload.successful
    assert {state.rule: state.since for state in lives.desk.scan()} == since
    assert not lives.logged_now("cities.reloaded")
    lives.rules.write_text(
        "alerts: {a: {when: temperature < 0}, b: {when: temperature < 4}, c: {when: temperature < 5, for: 8h}}"
    )
    lives.reload.set()
    await asyncio.sleep(600)
    assert lives.logged_now("alerts.reloaded")
    assert not lives.logged_now("cities.reloaded")
    lives.reload.set()
    await asyncio.sleep(60)
    assert lives.logged_now("cities.reloaded")  # because nothing else answers a request without any edit
    after = {state.rule: state.since for state in lives.desk.scan()}
    assert (after["a"], after["b"]) == (since["a"], since["b"])
    assert after["c"] > since["c"]
    await run
    changes = [(entry.rule, entry.before, entry.after, entry.event) for entry in lives.entries()]
    assert changes[4:] == [
        ("c", "pending", "inactive", None), ("d", "firing", "inactive", "ended"), ("c", "inactive", "pending", None),
    ]  # fmt: skip


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("is_stopped", [False, True])
async def test_the_past_of_another_place_does_not_count(tmp_path: Path, *, restarts: bool, is_stopped: bool) -> None:
    """A window of a city that has moved has only observations of its new place, also after restarts."""
    begin = asyncio.get_running_loop().time()
    rules = "alerts: {hot: {when: 'max(temperature, 24h) > 30'}, steady: {when: 'change(temperature, 3h) < 1'}}"
    lives = AlertLives(tmp_path, rules, [KIEL], lambda time: 40.0 if time < begin + 2400 else 5.0)
    moved = (City(name="Kiel", lat=50.0, lon=10.0, interval=600.0, providers=("fake",)),)
    await lives.live(1800)
    assert lives.events() == [("kiel", "hot", "firing")]
    run = asyncio.create_task(lives.live(1700))
    if is_stopped:
        await run
        await asyncio.sleep(600)
    else:
        await asyncio.sleep(1200)
    lives.cities = moved
    if not is_stopped:
        await asyncio.sleep(300)
        lives.reload.set()
        await run
    await asyncio.sleep(600)
    if restarts:
        await lives.live(2 * 3600)
    await lives.live(4 * 3600)
    assert lives.events() == [("kiel", "hot", "firing"), ("kiel", "hot", "ended"), ("kiel", "steady", "firing")]


async def test_removed_and_moved_cities_end_their_alerts(tmp_path: Path) -> None:
    """The alerts of a removed city end, also if it was removed during a stop; those of a moved one begin anew."""
    lives = AlertLives(tmp_path, FROST, [KIEL, BERLIN], lambda _: -1.0)
    await lives.live(3600)
    lives.cities = (City(name="Kiel", lat=50.0, lon=10.0, interval=600.0, providers=("fake",)),)
    await lives.live(3600)
    assert sorted(lives.events()[2:4]) == [("berlin", "frost", "ended"), ("kiel", "frost", "ended")]
    assert lives.events()[4:] == [("kiel", "frost", "firing")]
    lives.cities = ()
    await lives.live(60)
    assert lives.events()[5:] == [("kiel", "frost", "ended")]


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


@settings(max_examples=8, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from([-3.0, 0.5, 4.0]), st.sampled_from(["", "silence", "end", "edit"]), st.booleans()),
        min_size=2,
        max_size=7,
    )
)
def test_what_is_sent_equals_a_model(steps: list[tuple[float, str, bool]]) -> None:
    """With restarts, kills, edits of other rules and silences at any point, people are told what the model says."""

    async def live() -> None:
        with tempfile.TemporaryDirectory() as folder:
            temperature, model = 4.0, _ToldModel()
            lives = AlertLives(Path(folder), FROST, [KIEL], lambda _: temperature)
            await lives.live(1800)
            silence = 0
            for value, action, is_killed in steps:
                if action == "edit":
                    lives.rules.write_text(FROST.replace("}}", "}, other: {when: temperature > 90}}"))
                elif action == "silence" and not silence:
                    silence = await silence_alerts(lives, 30 * 86400)
                    model.is_silenced = True
                elif action == "end" and silence:
                    with contextlib.closing(Database(lives.file)) as db:
                        SilenceTable(db).end(silence, virtual_time.now().timestamp())
                    silence = 0
                    await lives.live(120)
                    model.end_silence()
                temperature = value
                if is_killed:
                    await lives.live(1800, 1, committed=True)
                await lives.live(1800)
                model.take(value)
            assert [event for _, event in find_sent(lives)] == model.sent

    virtual_time.run(live())


class _ToldModel:
    """What fires, what people know of, and what they were sent."""

    def __init__(self) -> None:
        self.is_firing = self.is_silenced = self.is_known = False
        self.ends_later = False
        self.sent: list[str] = []

    def take(self, value: float) -> None:
        """Take a temperature: below 0 the alert fires, above 1 it ends."""
        if value < 0 and not self.is_firing:
            self.is_firing, self.is_known = True, not self.is_silenced
            self.sent += ["firing"] * self.is_known
        elif value > 1 and self.is_firing:
            self.is_firing = False
            if self.is_known and self.is_silenced:
                self.ends_later = True
            elif self.is_known:
                self.sent.append("resolved")

    def end_silence(self) -> None:
        """End the silence: what was held back is sent, and what still fires."""
        self.sent += ["resolved"] * self.ends_later
        if self.is_firing:
            self.sent.append("repeated" if self.is_known else "firing")
            self.is_known = True
        self.is_silenced = self.ends_later = False


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


async def silence_alerts(lives: AlertLives, seconds: float, rule: str | None = "frost", city: str | None = None) -> int:
    """Store a silence, as a command does in another process; return its number."""
    now = virtual_time.now().timestamp()
    with contextlib.closing(Database(lives.file)) as db:
        return SilenceTable(db).add(Silence(0, rule, city, (), now, now + seconds))


def find_sent(lives: AlertLives) -> list[tuple[str, str]]:
    """Return city and event of what is sent."""
    return [(entry.city, entry.event) for entry in lives.entries() if entry.event and not entry.silenced]


@pytest.mark.parametrize("restarts", [False, True])
async def test_an_alert_that_fires_in_a_silence_is_sent_at_its_end(tmp_path: Path, *, restarts: bool) -> None:
    """Nothing is sent of a silenced alert; at the end, one that still fires is sent once, also after a restart."""
    lives = AlertLives(tmp_path, FROST, [KIEL, BERLIN], lambda _: temperature)
    temperature = 4.0
    await lives.live(600)
    await silence_alerts(lives, 2 * 3600, city="kiel")
    temperature = -4.0
    await lives.live(3600)
    assert find_sent(lives) == [("berlin", "firing")]
    if restarts:
        await lives.live(1200)
        assert find_sent(lives) == [("berlin", "firing")]
        await asyncio.sleep(7200)
    await lives.live(7200)
    assert find_sent(lives) == [("berlin", "firing"), ("kiel", "firing")]
    await lives.live(3600)
    temperature = 4.0
    await lives.live(3600)
    assert sorted(find_sent(lives)[2:]) == [("berlin", "resolved"), ("kiel", "resolved")]


async def test_what_ends_in_a_silence(tmp_path: Path) -> None:
    """An alert that people know of is resolved for them at the end of the silence; another one is never sent."""
    lives = AlertLives(tmp_path, FROST, [KIEL], lambda _: temperature)
    temperature = -4.0
    await lives.live(3600)
    await silence_alerts(lives, 4 * 3600)
    for temperature in (4.0, -4.0, 4.0):  # noqa: B007 - the curve reads it
        await lives.live(3600)
    assert find_sent(lives) == [("kiel", "firing")]
    assert len(lives.events()) == 4
    await lives.live(2 * 3600)
    await lives.live(3600)
    assert find_sent(lives) == [("kiel", "firing"), ("kiel", "resolved")]


async def test_silences_end_by_a_command_and_overlap(tmp_path: Path) -> None:
    """The end of a silence by hand has the same effect, unless another one is in force; what people know continues."""
    lives = AlertLives(tmp_path, FROST, [KIEL], lambda _: -4.0)
    await lives.live(3600)
    run = asyncio.create_task(lives.live(3 * 3600))
    await asyncio.sleep(60)
    first, second = await silence_alerts(lives, 86400), await silence_alerts(lives, 86400, rule=None, city="kiel")
    for number, expected in ((first, 1), (second, 2)):
        await asyncio.sleep(3600)
        with contextlib.closing(Database(lives.file)) as db:
            assert SilenceTable(db).end(number, virtual_time.now().timestamp())
        await asyncio.sleep(30)
        assert len(find_sent(lives)) == expected
    await run
    assert find_sent(lives) == [("kiel", "firing"), ("kiel", "repeated")]
    assert len(lives.logged("alerts.silenced")) == len(lives.logged("alerts.silence_ended")) == 2


async def test_a_lost_journal_gets_the_silences_again(tmp_path: Path) -> None:
    """After the journal was deleted, silences are in the new one, and end there."""
    lives = AlertLives(tmp_path, FROST, [KIEL], lambda _: temperature)
    temperature = 4.0
    await lives.live(600)
    await silence_alerts(lives, 3 * 3600)
    run = asyncio.create_task(lives.live(2 * 3600))
    await asyncio.sleep(1800)
    lives.file.unlink()
    await asyncio.sleep(1800)
    temperature = -4.0
    await run
    assert (find_sent(lives), len(lives.events())) == ([], 1)
    await lives.live(2 * 3600)
    assert find_sent(lives) == [("kiel", "firing")]


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
