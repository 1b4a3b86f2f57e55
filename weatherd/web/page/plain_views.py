"""The views as HTML without JavaScript: sentences and tables."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from weatherd.journal.tables.alert_table import CURSOR_PREFIX
from weatherd.observation import OK
from weatherd.text.units import UNITS, convert_value
from weatherd.web.page.document import render_table
from weatherd.web.page.plain_notices import count_notices, name_notice, render_summary

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from weatherd.text.display import Display
    from weatherd.web.page.models import ChartModel, OverviewModel, SlotsModel
    from weatherd.web.page.page_query import PageQuery
    from weatherd.web.schemas import CitiesPage, CityDetail, CityModel, ForwarderModel, StatusModel
    from weatherd.web.warnings.models import WarningStatusModel

_SCRIPTLESS = "<noscript><p>This page is live only with JavaScript. It reloads every minute.</p></noscript>\n"


def count_cities(count: int) -> str:
    """Return a number of cities."""
    return "1 city" if count == 1 else f"{count:,} cities"


def render_overview(overview: OverviewModel, page: CitiesPage, query: PageQuery, display: Display) -> str:
    """Return the sentence of state, and a page of the list as a table."""
    heads = (
        "City",
        *name_heads(display, *_OVERVIEW[:1]),
        "Weather",
        *name_heads(display, *_OVERVIEW[1:]),
        "State",
        "Observed",
    )
    counts = ", ".join(f"{count:,} {state}" for state, count in overview.counts.items() if count or state == "fresh")
    if noticed := count_notices(overview.notices):
        counts = f"{counts}; {noticed}"
    if not overview.total:
        text = "No cities yet. Add one: weatherd cities add Kiel. The list is read again by itself."
        return f"<h1>No cities</h1>\n<p>{text}</p>\n{_SCRIPTLESS}"
    problems = "".join(f'<p class="notice">{escape(problem)}</p>\n' for problem in overview.cluster)
    first, total = page.first or 0, page.total or 0
    caption = (
        f"Cities, {first + 1:,} to {first + len(page.cities):,} of {total:,}" if page.cities else "No cities found"
    )
    links = "".join(
        f'<a href="{escape(link_to(query, after))}">{text}</a> '
        for text, after in (("Previous", page.previous), ("Next", page.next))
        if after is not None
    )
    table = render_table(caption, heads, (_city_row(city, display) for city in page.cities))
    return (
        f"<h1>{count_cities(overview.total)}</h1>\n<p>{counts}</p>\n{problems}{_SCRIPTLESS}{render_summary(overview.notices)}"
        f'<div class="without-js">{table}<p>{links}</p></div>\n'
    )


def link_to(query: PageQuery, after: str) -> str:
    """Return the address of another page of the list with the same filters."""
    values = {**query.model_dump(exclude_defaults=True, mode="json"), "after": after}
    return "?" + urlencode({name: value for name, value in values.items() if value not in {"", None}})


_OVERVIEW = (
    ("", "temperature"),
    ("Feels like ", "apparent_temperature"),
    ("Wind ", "wind_speed"),
    ("Humidity ", "relative_humidity"),
    ("Precipitation ", "precipitation"),
)
_CHART = (
    ("Low ", "temperature"),
    ("Mean ", "temperature"),
    ("High ", "temperature"),
    ("Precipitation ", "precipitation"),
    ("Wind ", "wind_speed"),
    ("Gust ", "wind_gust"),
    ("Pressure ", "pressure_msl"),
)


def name_heads(display: Display, *columns: tuple[str, str]) -> list[str]:
    """Return the heads of columns with the reader's units."""
    return [f"{name}{UNITS[display.units][field].symbol}" for name, field in columns]


def format_cell(display: Display, field: str, value: float | None, digits: int = 0) -> str:
    """Return a value in the reader's unit, without it."""
    unit = UNITS[display.units][field]
    digits = max(digits, unit.digits if unit.digits > 1 else 0)
    return "–" if value is None else f"{convert_value(value, unit):z,.{digits}f}".replace("-", "\u2212")


def _describe(city: CityModel, display: Display) -> str:
    last = city.observation
    if last is None:
        return "–"
    at = datetime.fromisoformat(last.observed_at)
    return f"<bdi>{escape(display.describe(last.description, last.code, city.lat, city.lon, at)[:200])}</bdi>"


def _city_row(city: CityModel, display: Display) -> Iterator[str]:
    yield f'<a href="?city={city.id}"><bdi>{escape(city.name)}</bdi></a>'
    last = city.observation
    if last is None:
        yield from ("–",) * 6
    else:
        yield format_cell(display, "temperature", last.temperature)
        yield _describe(city, display)
        for _, field in _OVERVIEW[1:-1]:
            yield format_cell(display, field, getattr(last, field))
        yield format_cell(display, "precipitation", last.precipitation, 1)
    doubts = [escape(last.quality)] if last and last.quality != OK else []
    yield "; ".join([city.state, *doubts, *(escape(name_notice(notice)) for notice in city.notices)])
    yield render_time(last.observed_at) if last else "–"


def render_time(text: str) -> str:
    """Return an RFC 3339 time as an element."""
    return f'<time datetime="{text}">{datetime.fromisoformat(text):%d %b %H:%M} UTC</time>'


def render_city(city: CityDetail, chart: ChartModel, display: Display, notices: str, record: str) -> str:
    """Return the latest observation of a city, *notices* and *record* as HTML, and its history as a table."""
    last = city.observation
    name = f"<bdi>{escape(city.name)}</bdi>"
    if last:
        now = f"{display.format('temperature', last.temperature, 1)}, {_describe(city, display)}"
        text = f"{now}. {str(city.state).capitalize()}, observed {render_time(last.observed_at)} by {last.provider}."
        if last.quality != OK:
            text = f"{text} {escape(last.quality).capitalize()}."
    else:
        text = "No value yet."
    reason = f"<p>{escape(city.failure[:500])}</p>\n" if city.failure else ""
    heads = ("Time", *name_heads(display, *_CHART))
    slots = chart.hours or chart.slots
    table = render_table(f"{city.name}, {chart.span}", heads, _slot_rows(slots, chart, display))
    return (
        f"<h1>{name}</h1>\n<p>{text}</p>\n{reason}{notices}{_SCRIPTLESS}"
        f'<div class="without-js">{table}<p><a href="api/v1/cities/{city.id}/chart?span={chart.span}&amp;format=csv">'
        f'CSV</a></p>{record}<p><a href="api/v1/cities/{city.id}/comparison">Services compared</a> (JSON)</p></div>\n'
    )


def _slot_rows(slots: SlotsModel, chart: ChartModel, display: Display) -> Iterator[Iterator[str]]:
    zone, style = ZoneInfo(chart.zone), "%a %d %b" if chart.step == "day" else "%a %d %b %H:%M %Z"

    def cells(index: int) -> Iterator[str]:
        begin = datetime.fromtimestamp(slots.begin[index], UTC)
        yield f'<time datetime="{begin.isoformat()}">{begin.astimezone(zone):{style}}</time>'
        columns: Sequence[Sequence[float | None]] = (
            slots.low,
            slots.temperature,
            slots.high,
            slots.precipitation,
            slots.wind_speed,
            slots.wind_gust,
            slots.pressure_msl,
        )
        for (_, field), column in zip(_CHART, columns, strict=True):
            yield format_cell(display, field, column[index], 0 if field == "pressure_msl" else 1)

    return (cells(index) for index in reversed(range(len(slots.begin))))


def render_service(status: StatusModel, sentence: str) -> str:
    """Return the providers and the forwarders as tables."""
    providers = render_table(
        "Providers",
        ("Provider", "Window", "Used", "Limit", "Paused"),
        (
            (
                escape(provider.provider),
                quota.window,
                f"{quota.used:,.0f}",
                f"{quota.limit:,}",
                escape(provider.paused.reason) if provider.paused else "no",
            )
            for provider in status.providers
            for quota in provider.quotas
        ),
    )
    forwarders = [delivery for delivery in status.forwarders if not delivery.forwarder.startswith(CURSOR_PREFIX)]
    targets = [delivery for delivery in status.forwarders if delivery not in forwarders]
    tables = [providers, _render_deliveries("Forwarders", "Forwarder", forwarders)]
    if targets:
        tables.append(_render_deliveries("Notifications of alerts", "Target", targets))
    if status.warnings:
        tables.append(_render_services(status.warnings))
    return (
        f'<h1>Service</h1>\n<p>{escape(sentence)}</p>\n{_SCRIPTLESS}<div class="without-js">{"".join(tables)}</div>\n'
    )


def _render_deliveries(caption: str, head: str, deliveries: Sequence[ForwarderModel]) -> str:
    return render_table(
        caption,
        (head, "Delivered", "Skipped", "Behind", "State"),
        (
            (
                escape(delivery.forwarder.removeprefix(CURSOR_PREFIX)),
                f"{delivery.delivered:,}",
                f"{delivery.skipped:,}",
                f"{delivery.behind:,}",
                "down" if delivery.is_down else "working",
            )
            for delivery in deliveries
        ),
    )


def _render_services(warnings: WarningStatusModel) -> str:
    return render_table(
        "Official warnings",
        ("Service", "Cities", "Last answer", "Problem"),
        (
            (
                escape(service.provider),
                f"{service.cities:,}",
                render_time(service.last_success) if service.last_success else "–",
                escape(service.failure or "none"),
            )
            for service in warnings.services
        ),
    )
