"""The views as HTML without JavaScript: sentences and tables."""

from __future__ import annotations

from datetime import UTC, datetime
from html import escape
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from weatherd.daemon.status import CityState
from weatherd.web.page.document import render_table

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from weatherd.web.page.models import ChartModel, OverviewModel, SlotsModel
    from weatherd.web.page.page_query import PageQuery
    from weatherd.web.schemas import CitiesPage, CityDetail, CityModel, StatusModel

_SCRIPTLESS = "<noscript><p>This page is live only with JavaScript. It reloads every minute.</p></noscript>\n"
_HEADS = ("City", "°C", "Weather", "Feels like °C", "Wind m/s", "Humidity %", "Precipitation mm", "State", "Observed")


def count_cities(count: int) -> str:
    """Return a number of cities."""
    return "1 city" if count == 1 else f"{count:,} cities"


def render_overview(overview: OverviewModel, page: CitiesPage, query: PageQuery) -> str:
    """Return the sentence of state, and a page of the list as a table."""
    counts = ", ".join(f"{count:,} {state}" for state, count in overview.counts.items() if count or state == "fresh")
    if not overview.total:
        text = "No cities yet. Add one: weatherd cities add Kiel. The list is read again by itself."
        return f"<h1>No cities</h1>\n<p>{text}</p>\n{_SCRIPTLESS}"
    first, total = page.first or 0, page.total or 0
    caption = (
        f"Cities, {first + 1:,} to {first + len(page.cities):,} of {total:,}" if page.cities else "No cities found"
    )
    links = "".join(
        f'<a href="{escape(link_to(query, after))}">{text}</a> '
        for text, after in (("Previous", page.previous), ("Next", page.next))
        if after is not None
    )
    table = render_table(caption, _HEADS, (_city_row(city) for city in page.cities))
    return (
        f"<h1>{count_cities(overview.total)}</h1>\n<p>{counts}</p>\n{_SCRIPTLESS}"
        f'<div class="without-js">{table}<p>{links}</p></div>\n'
    )


def link_to(query: PageQuery, after: str) -> str:
    """Return the address of another page of the list with the same filters."""
    values = {**query.model_dump(exclude_defaults=True, mode="json"), "after": after}
    return "?" + urlencode({name: value for name, value in values.items() if value not in {"", None}})


def _city_row(city: CityModel) -> Iterator[str]:
    yield f'<a href="?city={city.id}"><bdi>{escape(city.name)}</bdi></a>'
    last = city.observation
    if last is None:
        yield from ("–",) * 6
    else:
        yield _number(last.temperature)
        yield f"<bdi>{escape(last.description[:200])}</bdi>"
        for value in (last.apparent_temperature, last.wind_speed, last.relative_humidity):
            yield _number(value)
        yield _number(last.precipitation, 1)
    yield str(city.state) if city.state is not CityState.FRESH else "fresh"
    yield render_time(last.observed_at) if last else "–"


def _number(value: float | None, digits: int = 0) -> str:
    return "–" if value is None else f"{value:z,.{digits}f}".replace("-", "\u2212")


def render_time(text: str) -> str:
    """Return an RFC 3339 time as an element."""
    return f'<time datetime="{text}">{datetime.fromisoformat(text):%d %b %H:%M} UTC</time>'


def render_city(city: CityDetail, chart: ChartModel) -> str:
    """Return the latest observation of a city, and its history as a table."""
    last = city.observation
    name = f"<bdi>{escape(city.name)}</bdi>"
    if last:
        now = f"{_number(last.temperature, 1)} °C, <bdi>{escape(last.description[:200])}</bdi>"
        text = f"{now}. {str(city.state).capitalize()}, observed {render_time(last.observed_at)} by {last.provider}."
    else:
        text = "No value yet."
    reason = f"<p>{escape(city.failure[:500])}</p>\n" if city.failure else ""
    heads = ("Time", "Low °C", "Mean °C", "High °C", "Precipitation mm", "Wind m/s", "Gust m/s", "Pressure hPa")
    slots = chart.hours or chart.slots
    table = render_table(f"{city.name}, {chart.span}", heads, _slot_rows(slots, chart))
    return (
        f"<h1>{name}</h1>\n<p>{text}</p>\n{reason}{_SCRIPTLESS}"
        f'<div class="without-js">{table}<p><a href="api/v1/cities/{city.id}/chart?span={chart.span}&amp;format=csv">'
        "CSV</a></p></div>\n"
    )


def _slot_rows(slots: SlotsModel, chart: ChartModel) -> Iterator[Iterator[str]]:
    from zoneinfo import ZoneInfo  # noqa: PLC0415 - needed only here

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
        )
        for column in columns:
            yield _number(column[index], 1)
        yield _number(slots.pressure_msl[index])

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
    forwarders = render_table(
        "Forwarders",
        ("Forwarder", "Delivered", "Skipped", "Behind", "State"),
        (
            (
                escape(delivery.forwarder),
                f"{delivery.delivered:,}",
                f"{delivery.skipped:,}",
                f"{delivery.behind:,}",
                "down" if delivery.is_down else "working",
            )
            for delivery in status.forwarders
        ),
    )
    return (
        f"<h1>Service</h1>\n<p>{escape(sentence)}</p>\n{_SCRIPTLESS}"
        f'<div class="without-js">{providers}{forwarders}</div>\n'
    )
