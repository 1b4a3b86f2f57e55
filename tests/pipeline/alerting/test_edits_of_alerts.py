"""A daemon in virtual time, whose alert rules and cities are edited."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.pipeline.alerting.alert_lives import FROST, AlertLives
from tests.support import virtual_time
from tests.support.fakes import BERLIN, KIEL
from weatherd.city import City
from weatherd.config.sections.quality import QualitySection
from weatherd.text.duration import format_elapsed

if TYPE_CHECKING:
    from pathlib import Path


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


@pytest.mark.parametrize("edits_rules", [False, True])
async def test_an_edit_ends_and_begins_alerts_at_its_time(tmp_path: Path, *, edits_rules: bool) -> None:
    """An alert lasts until the edit that ends it, and not until the observation before; another one begins then."""
    rules = (
        "alerts: {high: {when: temperature < 0 and altitude > 500}, low: {when: temperature < 0 and altitude < 500}}"
    )
    lives = AlertLives(tmp_path, rules, [_make_hill(600.0)], lambda _: -1.0)
    run = asyncio.create_task(lives.live(300))
    await asyncio.sleep(97)
    edited_at = virtual_time.now().timestamp()
    if edits_rules:
        lives.rules.write_text(rules.replace("500", "700"))
    else:
        lives.cities = (_make_hill(400.0),)
    lives.reload.set()
    await run
    firing, resolved, other = lives.entries()
    assert [(entry.rule, entry.event) for entry in (firing, resolved, other)] == [
        ("high", "firing"), ("high", "resolved"), ("low", "firing"),
    ]  # fmt: skip
    assert 0 <= resolved.at - edited_at < 1
    assert other.since == other.at == resolved.at
    assert resolved.message.endswith(f"resolved after {format_elapsed(resolved.at - firing.at)}")


async def test_rules_see_suspect_values_from_an_edit_on(tmp_path: Path) -> None:
    """The edited limits hold for new observations, and the rules see suspect ones once the settings say so."""
    begin = asyncio.get_running_loop().time()
    rules = "alerts: {hot: {when: temperature > 30}}"
    lives = AlertLives(tmp_path, rules, [KIEL], lambda time: 20.0 if time < begin + 3600 else 40.0)
    run = asyncio.create_task(lives.live(4 * 3600))
    await asyncio.sleep(1800)
    limits = {"temperature": {"high": 30, "step": None}}
    lives.quality = QualitySection.model_validate(limits)
    lives.reload.set()
    await asyncio.sleep(2 * 3600)
    assert lives.events() == []
    lives.quality = QualitySection.model_validate({**limits, "alert_on_suspect": True})
    lives.reload.set()
    await run
    assert lives.events() == [("kiel", "hot", "firing")]
    assert not lives.logged("settings.need_restart")


def _make_hill(altitude: float) -> City:
    return City(name="Hill", lat=50.0, lon=10.0, altitude=altitude, interval=600.0, providers=("fake",))


async def test_a_start_with_a_mistake_keeps_what_fires(tmp_path: Path) -> None:
    """The weather goes on; an alert neither ends nor is repeated, and continues when the file is corrected."""
    begin = asyncio.get_running_loop().time()
    lives = AlertLives(tmp_path, FROST, [KIEL, BERLIN], lambda time: -1.0 if time < begin + 4 * 3600 else 5.0)
    await lives.live(3600)
    lives.rules.write_text(f"{FROST}\nnotify: 3")
    lives.cities = (KIEL,)
    await lives.live(3600)
    assert not lives.last_reload.successful
    assert ("reload-rejected", "", "firing") in lives.daemon_events()
    assert lives.logged("daemon.ready")
    assert lives.events()[2:] == [("berlin", "frost", "ended")]  # because it was removed
    run = asyncio.create_task(lives.live(4 * 3600))
    await asyncio.sleep(1800)
    lives.rules.write_text(FROST)
    lives.reload.set()
    await asyncio.sleep(1)
    assert lives.logged_now("alerts.reloaded")
    assert lives.last_reload.successful
    assert lives.desk is not None
    assert [(state.city, state.phase) for state in lives.desk.scan()] == [("kiel", "firing")]
    await run
    assert lives.events()[3:] == [("kiel", "frost", "resolved")]


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
