"""What ``weatherd check`` has checked, and the problems that it found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from weatherd.cli.check.list_loads import find_list_loads
from weatherd.cli.exit_codes import ExitCode
from weatherd.errors import ConfigError, Problem, StateError, WeatherdError
from weatherd.quota.planner import RETRY_RESERVE
from weatherd.text.duration import format_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from weatherd.city import City
    from weatherd.cli.check.list_loads import ListLoads
    from weatherd.config.loader import Configuration
    from weatherd.providers.past import PastTraits
    from weatherd.quota.load import ProviderLoad
    from weatherd.quota.plans import Plan
    from weatherd.warnings.request_load import WarningLoad

LIMIT_NAMES = {"minute": "limit per minute", "hour": "hourly limit", "day": "daily limit", "month": "monthly limit"}
_EMPTY = "the list has no cities, so nothing would be polled: add one with weatherd cities add NAME"
_ALL_QUARANTINED = "every row is quarantined, so nothing would be polled"


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckReport:
    """What was checked: the configuration, its startup errors, and perhaps another list that may replace its list."""

    configuration: Configuration
    plans: Mapping[str, Plan]  # by provider
    errors: Sequence[WeatherdError]  # with which the daemon would end
    other: Configuration | None  # the same settings with the list at *other_path*
    other_path: Path | None
    warnings: Sequence[str]  # of faults that the daemon would run with
    find_warning_loads: Callable[[Sequence[City]], Mapping[str, WarningLoad]]  # by provider
    rules: int | None  # alert rules of a file without mistakes
    pasts: Mapping[str, PastTraits]  # by provider
    built_in: Mapping[str, Sequence[str]]  # targets of each built-in rule in force
    strict: bool  # whether quarantined rows and exceeded limits are problems

    def find_loads(self, cities: Sequence[City]) -> ListLoads:
        """Return the requests that a list needs."""
        retention = self.configuration.settings.retention.raw  # as for the gaps that are searched
        return find_list_loads(cities, self.plans, self.find_warning_loads(cities), self.pasts, retention)

    def find_problems(self) -> list[Problem]:
        """Return what has to be fixed: startup errors, a list that leaves nothing to poll, and more if strict."""
        problems: list[Problem] = []
        for error in self.errors:
            problems += error.problems if isinstance(error, ConfigError) else [Problem("", str(error))]
        target = self.other or self.configuration
        path = str(self.other_path or target.list_name)
        if not target.cities:
            problems.append(Problem(path, _ALL_QUARANTINED if target.quarantined else _EMPTY))
        if self.strict:
            problems += [problem for row in target.quarantined for problem in row]
            loads = self.find_loads(target.cities).polls
            problems += [Problem(path, text) for name, load in loads.items() if (text := explain_excess(name, load))]
        return problems

    @property
    def exit_code(self) -> ExitCode:
        """OK, or the exit code that the daemon would end with."""
        if self.errors and all(isinstance(error, StateError) for error in self.errors):
            return ExitCode.NO_STATE
        return ExitCode.CONFIG if self.find_problems() else ExitCode.OK


def explain_excess(provider: str, load: ProviderLoad) -> str:
    """Return a sentence with the shortest interval that fits, or "" if the load fits the plan."""
    if load.fits:
        return ""
    name = LIMIT_NAMES.get(load.tightest_window, "rate limit")
    fitting, stretched = load.fitting_interval, round(load.interval * load.share * RETRY_RESERVE)
    cities, verb = ("city", "exceeds") if load.cities == 1 else ("cities", "exceed")
    warnings = " with their official warnings" if load.warning_rate else ""
    return (
        f"{provider}: {load.cities:,} {cities} every {format_duration(load.interval)}{warnings} {verb} the {name}. "
        f"Shortest interval that fits: {format_duration(fitting)}; weatherd will use {format_duration(stretched)}."
    )
