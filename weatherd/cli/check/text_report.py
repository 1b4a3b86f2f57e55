"""The report of ``weatherd check`` as text: the files, the API usage, and what another list would change."""

from __future__ import annotations

import math
from dataclasses import fields
from typing import TYPE_CHECKING

from weatherd.cli.check.report import LIMIT_NAMES, explain_excess
from weatherd.config import diff
from weatherd.formatting import format_count
from weatherd.text.auto_interval import format_interval
from weatherd.text.duration import format_duration
from weatherd.zone_data import find_zone_data

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from weatherd.city import City
    from weatherd.cli.check.list_loads import ListLoads
    from weatherd.cli.check.report import CheckReport
    from weatherd.polling.backfill.load import PastLoad
    from weatherd.polling.compared_services import ComparedLoad
    from weatherd.quota.load import ProviderLoad
    from weatherd.warnings.request_load import WarningLoad

_LONG = 60.0  # seconds


def format_usage(report: CheckReport) -> Iterator[str]:
    """Yield lines that name the files and the API usage."""
    configuration = report.configuration
    yield f"settings: {configuration.file}"
    yield f"cities:   {configuration.list_name} ({len(configuration.cities):,} valid)"
    if configuration.alerts_path:
        found = "mistakes" if report.rules is None else format_count(report.rules, "rule", "rules")
        yield f"alerts:   {configuration.alerts_path} ({found})"
    if report.built_in:
        rules = (f"{name} → {' '.join(names)}" if names else name for name, names in report.built_in.items())
        yield f"built-in: {', '.join(rules)}"
    yield f"zones:    {find_zone_data()}"
    yield from _format_loads(report.find_loads(configuration.cities))


def _format_loads(loads: ListLoads) -> Iterator[str]:
    for provider, polls in loads.polls.items():
        yield from _format_polls(provider, polls)
    yield from (f"{provider}: {repeats}" for provider, repeats in loads.repeats.items())
    yield from (_format_warnings(*load) for load in loads.warnings.items())
    yield from (_format_compared(*load) for load in loads.compared.items())
    yield from (_format_past(*load) for load in loads.past.items())
    if loads.pastless:
        yield f"gaps of {format_count(loads.pastless, 'city', 'cities')} stay: none of their providers has a past"


def _format_polls(provider: str, load: ProviderLoad) -> Iterator[str]:
    for window in LIMIT_NAMES:
        limit = load.plan.limits.get(window)
        allowed = f" (limit {limit:,})" if limit else ""
        warning = "  EXCEEDED" if limit and load.calls_per(window) > limit else ""
        calls = format_count(load.calls_per(window), "call", "calls")
        yield f"{provider}: {calls} per {window}{allowed}{warning}"
    if text := explain_excess(provider, load):
        yield text


def _format_warnings(provider: str, load: WarningLoad) -> str:
    calls, cities = format_count(load.calls_per("day"), "call", "calls"), format_count(load.cities, "city", "cities")
    text = f"{provider}: {calls} per day for the warnings of {cities}, each every {format_duration(load.interval)}"
    return f"{text}, and {load.lookups:,} once a month to look up their zones" if load.lookups else text


def _format_compared(provider: str, load: ComparedLoad) -> str:
    calls, cities = format_count(load.calls_per("day"), "call", "calls"), format_count(load.cities, "city", "cities")
    return f"{provider}: up to {calls} per day for the comparison of {cities}"


def _format_past(provider: str, load: PastLoad) -> str:
    calls, cities = format_count(load.calls, "call", "calls"), format_count(load.cities, "city", "cities")
    text = f"{provider}: up to {calls} for the past of {cities}, once"
    if _LONG <= load.seconds < math.inf:
        text += f", which take at least {format_duration(load.seconds // 60 * 60)}"
    if math.isinf(load.spare):
        return text
    return f"{text}; the polls leave {format_count(load.spare, 'call', 'calls')} a day"


def format_changes(report: CheckReport) -> Iterator[str]:
    """Yield lines that show what the other list would add, change and remove, and its calls per day."""
    if report.other is None:
        return
    changes = diff.diff(report.configuration.cities, report.other.cities)
    for city in changes.added_or_changed.values():
        old = changes.removed_or_changed.get(city.id)
        yield f"~ {city.name}: {_describe_changes(old, city)}" if old else f"+ {city.name}"
    for city in changes.removed_or_changed.values():
        if city.id not in changes.added_or_changed:
            yield f"- {city.name}"
    yield f"{format_count(len(changes.cities), 'city', 'cities')}, {changes.unchanged:,} unchanged"
    before, after = (report.find_loads(listed.cities) for listed in (report.configuration, report.other))
    yield from _format_difference(before.polls, after.polls, "")
    yield from _format_difference(before.warnings, after.warnings, " for warnings")
    yield from _format_difference(before.compared, after.compared, " for comparison")


def _format_difference(
    before: Mapping[str, ProviderLoad | WarningLoad | ComparedLoad],
    after: Mapping[str, ProviderLoad | WarningLoad | ComparedLoad],
    purpose: str,
) -> Iterator[str]:
    for provider in sorted({*before, *after}):
        old, new = (loads[provider].calls_per("day") if provider in loads else 0 for loads in (before, after))
        yield f"{provider}: {format_count(new, 'call', 'calls')} per day{purpose} (now {old:,.0f})"


def _describe_changes(old: City, new: City) -> str:
    names = [field.name for field in fields(old) if getattr(old, field.name) != getattr(new, field.name)]
    return ", ".join(f"{name} {_format_field(old, name)} → {_format_field(new, name)}" for name in names)


def _format_field(city: City, name: str) -> str:
    if name == "interval":
        return format_interval(city.interval)
    if name == "backfill":
        return format_duration(city.backfill)
    return " ".join(getattr(city, name)) if name in {"providers", "compare"} else str(getattr(city, name))
