"""The report of ``weatherd check``, as text and as JSON."""

from __future__ import annotations

import math
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

from weatherd.cli.exit_codes import ExitCode
from weatherd.config import diff
from weatherd.errors import ConfigError, Problem, StateError, WeatherdError
from weatherd.formatting import format_count
from weatherd.polling.backfill.load import count_pastless, find_past_loads
from weatherd.quota.load import group_cities, provider_loads
from weatherd.quota.planner import RETRY_RESERVE
from weatherd.quota.repeats import sum_repeats
from weatherd.text.auto_interval import format_interval
from weatherd.text.duration import format_duration
from weatherd.zone_data import find_zone_data

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from weatherd.city import City
    from weatherd.cli.startup_check import OnlineResult
    from weatherd.config.loader import Configuration
    from weatherd.polling.backfill.load import PastLoad
    from weatherd.providers.past import PastTraits
    from weatherd.quota.load import ProviderLoad
    from weatherd.quota.plans import Plan
    from weatherd.quota.repeats import RepeatLoad
    from weatherd.warnings.request_load import WarningLoad

    FindWarningLoads = Callable[[Sequence[City]], Mapping[str, WarningLoad]]

_LIMIT_NAMES = {"minute": "limit per minute", "hour": "hourly limit", "day": "daily limit", "month": "monthly limit"}
_EMPTY = "the list has no cities, so nothing would be polled: add one with weatherd cities add NAME"
_ALL_QUARANTINED = "every row is quarantined, so nothing would be polled"


def know_no_loads(_: Sequence[City]) -> Mapping[str, WarningLoad]:
    """Return that a list needs no requests for official warnings."""
    return {}


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What was checked: the configuration, its startup errors, and perhaps another list that may replace its list."""

    configuration: Configuration
    plans: Mapping[str, Plan]  # by provider
    errors: Sequence[WeatherdError] = ()  # with which the daemon would end
    other: Configuration | None = None  # the same settings with the list at *other_path*
    other_path: Path | None = None
    warnings: Sequence[str] = ()  # of faults that the daemon would run with
    find_warning_loads: FindWarningLoads = know_no_loads  # by provider
    rules: int | None = None  # alert rules of a file without mistakes
    pasts: Mapping[str, PastTraits] = field(default_factory=dict)  # by provider
    built_in: Mapping[str, Sequence[str]] = field(default_factory=dict)  # targets of each built-in rule in force
    strict: bool = False  # whether quarantined rows and exceeded limits are problems

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
            loads = self._find_loads(target.cities)
            problems += [Problem(path, text) for name, load in loads.items() if (text := _explain_excess(name, load))]
        return problems

    @property
    def exit_code(self) -> ExitCode:
        """OK, or the exit code that the daemon would end with."""
        if self.errors and all(isinstance(error, StateError) for error in self.errors):
            return ExitCode.NO_STATE
        return ExitCode.CONFIG if self.find_problems() else ExitCode.OK

    def format_usage(self) -> Iterator[str]:
        """Yield lines that name the files and the API usage."""
        configuration = self.configuration
        yield f"settings: {configuration.file}"
        yield f"cities:   {configuration.list_name} ({len(configuration.cities):,} valid)"
        if configuration.alerts_path:
            found = "mistakes" if self.rules is None else format_count(self.rules, "rule", "rules")
            yield f"alerts:   {configuration.alerts_path} ({found})"
        if self.built_in:
            rules = (f"{name}{f' → {chr(32).join(names)}' if names else ''}" for name, names in self.built_in.items())
            yield f"built-in: {', '.join(rules)}"
        yield f"zones:    {find_zone_data()}"
        for provider, load in self._find_loads(configuration.cities).items():
            yield from _format_load(provider, load)
        yield from (f"{provider}: {repeats}" for provider, repeats in self._find_repeats(configuration.cities))
        for provider, warnings in self.find_warning_loads(configuration.cities).items():
            yield _format_warning_load(provider, warnings)
        yield from self._format_past(configuration.cities)

    def _find_repeats(self, cities: Sequence[City]) -> Iterable[tuple[str, RepeatLoad]]:
        loads = self._find_loads(cities).items()
        factors = {name: load.share * RETRY_RESERVE for name, load in loads if not load.fits}
        return sum_repeats(group_cities(cities), self.plans, factors).items()

    def _find_past_loads(self, cities: Sequence[City]) -> Mapping[str, PastLoad]:
        retention = self.configuration.settings.retention.raw  # as for the gaps that are searched
        return find_past_loads(cities, self.pasts, self._find_loads(cities), retention)

    def _format_past(self, cities: Sequence[City]) -> Iterator[str]:
        for name, load in self._find_past_loads(cities).items():
            calls, count = format_count(load.calls, "call", "calls"), format_count(load.cities, "city", "cities")
            left = (
                "" if math.isinf(load.spare) else f"; the polls leave {format_count(load.spare, 'call', 'calls')} a day"
            )
            yield f"{name}: up to {calls} for the past of {count}, once{left}"
        if pastless := count_pastless(cities, self.pasts):
            yield f"gaps of {format_count(pastless, 'city', 'cities')} stay: none of their providers has a past"

    def format_changes(self) -> Iterator[str]:
        """Yield lines that show what the other list would add, change and remove, and its calls per day."""
        if self.other is None:
            return
        changes = diff.diff(self.configuration.cities, self.other.cities)
        for city in changes.added_or_changed.values():
            old = changes.removed_or_changed.get(city.id)
            yield f"~ {city.name}: {_describe_changes(old, city)}" if old else f"+ {city.name}"
        for city in changes.removed_or_changed.values():
            if city.id not in changes.added_or_changed:
                yield f"- {city.name}"
        yield f"{format_count(len(changes.cities), 'city', 'cities')}, {changes.unchanged:,} unchanged"
        loads = [self._find_loads(listed.cities) for listed in (self.configuration, self.other)]
        for provider in sorted({*loads[0], *loads[1]}):
            before, after = (load[provider].calls_per("day") if provider in load else 0 for load in loads)
            yield f"{provider}: {format_count(after, 'call', 'calls')} per day (now {before:,.0f})"
        warnings = [self.find_warning_loads(listed.cities) for listed in (self.configuration, self.other)]
        for provider in sorted({*warnings[0], *warnings[1]}):
            before, after = (load[provider].calls_per("day") if provider in load else 0 for load in warnings)
            yield f"{provider}: {format_count(after, 'call', 'calls')} per day for warnings (now {before:,.0f})"

    def _find_loads(self, cities: Sequence[City]) -> dict[str, ProviderLoad]:
        """Return the load on each provider by the weather, which gets what official warnings leave of its plan."""
        warnings = {name: load.rate for name, load in self.find_warning_loads(cities).items()}
        return provider_loads(group_cities(cities), self.plans, warnings)

    def to_json(self, online: Iterable[OnlineResult] = ()) -> dict[str, Any]:
        """Return the report as JSON; intervals are in seconds."""
        document: dict[str, Any] = {
            "settings": str(self.configuration.file),
            "zone_data": str(find_zone_data()),
            **self._list_to_json(self.configuration),
            "alert_rules": {"rules": self.rules, "built_in": {name: list(to) for name, to in self.built_in.items()}},
            "problems": [problem_to_json(problem) for problem in self.find_problems()],
            "warnings": list(self.warnings),
            "online": [
                {"name": result.name, "ok": result.code == ExitCode.OK, "message": result.text} for result in online
            ],
        }
        if self.other is not None:
            other = self._list_to_json(self.other) | {"list": str(self.other_path)}
            document["against"] = other | {"changes": list(self.format_changes())}
        return document

    def _list_to_json(self, configuration: Configuration) -> dict[str, Any]:
        warnings = self.find_warning_loads(configuration.cities)
        loads = self._find_loads(configuration.cities)
        return _list_to_json(configuration, loads) | {
            "repeats": [{"name": name, **load.to_json()} for name, load in self._find_repeats(configuration.cities)],
            "past": [
                {
                    "name": name,
                    "cities": load.cities,
                    "calls": load.calls,
                    "calls_left": None if math.isinf(load.spare) else round(load.spare, 1),
                }
                for name, load in self._find_past_loads(configuration.cities).items()
            ],
            "official_warnings": [
                {
                    "name": name,
                    "cities": load.cities,
                    "calls": {window: round(load.calls_per(window), 1) for window in _LIMIT_NAMES},
                    "interval": load.interval,
                    "lookups": load.lookups,
                }
                for name, load in warnings.items()
            ],
        }


def problem_to_json(problem: Problem) -> dict[str, str]:
    """Return a problem with its position, which is ``file:line:column``, a variable, or empty."""
    return {"where": problem.where, "message": problem.message}


def _list_to_json(configuration: Configuration, loads: Mapping[str, ProviderLoad]) -> dict[str, Any]:
    return {
        "list": configuration.list_name,
        "cities": len(configuration.cities),
        "quarantined": [problem_to_json(problem) for row in configuration.quarantined for problem in row],
        "providers": [
            {
                "name": name,
                "cities": load.cities,
                "calls": {window: round(load.calls_per(window), 1) for window in _LIMIT_NAMES},
                "limits": dict(load.plan.limits),
                "fits": load.fits,
                "interval": load.interval,
                "fitting_interval": load.fitting_interval,
            }
            for name, load in loads.items()
        ],
    }


def _format_load(provider: str, load: ProviderLoad) -> Iterator[str]:
    for window in _LIMIT_NAMES:
        limit = load.plan.limits.get(window)
        allowed = f" (limit {limit:,})" if limit else ""
        warning = "  EXCEEDED" if limit and load.calls_per(window) > limit else ""
        calls = format_count(load.calls_per(window), "call", "calls")
        yield f"{provider}: {calls} per {window}{allowed}{warning}"
    if text := _explain_excess(provider, load):
        yield text


def _format_warning_load(provider: str, load: WarningLoad) -> str:
    calls, cities = format_count(load.calls_per("day"), "call", "calls"), format_count(load.cities, "city", "cities")
    text = f"{provider}: {calls} per day for the warnings of {cities}, each every {format_duration(load.interval)}"
    return f"{text}, and {load.lookups:,} once a month to look up their zones" if load.lookups else text


def _explain_excess(provider: str, load: ProviderLoad) -> str:
    """Return a sentence with the shortest interval that fits, or "" if the load fits the plan."""
    if load.fits:
        return ""
    name = _LIMIT_NAMES.get(load.tightest_window, "rate limit")
    fitting, stretched = load.fitting_interval, round(load.interval * load.share * RETRY_RESERVE)
    cities, verb = ("city", "exceeds") if load.cities == 1 else ("cities", "exceed")
    warnings = " with their official warnings" if load.warning_rate else ""
    return (
        f"{provider}: {load.cities:,} {cities} every {format_duration(load.interval)}{warnings} {verb} the {name}. "
        f"Shortest interval that fits: {format_duration(fitting)}; weatherd will use {format_duration(stretched)}."
    )


def _describe_changes(old: City, new: City) -> str:
    names = [field.name for field in fields(old) if getattr(old, field.name) != getattr(new, field.name)]
    return ", ".join(f"{name} {_format_field(old, name)} → {_format_field(new, name)}" for name in names)


def _format_field(city: City, name: str) -> str:
    if name == "interval":
        return format_interval(city.interval)
    if name == "backfill":
        return format_duration(city.backfill)
    return " ".join(getattr(city, name)) if name in {"providers", "compare"} else str(getattr(city, name))
