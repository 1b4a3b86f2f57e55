"""A daemon with cities all over the world and a history of days, for tests of its pages."""

from __future__ import annotations

import contextlib
import json
import time
from typing import TYPE_CHECKING

from tests.support.month import fill_journal
from tests.support.service import serving
from tests.support.weatherd_process import configure, weatherd
from weatherd.city import City

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence
    from pathlib import Path

ATTACK = "<img src=x onerror=window.attacked=1>"
PLACES = [
    ("Kiel", 54.3, 10.1, "Europe/Berlin"),
    ("Reykjavík", 64.1, -21.9, "Atlantic/Reykjavik"),
    ("Longyearbyen", 78.2, 15.6, "Arctic/Longyearbyen"),
    ("القاهرة", 30.0, 31.2, "Africa/Cairo"),
    ("東京", 35.7, 139.7, "Asia/Tokyo"),
    ("Lima", -12.0, -77.0, "America/Lima"),
    ("Auckland", -36.8, 174.8, "Pacific/Auckland"),
    ("Nairobi", -1.3, 36.8, "Africa/Nairobi"),
    ("Anchorage", 61.2, -149.9, "America/Anchorage"),
    ("Lagos", 6.5, 3.4, "Africa/Lagos"),
    ("Kathmandu", 27.7, 85.3, "Asia/Kathmandu"),
    ("Ushuaia", -54.8, -68.3, "America/Argentina/Ushuaia"),
    ("Yakutsk", 62.0, 129.7, "Asia/Yakutsk"),
    (ATTACK, 0.0, 0.0, "UTC"),
]


def make_cities(count: int = len(PLACES)) -> list[City]:
    """Return cities all over the world; the last one has a name that attacks."""
    return [City(name=name, lat=lat, lon=lon, timezone=zone) for name, lat, lon, zone in PLACES[-count:]]


@contextlib.asynccontextmanager
async def run_page(
    folder: Path,
    cities: Sequence[City],
    days: float = 3,
    gaps: Sequence[tuple[float, float]] = ((14, 11),),
    **settings: str,
) -> AsyncIterator[str]:
    """Run the daemon with a history but for *gaps* (hours ago, from and to), and yield the address of the page.

    Values are not judged unless *settings* ask for it: the first that is polled is far from the invented history, so
    that it would be suspect, and unknown to alert rules, for an hour.
    """
    rows = [
        json.dumps(
            {"name": city.name, "lat": city.lat, "lon": city.lon, "timezone": city.timezone, "tags": dict(city.tags)}
            | ({"compare": city.compare} if city.compare else {})
        )
        for city in cities
    ]
    fill_journal(folder / "state", cities, time.time() - 60, days, gaps)
    defaults = {"interval": "10m", "log": "{observations: false}", "quality": "{enabled: false}"}
    async with (
        serving() as service,
        weatherd("run", "-c", configure(folder, service.url, *rows, **(defaults | settings))) as process,
    ):
        yield (await process.logs("http.ready"))["url"]
