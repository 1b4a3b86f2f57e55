"""``weatherd compare``: how the weather services of a city agree."""
# ruff: noqa: D301 - \b before the examples preserves their line breaks

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from weatherd.cli.exit_codes import ExitCode
from weatherd.cli.lookup import find_journal, find_listed_city, find_recorded_city, parse_time_range
from weatherd.cli.options import ConfigFile, JsonOrText, Until, load_journal_configuration
from weatherd.cli.terminal import print_text
from weatherd.journal.comparison.city import ComparedField

if TYPE_CHECKING:
    from weatherd.cli.commands.journal.comparison_report import CityComparison
    from weatherd.config.loader import Configuration
    from weatherd.journal.reader import Reader


def compare(  # noqa: PLR0917 - one parameter per option
    city: Annotated[str, typer.Argument(metavar="CITY", help="The city's name or id.")],
    since: Annotated[
        str | None,
        typer.Option(
            "--since",
            metavar="WHEN",
            help="24h, 3 days, 1w (before now), yesterday or a date; default: 30 days before --until.",
        ),
    ] = None,
    until: Until = None,
    field: Annotated[
        ComparedField,
        typer.Option("--field", metavar="FIELD", help="The field to compare, such as wind_speed."),
    ] = "temperature",
    config: ConfigFile = None,
    format: JsonOrText = "text",  # noqa: A002 - the option's name
) -> int:
    """Compare the services that reported a city's weather: bias, mean error, outages, and which one to put first.

    The reference is the service of a station, or else the median of the other services. Observations count as pairs
    within 15 minutes. The bias is in its interval with a probability of 95 %, for which it takes 3 days. JSON has
    metric units and UTC. Exit code 74 if there is no journal.

    \b
    Examples:
      weatherd compare Kiel
      weatherd compare Kiel --since 90d --field wind_speed
      weatherd compare Kiel --format json
    """
    from weatherd.cli.commands.journal import comparison_report
    from weatherd.journal.reader import Reader

    configuration, now = load_journal_configuration(config), datetime.now(UTC)
    with contextlib.closing(Reader(find_journal(configuration))) as reader:
        found = _compare_city(configuration, reader, city, (since, until), field, now)
    if format == "json":
        print_text(json.dumps(comparison_report.build_comparison_document(found), ensure_ascii=False, indent=2))
    else:
        from weatherd.cli.screen import find_width, open_console, print_lines

        console = open_console()
        lines = comparison_report.format_comparison(found, configuration.settings.display, find_width(console))
        print_lines(console, lines)
    return ExitCode.OK


def _compare_city(  # noqa: PLR0917
    configuration: Configuration,
    reader: Reader,
    name: str,
    times: tuple[str | None, str | None],
    field: str,
    now: datetime,
) -> CityComparison:
    """Return the comparison of a city. Raises ArgumentError and typer.BadParameter."""
    from weatherd.cli.commands.journal.comparison_report import CityComparison
    from weatherd.journal.comparison.city import DEFAULT_RANGE, compare_city, list_compared_columns

    city = find_recorded_city(configuration, name, reader)
    since, until = parse_time_range(*times, now, city.zone)
    since = since or until - DEFAULT_RANGE
    observed = reader.read_columns([city.id], list_compared_columns(field), since, until)
    polled = reader.read_compared(city.id, field, since, until)
    listed = find_listed_city(configuration.cities, name)
    compared = compare_city(observed, polled, field, listed)
    return CityComparison(city, since, until, field, listed.providers[0] if listed else None, compared)
