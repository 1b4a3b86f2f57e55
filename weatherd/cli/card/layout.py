"""The lines of a card."""

from __future__ import annotations

import itertools
from datetime import timedelta
from typing import TYPE_CHECKING

from rich.text import Text

from weatherd.cli.card.art import ART_WIDTH, draw_weather
from weatherd.cli.card.colors import choose_color
from weatherd.cli.history.spans import draw_bars
from weatherd.cli.screen import truncate_text, wrap_text
from weatherd.observation import OK, find_suspect_fields
from weatherd.text.control_characters import escape_controls
from weatherd.text.daylight import is_daylight
from weatherd.text.duration import format_duration
from weatherd.text.local_zone import load_zone

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from weatherd.cli.card.current_weather import CurrentWeather
    from weatherd.observation import Observation
    from weatherd.text.display import Display

_DAY, _MINUTE = timedelta(days=1), 60
_MARGIN, _GAP = 1, 2  # cells on the left, and between the picture and the values
_WIDTH, _MIN_BARS, _MAX_BARS = 60, 12, 48  # cells; the width is that of a pipe
_NARROW = 40  # cells; a narrower terminal has no picture
_POINTS = ("N", "NE", "E", "SE", "S", "SW", "W", "NW")
_ARROWS = "↓↙←↖↑↗→↘"  # where the wind from each of them blows to


def format_card(weather: CurrentWeather, display: Display, now: datetime, width: int | None) -> Iterator[Text]:
    """Yield the lines of a card: name, picture and values, the last 24 hours, and the age of the observation.

    The name has a line of its own, because a terminal shows a line with a right-to-left name in another order.
    """
    cells = (width or _WIDTH) - _MARGIN
    margin = Text(" " * _MARGIN)
    for line in _build_lines(weather, display, now, cells):
        line.truncate(cells, overflow="ellipsis")
        line.rstrip()
        yield margin + line if line else line


def _build_lines(weather: CurrentWeather, display: Display, now: datetime, cells: int) -> Iterator[Text]:
    yield Text(truncate_text(escape_controls(weather.city.name), cells), "bold")
    if weather.region:
        yield Text(truncate_text(escape_controls(weather.region), cells), "dim")
    yield Text()
    yield from _join_picture(weather, list(_list_values(weather, display, cells)), cells)
    yield Text()
    yield from _draw_day(weather, display, cells)
    yield from _describe_source(weather, now, cells)


def _join_picture(weather: CurrentWeather, values: Sequence[Text], cells: int) -> Iterator[Text]:
    last, city = weather.observation, weather.city
    is_day = is_daylight(city.lat, city.lon, last.observed_at)
    picture = draw_weather(last.code, is_day=is_day) if cells >= _NARROW else []
    empty = Text(" " * ART_WIDTH if picture else "")
    for row, value in itertools.zip_longest(picture, values):
        gap = Text(" " * _GAP if picture else "")
        yield (row or empty) + gap + (value or Text())


def _join_texts(texts: Sequence[str], cells: int) -> Sequence[str]:
    """Return related values on one line, or each on its own in a narrow terminal."""
    return texts if cells < _NARROW else ["   ".join(texts)]


def _list_values(weather: CurrentWeather, display: Display, cells: int) -> Iterator[Text]:
    """Yield the values, related ones on one line; those that the service does not report are left out."""
    last, city = weather.observation, weather.city
    words = display.describe(last.description, last.code, city.lat, city.lon, last.observed_at)
    degrees = _format_value(last, "temperature", display, 0)
    yield Text.assemble((f" {degrees} ", choose_color(last.temperature).chip), " ", escape_controls(words))
    if last.apparent_temperature is not None:
        yield Text(f"feels like {display.format('apparent_temperature', last.apparent_temperature, 0)}")
    if last.wind_speed is not None:
        yield from map(Text, _describe_wind(last, display, cells))
    for fields in (("precipitation", "relative_humidity"), ("pressure_msl", "cloud_cover")):
        texts = [_describe_field(last, field, display) for field in fields if getattr(last, field) is not None]
        if texts:
            yield from map(Text, _join_texts(texts, cells))


def _describe_wind(last: Observation, display: Display, cells: int) -> Sequence[str]:
    parts = ["wind"]
    if last.wind_direction is not None:
        point = round(last.wind_direction / 45) % len(_POINTS)
        parts.append(f"{_ARROWS[point]} {_POINTS[point]}")
    parts.append(_format_value(last, "wind_speed", display))
    gust = [] if last.wind_gust is None else [f"gusts {_format_value(last, 'wind_gust', display)}"]
    return _join_texts([" ".join(parts), *gust], cells)


def _describe_field(last: Observation, field: str, display: Display) -> str:
    label = {"precipitation": "rain", "relative_humidity": "humidity", "pressure_msl": "pressure"}.get(field, "cloud")
    return f"{label} {_format_value(last, field, display)}"


def _format_value(last: Observation, field: str, display: Display, digits: int | None = None) -> str:
    """Format a value of an observation; one that is suspect ends with a question mark."""
    mark = "?" if field in find_suspect_fields(last.quality) else ""
    return f"{display.format(field, getattr(last, field), digits)}{mark}"


def _draw_day(weather: CurrentWeather, display: Display, cells: int) -> Iterator[Text]:
    """Yield a sparkline of 24 hours, in the colors of the temperatures, and the lowest and the highest one.

    A history that is too short for two bars has neither.
    """
    points, zone = weather.temperatures, load_zone(weather.city.timezone)
    label = "24 h "
    bars = max(_MIN_BARS, min(_MAX_BARS, cells - len(label)))
    means = _average(points, points[-1][0] - _DAY, bars)
    if means.count(None) > bars - 2:
        return
    curve = Text.assemble((label, "dim"))
    for bar, mean in zip(draw_bars(means), means, strict=True):
        curve.append(bar, "" if mean is None else choose_color(mean).bar)
    yield curve
    low, high = min(points, key=lambda point: point[1]), max(points, key=lambda point: point[1])
    texts = [
        f"{name} {display.format('temperature', value, 0)} at {at.astimezone(zone):%H:%M}"
        for name, (at, value) in (("low", low), ("high", high))
    ]
    margin = " " * len(label) if cells >= _NARROW else ""
    yield from (Text(margin + line) for line in _join_texts(texts, cells))
    yield Text()


def _average(points: Sequence[tuple[datetime, float]], begin: datetime, count: int) -> list[float | None]:
    """Return the mean temperature in each of *count* equal parts of the day after *begin*; None for an empty one."""
    groups: list[list[float]] = [[] for _ in range(count)]
    for at, temperature in points:
        if at > begin:
            groups[min(count - 1, int((at - begin) / _DAY * count))].append(temperature)
    return [sum(group) / len(group) if group else None for group in groups]


def _describe_source(weather: CurrentWeather, now: datetime, cells: int) -> Iterator[Text]:
    last = weather.observation
    seconds = max(0, int((now - last.observed_at).total_seconds()))
    age = format_duration(seconds if seconds < _MINUTE else seconds // _MINUTE * _MINUTE)
    at = last.observed_at.astimezone(load_zone(weather.city.timezone))
    source = f"{last.provider}, station {last.station}" if last.station else last.provider
    text = f"observed {age} ago ({at:%H:%M %Z}) by {source}"
    if weather.is_stale:
        text = f"stale: {text}"
    for line in wrap_text(text, cells):
        yield Text(line, "yellow" if weather.is_stale else "dim")
    for line in wrap_text(last.quality, cells) if last.quality != OK else ():
        yield Text(line, "yellow")
    for line in wrap_text(weather.problem, cells) if weather.problem else ():
        yield Text(line, "yellow")
