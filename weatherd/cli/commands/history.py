"""``weatherd history``: a city's observations in the journal."""
# ruff: noqa: D301 - \b before the examples preserves their line breaks

from __future__ import annotations

import contextlib
import json
import sys
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from weatherd.cli.exit_codes import ExitCode
from weatherd.cli.lookup import find_journal, find_recorded_city, parse_time_range
from weatherd.cli.options import ConfigFile, OutputFormat, Until, load_user_configuration
from weatherd.cli.terminal import print_text, write_csv

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from datetime import tzinfo

    from rich.text import Text

    from weatherd.cli.history_table import Span
    from weatherd.cli.lookup import RecordedCity
    from weatherd.observation import Observation

_TABLE_ROWS, _SPARKLINE_WIDTH = 24, 60


def history(
    city: Annotated[str, typer.Argument(metavar="CITY", help="The city's name or id.")],
    config: ConfigFile = None,
    since: Annotated[
        str, typer.Option("--since", metavar="WHEN", help="A duration before now (24h) or a date.")
    ] = "24h",
    until: Until = None,
    format: OutputFormat = "text",  # noqa: A002 - the option's name
) -> int:
    """Show a city's recorded observations.

    The text format shows low, mean and high in the city's time zone. Exit code 74 if there is no journal.

    \b
    Examples:
      weatherd history Kiel
      weatherd history Kiel --since 7d
      weatherd history Kiel --since 2026-01-01 --format csv > kiel.csv
    """
    from weatherd.formatting import to_dict
    from weatherd.journal.reader import Reader
    from weatherd.observation import FIELDS

    configuration = load_user_configuration(config)
    with contextlib.closing(Reader(find_journal(configuration))) as reader:
        found = find_recorded_city(configuration, city, reader)
        begin, end = parse_time_range(since, until, datetime.now(UTC), found.zone)
        if begin is None or begin >= end:
            raise typer.BadParameter("--since must be before --until")
        observations = reader.read_city(found.id, begin, end)
    match format:
        case "text":
            _print(found, observations, begin.astimezone(found.zone), end.astimezone(found.zone))
        case "json":
            print_text(json.dumps([to_dict(observation) for observation in observations], ensure_ascii=False, indent=2))
        case "csv":
            write_csv(sys.stdout, FIELDS, map(to_dict, observations))
    return ExitCode.OK


def _print(city: RecordedCity, observations: Sequence[Observation], begin: datetime, end: datetime) -> None:
    from weatherd.cli.screen import find_width, open_console, print_lines

    console = open_console()
    print_lines(console, _format_history(city, observations, begin, end, find_width(console)))


def _format_history(
    city: RecordedCity, observations: Sequence[Observation], begin: datetime, end: datetime, width: int | None
) -> Iterator[str | Text]:
    from rich.text import Text

    from weatherd.cli import history_table
    from weatherd.cli.screen import wrap_text

    heading = f"{city.name}: {begin:%d %b %Y %H:%M %Z} to {end:%d %b %Y %H:%M %Z}"
    yield from (Text(line, "bold") for line in wrap_text(heading, width))
    if not observations:
        yield "no observations"
        return
    # In UTC, because arithmetic in a local time zone ignores changes to and from daylight saving time
    since, until = begin.astimezone(UTC), end.astimezone(UTC)
    bars = min(_SPARKLINE_WIDTH, width or _SPARKLINE_WIDTH)
    spans = history_table.split_into_spans(observations, history_table.split_evenly(since, until, bars))
    yield Text(history_table.draw_sparkline(spans).rstrip(), "cyan")
    yield from _join_parts(list(_summarize(observations, city.zone)), width)
    length = history_table.choose_span_length(since, until, _TABLE_ROWS)
    begins = history_table.find_round_times(since, until, length, city.zone)
    spans = history_table.trim_spans(history_table.split_into_spans(observations, begins))
    yield from _build_table(spans, city.zone, width)


def _summarize(observations: Sequence[Observation], zone: tzinfo) -> Iterator[str]:
    from weatherd.formatting import format_count

    low = min(observations, key=lambda observation: observation.temperature)
    high = max(observations, key=lambda observation: observation.temperature)
    yield f"low {low.temperature:z.1f} °C ({low.observed_at.astimezone(zone):%d %b %H:%M})"
    yield f"high {high.temperature:z.1f} °C ({high.observed_at.astimezone(zone):%d %b %H:%M})"
    yield f"mean {sum(observation.temperature for observation in observations) / len(observations):z.1f} °C"
    yield format_count(len(observations), "observation", "observations")


def _join_parts(parts: Sequence[str], width: int | None) -> list[str]:
    """Join as many parts on each line as fit."""
    lines = [parts[0]]
    for part in parts[1:]:
        joined = f"{lines[-1]}   {part}"
        if width is None or len(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(part)
    return lines


def _build_table(spans: Sequence[Span], zone: tzinfo, width: int | None) -> list[Text]:
    from weatherd.cli.table import Column, format_table

    def format_all(values: Iterable[float | None]) -> list[str]:
        return [f"{value:z.1f}" if value is not None else "–" for value in values]

    return format_table(
        [
            Column("from", _format_begins(spans, zone)),
            Column("low", format_all(span.low for span in spans), is_number=True),
            Column("mean", format_all(span.mean for span in spans), is_number=True),
            Column("high", format_all(span.high for span in spans), is_number=True),
            Column("weather", [span.description or "–" for span in spans], rank=1, min_width=10),
            Column("observations", [f"{span.count or '–'}" for span in spans], rank=2, is_number=True),
        ],
        width,
    )


def _format_begins(spans: Sequence[Span], zone: tzinfo) -> list[str]:
    """Return local times, with the name of the time zone where an hour comes twice."""
    begins = [span.begin.astimezone(zone) for span in spans]
    texts = [f"{begin:%a %d %b %H:%M}" for begin in begins]
    return [f"{text} {begin:%Z}" if texts.count(text) > 1 else text for text, begin in zip(texts, begins, strict=True)]
