"""The days of a city in the API and in the client."""

from __future__ import annotations

import contextlib
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.support.daemon import make_latest, make_registry, make_status
from tests.support.fakes import VirtualJournal, make_fetched
from weatherd.city import City
from weatherd.cli.client import Client, ClientError
from weatherd.config.http_section import HttpSection
from weatherd.pipeline.forwarders.group import DeliveryGroup
from weatherd.web.on_demand import serve_http

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.real_time
KIEL = City(name="Kiel", lat=54.3, lon=10.1, timezone="Europe/Berlin", providers=("fake",))
NOW = datetime(2026, 3, 29, 12, tzinfo=UTC)  # the day on which the clock changes has 23 hours


@contextlib.asynccontextmanager
async def serve(folder: Path) -> AsyncIterator[Client]:
    """Serve 100 days of hourly observations, each warmer by 0.01 °C, with a client."""
    with contextlib.closing(VirtualJournal(folder / "weatherd.sqlite")) as journal:
        times = [NOW - timedelta(hours=hour) for hour in reversed(range(100 * 24))]
        batch = [
            make_fetched(KIEL, observed_at=at, fetched_at=at, temperature=number / 100, precipitation=0.25)
            for number, at in enumerate(times)
        ]
        await journal.add(batch)
        latest = make_latest([KIEL])
        latest.record(batch[-1:])
        status: Any = make_status(
            registry=make_registry([KIEL]),
            latest=latest,
            journal=journal,
            deliveries=DeliveryGroup([]),
            now=lambda: NOW,
        )
        async with serve_http(status, HttpSection(port=0)) as url, Client(url) as client:
            yield client


async def test_days_of_a_city(tmp_path: Path) -> None:
    """By default 30 days, today so far among them; days begin at midnight of the city, and none has an hour twice."""
    async with serve(tmp_path) as client:
        found = await client.get_days("kiel")
    assert (found.city, found.timezone, found.by, len(found.parts)) == ("kiel", "Europe/Berlin", "day", 30)
    yesterday, today = found.parts[-2:]
    assert (today.begin, today.end) == ("2026-03-28T23:00:00Z", "2026-03-29T22:00:00Z")
    assert (yesterday.hours, yesterday.count, yesterday.rain, yesterday.providers) == (24.0, 24, 6.0, ["fake"])
    assert (today.count, today.rain, today.last) == (14, 3.25, "2026-03-29T12:00:00Z")
    assert (today.low, today.low_at, today.high) == (23.86, "2026-03-28T23:00:00Z", 23.99)


async def test_parts_and_records(tmp_path: Path) -> None:
    """Months are whole; the warmest day of the record is one, also if the journal begins with it."""
    async with serve(tmp_path) as client:
        found = await client.get_days("kiel", "month", since=date(2026, 2, 14), until=date(2026, 3, 1))
        assert [part.days for part in found.parts] == [28]
        years = await client.get_days("kiel", "year", since=date(1950, 1, 1))
        unasked = [len((await client.get_days("kiel", by)).parts) for by in ("day", "week", "month", "year")]
    assert unasked == [30, 12, 4, 2]  # the last two are all of the 100 days
    assert (years.today, years.today.rain) == (found.today, 3.25)
    assert [(extreme.kind, extreme.value, extreme.date, extreme.hours) for extreme in found.extremes] == [
        ("lowest", 0.0, "2025-12-19", 10.0),
        ("highest", 23.99, "2026-03-29", 14.0),
        ("wettest", 6.0, "2025-12-20", 24.0),
    ]
    assert [part.begin for part in years.parts] == ["2024-12-31T23:00:00Z", "2025-12-31T23:00:00Z"]
    (record,) = found.records
    assert (record.kind, record.value, record.date, record.since) == ("highest", 23.99, "2026-03-29", None)


async def test_metrics_of_today(tmp_path: Path) -> None:
    """Low, high and rain since midnight of the city; they follow the next observation."""
    async with (
        serve(tmp_path) as client,
        aiohttp.ClientSession() as session,
        session.get(f"{client.url}/metrics") as response,
    ):
        lines = (await response.text()).splitlines()
    assert 'weatherd_today_low_celsius{city="kiel"} 23.86' in lines
    assert 'weatherd_today_high_celsius{city="kiel"} 23.99' in lines
    (rain,) = [line for line in lines if line.startswith('weatherd_today_precipitation_meters{city="kiel"}')]
    assert float(rain.split()[1]) == pytest.approx(0.00325)


@pytest.mark.parametrize("query", ["since=yesterday", "by=hour", "since=2026-1-1", "until=2026-02-30"])
async def test_wrong_parameters_are_explained(tmp_path: Path, query: str) -> None:
    """A wrong date or part is an error 400 that names it."""
    async with serve(tmp_path) as client:
        with pytest.raises(ClientError, match=query.partition("=")[0]):
            await client._get(type(await client.get_days("kiel")), f"/api/v1/cities/kiel/days?{query}")
