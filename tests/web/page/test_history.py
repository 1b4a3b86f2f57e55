"""Curves and charts from a journal."""

from __future__ import annotations

import contextlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.fakes import make_fetched
from tests.support.month import fill_journal
from weatherd.city import City
from weatherd.journal.journal import open_reader
from weatherd.journal.store import JOURNAL_FILE, Store
from weatherd.web.page.history import CURVE_STEPS, read_chart, read_curves

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real_time
_NOW = datetime(2026, 3, 30, 12, 7, tzinfo=UTC)
KIEL = City(name="Kiel", lat=54.3, lon=10.1, timezone="Europe/Berlin")
TOKYO = City(name="Tokyo", lat=35.7, lon=139.7, timezone="Asia/Tokyo")


async def test_curves_of_several_cities(tmp_path: Path) -> None:
    """One request has the last 24 hours of all visible cities; one without values is missing."""
    fill_journal(tmp_path, [KIEL, TOKYO], _NOW.timestamp(), days=2, gaps=[(10, 6)])
    async with open_reader(tmp_path / JOURNAL_FILE) as reader:
        found = await read_curves(reader, ["kiel", "tokyo", "paris"], _NOW, lambda _: 600.0)
    assert found.curves.keys() == {"kiel", "tokyo"}
    curve = found.curves["kiel"]
    known = [value for value in curve.values if value is not None]
    assert len(curve.values) == CURVE_STEPS
    assert curve.low <= min(known) <= max(known) <= curve.high
    longest = max(map(len, "".join("x" if value is None else " " for value in curve.values).split()))
    assert longest == pytest.approx(12, abs=1)
    assert curve.gap < longest


@pytest.mark.parametrize(("span", "step", "slots"), [("24h", "raw", 96), ("7d", "hour", 158), ("90d", "day", 10)])
async def test_charts(tmp_path: Path, span: str, step: str, slots: int) -> None:
    """A day has raw values, a week hours, a quarter days of the city, one of which has 23 hours here."""
    fill_journal(tmp_path, [KIEL], _NOW.timestamp(), days=9)
    async with open_reader(tmp_path / JOURNAL_FILE) as reader:
        chart = await read_chart(reader, KIEL, span, _NOW, 600.0)
    assert (chart.step, chart.zone) == (step, "Europe/Berlin")
    assert len(chart.slots.begin) == pytest.approx(slots, abs=1)
    assert all(
        low <= mean <= high
        for low, mean, high in zip(chart.slots.low, chart.slots.temperature, chart.slots.high, strict=True)
    )
    assert len(chart.days.begin) == 7
    lengths = {end - begin for begin, end in zip(chart.days.begin, chart.days.end, strict=True)}
    assert lengths == {23 * 3600, 24 * 3600}
    assert chart.lowest == min(chart.slots.low) if span == "90d" else chart.lowest is not None


async def test_suspect_temperatures_are_in_no_curve(tmp_path: Path) -> None:
    """Nor in the lowest and highest of 90 days; the chart of a day shows them as such."""
    moments = [_NOW - timedelta(minutes=minutes) for minutes in (120, 60, 30)]
    qualities = ["ok", "suspect: temperature step", "ok"]
    with contextlib.closing(Store(tmp_path / JOURNAL_FILE)) as store:
        store.add(
            [
                make_fetched(KIEL, observed_at=at, fetched_at=at, temperature=temperature, quality=quality)
                for at, temperature, quality in zip(moments, (6.0, 50.0, 7.0), qualities, strict=True)
            ]
        )
    async with open_reader(tmp_path / JOURNAL_FILE) as reader:
        curves = await read_curves(reader, ["kiel"], _NOW, lambda _: 600.0)
        chart = await read_chart(reader, KIEL, "24h", _NOW, 600.0)
    assert (curves.curves["kiel"].low, curves.curves["kiel"].high) == (60, 70)
    assert 500 not in curves.curves["kiel"].values
    assert (chart.lowest, chart.highest) == (6.0, 7.0)
    assert (chart.slots.temperature, chart.slots.suspect) == ([6.0, 50.0, 7.0], [False, True, False])
    assert chart.days.high == [7.0]


async def test_a_year_shows_days_whose_observations_were_deleted(tmp_path: Path) -> None:
    """They have low, mean, high and gust; other values are missing, and they are no gap."""
    first = _NOW - timedelta(days=200)
    with contextlib.closing(Store(tmp_path / JOURNAL_FILE)) as store:
        moments = [first + timedelta(hours=hour) for hour in range(48)]
        store.add(
            [
                make_fetched(
                    KIEL, observed_at=at, fetched_at=at, temperature=-3.0 - hour, precipitation=0.5, wind_gust=9.0
                )
                for hour, at in enumerate(moments)
            ]
        )
        recent = [_NOW - timedelta(minutes=10 * number) for number in range(400, 0, -1)]
        store.add([make_fetched(KIEL, observed_at=at, fetched_at=at, wind_speed=1.0) for at in recent])
        store.days.register({"kiel": "Europe/Berlin"}, "UTC")
        async with open_reader(tmp_path / JOURNAL_FILE) as reader:
            while group := await reader.find_open_days(int(_NOW.timestamp() * 1e6)):
                store.days.put(await reader.compute_days(group))
            store.prune(first.timestamp() + 86400 * 100, _NOW.timestamp(), None, [])
            chart = await read_chart(reader, KIEL, "1y", _NOW, 600.0)
    slots = chart.slots
    assert (slots.low[:3], slots.high[:3]) == ([-12.0, -36.0, -50.0], [-3.0, -13.0, -37.0])
    assert (slots.wind_gust[0], slots.wind_speed[0], slots.wind_speed[-1]) == (9.0, None, 1.0)
    assert slots.begin == sorted(slots.begin)
    assert slots.hours[:3] == [10.0, 24.0, 14.0]
    assert chart.lowest == 6.0  # of 90 days
    assert len(chart.gaps) == 2  # before the first day, and until the next ones
