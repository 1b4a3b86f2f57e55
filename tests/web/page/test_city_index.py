"""Snapshots of the list: how old they may be, and who waits for a scan."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.support.daemon import make_registry, make_status
from tests.support.fakes import FakeJournal
from weatherd.city import City
from weatherd.config.diff import diff
from weatherd.web.page import city_index
from weatherd.web.page.city_index import CityIndex
from weatherd.web.page.overview import make_overview

if TYPE_CHECKING:
    from weatherd.polling.city_registry import CityRegistry

pytestmark = pytest.mark.real_time


def _make_index(registry: CityRegistry) -> CityIndex:
    status = make_status(registry=registry, journal=FakeJournal(), now=lambda: datetime.now(UTC))
    return CityIndex(status, lambda snapshot, edition: make_overview(status, snapshot, edition))


def _make_cities(count: int) -> list[City]:
    return [City(name=f"City {number}", lat=1.0, lon=1.0) for number in range(count)]


async def test_nobody_waits_for_the_next_snapshot_of_a_long_list(monkeypatch: pytest.MonkeyPatch) -> None:
    """A snapshot that is old is returned at once and renewed meanwhile; one that is too old is not returned."""
    monkeypatch.setattr(city_index, "_MIN_AGE", 0.0)
    monkeypatch.setattr(city_index, "_REUSE", 0)
    index = _make_index(make_registry(_make_cities(3000)))
    first = await index.read()
    assert await index.read() is first
    async with asyncio.timeout(20):
        while (second := await index.read()) is first:  # noqa: ASYNC110 - a thread renews it
            await asyncio.sleep(0.01)
    monkeypatch.setattr(city_index, "_MAX_AGE", 0.0)
    assert await index.read() is not second


async def test_a_snapshot_of_another_list_is_not_used() -> None:
    """After an edit of the list the next reader waits for a scan of the new one, and its overview counts that."""
    cities = _make_cities(3000)
    registry = make_registry(cities)
    index = _make_index(registry)
    assert (await index.read_overview()).total == 3000
    registry.apply(diff(cities, cities[:2500]))
    overview = await index.read_overview()
    assert (overview.total, overview.edition) == (2500, 2)


async def test_a_short_list_is_scanned_for_each_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    """No reader gets an old snapshot of a short list."""
    monkeypatch.setattr(city_index, "_REUSE", 0)  # however long a busy machine takes to scan three cities
    index = _make_index(make_registry(_make_cities(3)))
    first = await index.read()
    assert await index.read() is not first


async def test_a_reader_who_gives_up_does_not_stop_the_scan() -> None:
    """A scan that takes longer than any reader waits ends all the same, and the next reader has it."""
    index = _make_index(make_registry(_make_cities(3000)))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0):
            await index.read()
    renewal = index._renewal
    assert renewal
    scan = await renewal
    assert await index.read() is scan.snapshot
