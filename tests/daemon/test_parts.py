"""The open parts of the daemon, with a real journal."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from tests.support.daemon import make_configuration
from tests.support.fakes import BERLIN, KIEL
from weatherd.config.diff import diff
from weatherd.daemon.parts import open_parts
from weatherd.errors import ConfigError
from weatherd.journal.store import JOURNAL_FILE

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real_time


async def test_mistakes_in_rules_leave_the_journal_unchanged(tmp_path: Path) -> None:
    """The rules are checked before the journal is opened, so that its format is not changed by a start that fails."""
    rules, state = tmp_path / "alerts.yaml", tmp_path / "state"
    rules.write_text("alerts: {frost: {when: temperature < }}")
    configuration = make_configuration(KIEL, state=state, alerts=str(rules))
    with pytest.raises(ConfigError, match="frost"):
        async with open_parts(configuration, lambda _: configuration, (), None):
            pass
    assert not (state / JOURNAL_FILE).exists()


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
