"""``weatherd backfill``: fill gaps in the journal with what the services still have of the past."""
# ruff: noqa: D301 - \b before the examples preserves their line breaks

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated, Any

import typer

from weatherd.cli.exit_codes import ExitCode
from weatherd.cli.options import (
    ArgumentError,
    ConfigFile,
    JsonOrText,
    TagFilter,
    load_user_configuration,
    parse_tags,
    require_tagged,
    warn_of_quarantined_rows,
)
from weatherd.cli.terminal import print_text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weatherd.city import City
    from weatherd.cli.commands.journal.gap_filling import CityResult
    from weatherd.config.configuration import RetentionPeriods
    from weatherd.config.loader import Configuration


def backfill(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="CITY", help="Names or ids; default: all cities of the list.")
    ] = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="WHEN",
            help="24h, 3 days, 1w (before now), yesterday or a date; default: backfill of the settings.",
        ),
    ] = None,
    tag: TagFilter = None,
    config: ConfigFile = None,
    format: JsonOrText = "text",  # noqa: A002 - the option's name
) -> int:
    """Fill gaps in the journal with what the services still have of the past.

    The daemon does the same by itself for the time in the setting backfill; it may run meanwhile. What retention would
    delete again is not requested: the time begins where all observations are kept. The requests count
    towards the quota, and leave it to the polls. An interrupted command can be repeated: it goes on with what is
    missing. Exit code 69 if gaps are left because a service did not answer.

    \b
    Examples:
      weatherd backfill
      weatherd backfill Kiel --since 30d
      weatherd backfill --tag region=north --since 2026-11-01
    """
    from weatherd.cli.commands.journal.gap_filling import fill_listed_gaps, plan_parts
    from weatherd.cli.progress.bar import show_progress

    configuration = load_user_configuration(config)
    cities = _select_cities(configuration, names or (), tag or ())
    now = datetime.now(UTC)
    begins = _find_begins(since, cities, now, configuration.settings.retention)
    with show_progress("filling gaps", sum(len(plan_parts(begin, now)) for begin in begins.values())) as report:
        results = asyncio.run(fill_listed_gaps(configuration, begins, now, warn_of_quarantined_rows, report))
    if format == "json":
        print_text(json.dumps([_to_json(result) for result in results], ensure_ascii=False, indent=2))
    else:
        _print_table(results, configuration.settings.timezone)
    return ExitCode.UNAVAILABLE if any(result.has_failed for result in results) else ExitCode.OK


def _select_cities(configuration: Configuration, names: Sequence[str], tags: Sequence[str]) -> Sequence[City]:
    """Return the cities of the list with these names or ids, or all, that have the tags. Raises ArgumentError."""
    from weatherd.cli.lookup import require_listed_city

    wanted = parse_tags(tags)
    listed = [require_listed_city(configuration.cities, name) for name in names] or configuration.cities
    found = tuple(dict.fromkeys(city for city in listed if city.has_tags(wanted.items())))
    require_tagged(found, wanted)
    if not found:
        raise ArgumentError("the list has no cities; add one with weatherd cities add NAME")
    return found


def _find_begins(
    since: str | None, cities: Sequence[City], now: datetime, retention: RetentionPeriods
) -> Mapping[City, datetime]:
    """Return the begins of the times to fill, within the one of which the journal keeps all observations."""
    begins = {city: _find_begin(since, city, now) for city in cities}
    if retention.raw is None or min(begins.values()) >= (earliest := now - timedelta(seconds=retention.raw)):
        return begins
    from weatherd.text.duration import format_duration

    what = "deleted again" if retention.hourly == retention.raw else "thinned to one an hour"
    period = format_duration(retention.raw)
    print_text(f"only the last {period} are filled: older observations would be {what} ('retention')", err=True)
    return {city: max(begin, earliest) for city, begin in begins.items()}


def _find_begin(since: str | None, city: City, now: datetime) -> datetime:
    """Return the begin of the time to fill: *since* in the city's time zone, or what its key ``backfill`` says."""
    from weatherd.cli.lookup import parse_time_range
    from weatherd.text.local_zone import load_zone

    if since is None:
        return now - timedelta(seconds=city.backfill)
    begin, _ = parse_time_range(since, None, now, load_zone(city.timezone))
    return begin or now


def _print_table(results: Sequence[CityResult], zone: str | None) -> None:
    from weatherd.cli.screen import find_width, open_console, print_lines
    from weatherd.cli.table import Column, format_table

    columns = [
        Column("city", [result.city.name for result in results], min_width=12),
        Column("added", [f"{result.added.total():,}" for result in results], is_number=True),
        Column("from", [", ".join(result.added) or "–" for result in results], rank=2),
        Column("gaps left", [_describe_left(result, zone) for result in results], min_width=20),
        Column("reason", [_describe_reasons(result) or "–" for result in results], min_width=20, rank=1),
    ]
    console = open_console()
    print_lines(console, format_table(columns, find_width(console)))


def _describe_left(result: CityResult, zone: str | None) -> str:
    from weatherd.cli.wording import format_local_time
    from weatherd.text.duration import format_duration

    if not result.left:
        return "none"
    longest = max(result.left, key=lambda gap: gap.end - gap.begin)
    begin = format_local_time(_to_text(longest.begin), zone)
    length = format_duration((longest.end - longest.begin) // 60 * 60)
    return (
        f"{len(result.left)}, the longest {length} from {begin}" if len(result.left) > 1 else f"{length} from {begin}"
    )


def _describe_reasons(result: CityResult) -> str:
    return "; ".join(f"{name}: {reason}" for name, reason in result.reasons.items()) if result.left else ""


def _to_json(result: CityResult) -> Mapping[str, Any]:
    return {
        "city": result.city.id,
        "name": result.city.name,
        "added": dict(result.added),
        "left": [{"begin": _to_text(gap.begin), "end": _to_text(gap.end)} for gap in result.left],
        "reasons": dict(result.reasons) if result.left else {},
    }


def _to_text(posix: float) -> str:
    from weatherd.formatting import format_rfc3339

    return format_rfc3339(datetime.fromtimestamp(posix, UTC))
