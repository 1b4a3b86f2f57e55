"""The open parts of the daemon, with a real journal."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from structlog.testing import capture_logs

from tests.support.daemon import make_configuration
from tests.support.fakes import BERLIN, KIEL
from weatherd.config.diff import diff
from weatherd.daemon.parts import open_parts
from weatherd.journal.tables.cursors import Idle

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real_time


@pytest.mark.parametrize(
    ("mistake", "is_known"),
    [("alerts: {frost: {when: temperature < }}", False), ("{alerts: {}, notify: {phone: {file: missing}}}", True)],
)
async def test_a_start_goes_on_without_rules(tmp_path: Path, mistake: str, *, is_known: bool) -> None:
    """A mistake in the rules file, or a target that cannot be used, does not stop the weather; it is logged."""
    rules, good = tmp_path / "alerts.yaml", "{alerts: {a: {when: age > 1h}}, notify: {lamp: {command: [cat]}}}"
    configuration = make_configuration(KIEL, state=tmp_path / "state", alerts=str(rules))
    rules.write_text(good)
    async with open_parts(configuration, lambda _: configuration, (), None) as parts:
        assert not parts.are_rules_rejected
        await parts.journal.call(lambda store: store.cursors.save("notify lamp", Idle(7)))
    rules.write_text(mistake)
    with capture_logs() as logs:
        async with open_parts(configuration, lambda _: configuration, (), None) as parts:
            assert parts.are_rules_rejected
            assert parts.alerts
            assert parts.alerts.is_waiting is not is_known
            assert parts.targets
            assert not parts.targets.deliveries
            assert await parts.journal.call(lambda store: store.cursors.list_names("notify ")) == ["notify lamp"]
    [rejected] = [line for line in logs if line["event"] == "alerts.rejected"]
    assert rejected["log_level"] == "error"
    assert rejected["problems"][0].startswith(f"{rules}:1:")


@pytest.mark.parametrize(
    ("count", "interval", "budget"), [(1, 600, 7200), (1, 10_800, 21_000), (150, 600, 7200), (1000, 600, 18_019)]
)
async def test_the_age_budget_is_never_below_the_interval(
    tmp_path: Path, count: int, interval: float, budget: float
) -> None:
    """The budget of the listed cities follows their interval, also one that the plan stretches."""
    cities = [
        replace(KIEL, id=f"kiel-{number}", interval=float(interval), providers=("open-meteo",))
        for number in range(count)
    ]
    configuration = make_configuration(*cities, state=tmp_path)
    async with open_parts(configuration, lambda _: configuration, (), None) as parts:
        parts.registry.subscribe(lambda change: parts.planner.update(change.added_or_changed.values()))
        parts.registry.apply(diff((), cities))
        budgets = parts.latest.budgets
        assert round(budgets.of_city("kiel-0", "open-meteo")) == budget
        assert budgets.of_city(BERLIN.id, "open-meteo") == 7200
