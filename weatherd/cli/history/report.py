"""A city's history as text: a sparkline, a summary, and a table of time spans."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from rich.text import Text

from weatherd.cli.history import spans as history_spans
from weatherd.cli.screen import wrap_text
from weatherd.cli.table import Column, format_table
from weatherd.formatting import format_count
from weatherd.text.units import UNITS, convert_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime, tzinfo

    from weatherd.cli.history.query import CityHistory
    from weatherd.cli.history.spans import Span
    from weatherd.cli.lookup import RecordedCity
    from weatherd.observation import Observation
    from weatherd.text.display import Display
    from weatherd.text.units import DisplayUnit

_TABLE_ROWS, _SPARKLINE_WIDTH = 24, 60


def format_history(history: CityHistory, display: Display, width: int | None) -> Iterator[str | Text]:
    """Yield the lines of a history: in its calendar parts, or else in round times that suit its length."""
    city, since, until = history.city, history.since, history.until
    begin, end = since.astimezone(city.zone), until.astimezone(city.zone)
    heading = f"{city.name}: {begin:%d %b %Y %H:%M %Z} to {end:%d %b %Y %H:%M %Z}"
    yield from (Text(line, "bold") for line in wrap_text(heading, width))
    if not history.observations:
        yield "no observations"
        return
    observations = [_translate(observation, city, display) for observation in history.observations]
    history = replace(history, observations=observations)
    bars = min(_SPARKLINE_WIDTH, width or _SPARKLINE_WIDTH)
    curve = history.split(history_spans.split_evenly(since, until, bars))
    yield Text(history_spans.draw_sparkline(curve).rstrip(), "cyan")
    yield from join_parts(list(_summarize(history, display)), width)
    begins = history.begins or _choose_begins(observations, until, city.zone)
    rows = history_spans.trim_spans(history.split(begins))
    yield from _build_table(rows, _format_begins(rows, city.zone), display, width)


def _choose_begins(observations: Sequence[Observation], until: datetime, zone: tzinfo) -> list[datetime]:
    """Return the beginnings of up to 24 spans, from the first observation to *until*.

    They have a usual length, and are at least as long as the time between two observations.
    """
    first, interval = observations[0].observed_at, history_spans.find_interval(observations)
    length = history_spans.choose_span_length(first, until, _TABLE_ROWS, interval)
    return history_spans.find_round_times(first, until, length, zone)


def _translate(observation: Observation, city: RecordedCity, display: Display) -> Observation:
    """Return the observation with words in the reader's language; those of a city without a place stay as they are."""
    if city.place is None:
        return observation
    words = display.describe(observation.description, observation.code, *city.place, observation.observed_at)
    return observation._replace(description=words)


def _summarize(history: CityHistory, display: Display) -> Iterator[str]:
    observations, zone = history.observations, history.city.zone
    plausible = history_spans.select_plausible(observations)
    low = min(plausible, key=lambda observation: observation.temperature)
    high = max(plausible, key=lambda observation: observation.temperature)
    (whole,) = history.split([history.since])
    for name, extreme in (("low", low), ("high", high)):
        at = extreme.observed_at.astimezone(zone)
        yield f"{name} {display.format('temperature', extreme.temperature)} ({at:%d %b %H:%M})"
    yield f"mean {display.format('temperature', whole.mean)}"
    if whole.rain is not None:
        yield f"rain {display.format('precipitation', whole.rain)}"
    if whole.gust is not None:
        yield f"gust {display.format('wind_gust', whole.gust)}"
    yield format_count(len(observations), "observation", "observations")


def join_parts(parts: Sequence[str], width: int | None) -> list[str]:
    """Join as many parts on each line as fit."""
    lines = [parts[0]]
    for part in parts[1:]:
        joined = f"{lines[-1]}   {part}"
        if width is None or len(joined) <= width:
            lines[-1] = joined
        else:
            lines.append(part)
    return lines


def format_number(value: float | None, unit: DisplayUnit) -> str:
    """Return a value in a unit without its symbol; a dash for None."""
    return "–" if value is None else f"{convert_value(value, unit):z.{unit.digits}f}"


def _build_table(rows: Sequence[Span], begins: Sequence[str], display: Display, width: int | None) -> list[Text]:
    """Return the lines of a table. A gap is one row of dashes, however long it is."""
    units = UNITS[display.units]

    def make_column(name: str, field: str, values: Sequence[float | None], rank: int = 0) -> Column:
        return Column(name, [format_number(value, units[field]) for value in values], rank, is_number=True)

    columns = [
        Column("from", begins),
        make_column("low", "temperature", [row.low for row in rows]),
        make_column("mean", "temperature", [row.mean for row in rows]),
        make_column("high", "temperature", [row.high for row in rows]),
        make_column(f"rain {units['precipitation'].symbol}", "precipitation", [row.rain for row in rows], 3),
        make_column(f"gust {units['wind_gust'].symbol}", "wind_gust", [row.gust for row in rows], 3),
        Column("weather", [row.description or "–" for row in rows], rank=1, min_width=10),
        Column("observations", [f"{row.count or '–'}" for row in rows], rank=2, is_number=True),
    ]
    is_empty = (all(row.rain is None for row in rows), all(row.gust is None for row in rows))
    skipped = {name for name, empty in zip(("rain", "gust"), is_empty, strict=True) if empty}
    return format_table([column for column in columns if column.name.partition(" ")[0] not in skipped], width)


def _format_begins(rows: Sequence[Span], zone: tzinfo) -> list[str]:
    """Return local times, with the name of the time zone where an hour comes twice."""
    begins = [row.begin.astimezone(zone) for row in rows]
    texts = [f"{begin:%a %d %b %H:%M}" for begin in begins]
    return [f"{text} {begin:%Z}" if texts.count(text) > 1 else text for text, begin in zip(texts, begins, strict=True)]
