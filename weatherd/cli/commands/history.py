"""``weatherd history``: a city's observations in the journal."""
# ruff: noqa: D301 - \b before the examples preserves their line breaks

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from weatherd.cli.exit_codes import ExitCode
from weatherd.cli.history import documents
from weatherd.cli.history.query import TimeRange, read_history
from weatherd.cli.history.sources import open_history
from weatherd.cli.options import ConfigFile, OutputFormat, Until, load_journal_configuration
from weatherd.cli.terminal import print_text, write_csv

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from weatherd.cli.history.days import DayHistory
    from weatherd.cli.history.query import CityHistory
    from weatherd.text.display import Display


def history(  # noqa: PLR0917 - one parameter per option
    city: Annotated[str, typer.Argument(metavar="CITY", help="The city's name or id.")],
    config: ConfigFile = None,
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="WHEN",
            help="24h, 3 days, 1w (before now), today, yesterday or a date; default: a day before --until; "
            "30 days with --by day, 12 weeks with week, a year with month, everything with year.",
        ),
    ] = None,
    until: Until = None,
    by: Annotated[
        Literal["hour", "day", "week", "month", "year"] | None,
        typer.Option("--by", metavar="PART", help="A row for each hour, day, week, month or year."),
    ] = None,
    format: OutputFormat = "text",  # noqa: A002 - the option's name
) -> int:
    """Show a city's recorded observations: low, mean and high, rain and gust, in the city's time zone.

    Days, weeks, months and years are kept for ever, also after their observations are deleted. JSON has the same, and
    every observation unless --by is given; CSV has the observations, or the rows of --by. Both have metric units and
    UTC. Exit code 74 if there is no journal. In a cluster with the forwarder postgres, the observations of all nodes
    are read from its table; days are then computed from those that the table has.

    \b
    Examples:
      weatherd history Kiel
      weatherd history Kiel --since "3 days" --by day
      weatherd history Kiel --since yesterday --until today
      weatherd history Kiel --by month
      weatherd history Kiel --since 2026-01-01 --format csv > kiel.csv
    """
    configuration, times, now = load_journal_configuration(config), TimeRange(since, until), datetime.now(UTC)
    with open_history(configuration) as reader:
        if by is None or by == "hour":
            found = read_history(configuration, reader, city, times, now, by_hour=by == "hour")
            _print_history(found, format, configuration.settings.display)
        else:
            from weatherd.cli.history.days import read_day_history

            days = read_day_history(configuration, reader, city, times, part=by, now=now)
            _print_days(days, format, configuration.settings.display)
    return ExitCode.OK


def _print_history(found: CityHistory, format_name: str, display: Display) -> None:
    match format_name:
        case "text":
            from weatherd.cli.history.report import format_history

            _print_lines(lambda width: format_history(found, display, width))
        case "json":
            _print_json(documents.build_history_document(found))
        case _:
            write_csv(sys.stdout, documents.name_columns(found), documents.list_rows(found))


def _print_days(found: DayHistory, format_name: str, display: Display) -> None:
    match format_name:
        case "text":
            from weatherd.cli.history.day_report import format_day_history

            _print_lines(lambda width: format_day_history(found, display, width))
        case "json":
            _print_json(documents.build_day_document(found))
        case _:
            write_csv(sys.stdout, documents.PERIOD_KEYS, documents.list_periods(found))


def _print_lines(make_lines: Callable[[int | None], Iterator[Any]]) -> None:
    from weatherd.cli.screen import find_width, open_console, print_lines

    console = open_console()
    print_lines(console, make_lines(find_width(console)))


def _print_json(document: dict[str, Any]) -> None:
    print_text(json.dumps(document, ensure_ascii=False, indent=2))
