"""A daemon with silenced alerts in virtual time: what people are sent, and when."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.pipeline.alerting.alert_lives import FROST, AlertLives, silence_alerts
from tests.support import virtual_time
from tests.support.fakes import BERLIN, KIEL
from weatherd.journal.database import Database
from weatherd.journal.tables.silence_table import SilenceTable


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
