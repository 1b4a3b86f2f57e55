"""``weatherd history``: a city's observations in the journal."""
# ruff: noqa: D301 - \b before the examples preserves their line breaks

from __future__ import annotations

import contextlib
import json
import sys
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from weatherd.cli.exit_codes import ExitCode
from weatherd.cli.history.query import CityHistory, TimeRange, read_history
from weatherd.cli.history.spans import CalendarPart, Span
from weatherd.cli.lookup import find_journal
from weatherd.cli.options import ConfigFile, OutputFormat, Until, load_journal_configuration
from weatherd.cli.terminal import print_text, write_csv

_SPAN_KEYS = ("begin", "end", "count", "low", "mean", "high", "rain", "gust", "description")


def history(  # noqa: PLR0917 - one parameter per option
    city: Annotated[str, typer.Argument(metavar="CITY", help="The city's name or id.")],
    config: ConfigFile = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="WHEN",
            help="24h, 3 days, 1w (before now), today, yesterday or a date; default: a day before --until.",
        ),
    ] = None,
    until: Until = None,
    by: Annotated[
        CalendarPart | None, typer.Option("--by", metavar="PART", help="A row for each hour, day, week or month.")
    ] = None,
    format: OutputFormat = "text",  # noqa: A002 - the option's name
) -> int:
    """Show a city's recorded observations: low, mean and high, rain and gust, in the city's time zone.

    JSON has the same, and every observation unless --by is given; CSV has the observations, or the rows of --by. Both
    have metric units and UTC. Exit code 74 if there is no journal.

    \b
    Examples:
      weatherd history Kiel
      weatherd history Kiel --since "3 days" --by day
      weatherd history Kiel --since yesterday --until today
      weatherd history Kiel --since 2026-01-01 --format csv > kiel.csv
    """
    from weatherd.formatting import to_dict
    from weatherd.journal.reader import Reader
    from weatherd.observation import FIELDS

    configuration = load_journal_configuration(config)
    with contextlib.closing(Reader(find_journal(configuration))) as reader:
        found = read_history(configuration, reader, city, TimeRange(since, until, by), datetime.now(UTC))
    match format:
        case "text":
            from weatherd.cli.history.report import format_history
            from weatherd.cli.screen import find_width, open_console, print_lines

            console = open_console()
            print_lines(console, format_history(found, configuration.settings.display, find_width(console)))
        case "json":
            print_text(json.dumps(_build_document(found), ensure_ascii=False, indent=2))
        case "csv":
            rows = _list_parts(found) if by else map(to_dict, found.observations)
            write_csv(sys.stdout, _SPAN_KEYS if by else FIELDS, rows)
    return ExitCode.OK


def _build_document(found: CityHistory) -> dict[str, Any]:
    """Return the summary of a history, and its parts or else its observations."""
    from weatherd.formatting import format_rfc3339, to_dict

    city, (whole,) = found.city, found.split([found.since])
    document: dict[str, Any] = {"city": city.id, "name": city.name, "timezone": str(city.zone)}
    document |= {"since": format_rfc3339(found.since), "until": format_rfc3339(found.until)}
    summary = _build_row(whole, found.until)
    document |= {key: summary[key] for key in ("count", "low", "mean", "high", "rain", "gust")}
    if found.part:
        return document | {"by": found.part, "parts": _list_parts(found)}
    return document | {"observations": [to_dict(observation) for observation in found.observations]}


def _list_parts(found: CityHistory) -> list[dict[str, Any]]:
    spans = found.split(found.begins)
    return [_build_row(span, end) for span, end in zip(spans, [*found.begins[1:], found.until], strict=True)]


def _build_row(span: Span, end: datetime) -> dict[str, Any]:
    """Return a span for programs; numbers that were computed are rounded, because their errors are not data."""
    from weatherd.formatting import format_rfc3339

    mean, rain = (None if value is None else round(value, 3) for value in (span.mean, span.rain))
    row: dict[str, Any] = {"begin": format_rfc3339(span.begin), "end": format_rfc3339(end), "count": span.count}
    row |= {"low": span.low, "mean": mean, "high": span.high, "rain": rain, "gust": span.gust}
    return row | {"description": span.description}
