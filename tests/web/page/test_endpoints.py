"""The page's part of the HTTP interface, served in this process."""

from __future__ import annotations

import contextlib
import json
import re
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
import structlog

from tests.support.daemon import make_latest, make_registry, make_status
from tests.support.fakes import BERLIN, KIEL, MUNICH, VirtualJournal
from weatherd import log
from weatherd.config.http_section import HttpSection
from weatherd.observation import FetchedObservation, Observation
from weatherd.pipeline.forwarders.group import DeliveryGroup
from weatherd.polling.poll_history import Histogram
from weatherd.web.on_demand import serve_http
from weatherd.web.page.assets import load_assets
from weatherd.web.page.service import find_median

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

pytestmark = pytest.mark.real_time
_CITIES = {city.id: city for city in (KIEL, BERLIN, MUNICH)}


@contextlib.asynccontextmanager
async def serve(
    folder: Path, temperatures: dict[str, float], qualities: Mapping[str, str] = MappingProxyType({})
) -> AsyncIterator[aiohttp.ClientSession]:
    """Serve three cities with these latest temperatures, and yield a session."""
    now = datetime.now(UTC)
    latest = make_latest([KIEL, BERLIN, MUNICH])
    for city, temperature in temperatures.items():
        quality = qualities.get(city, "ok")
        observation = Observation(
            city, "fake", now - timedelta(minutes=5), now, temperature, "rain", 61, quality=quality
        )
        latest.record([FetchedObservation(_CITIES[city], observation)])
    with contextlib.closing(VirtualJournal(folder / "weatherd.sqlite")) as journal:
        registry = make_registry([KIEL, BERLIN, MUNICH])
        parts: dict[str, Any] = {
            "registry": registry,
            "latest": latest,
            "journal": journal,
            "deliveries": DeliveryGroup([]),
        }
        status = make_status(**parts, now=lambda: datetime.now(UTC))
        async with serve_http(status, HttpSection(port=0)) as url, aiohttp.ClientSession(url) as session:
            yield session


async def _read(session: aiohttp.ClientSession, path: str) -> Any:
    async with session.get(path) as response:
        assert response.status == 200, await response.text()
        return await response.json()


async def test_the_overview_adds_up(tmp_path: Path) -> None:
    """The counts are those of all cities; the distribution and the extremes are those with a value."""
    async with serve(tmp_path, {"kiel": 5.6, "munchen": -0.5}) as session:
        overview = await _read(session, "/api/v1/overview")
    assert overview["total"] == sum(overview["counts"].values()) == 3
    assert overview["histogram"] == [[0, 1], [6, 1]]
    assert (overview["coldest"]["id"], overview["warmest"]["id"]) == ("munchen", "kiel")
    assert [(entry["state"], entry["names"]) for entry in overview["trouble"]] == [("waiting", ["Berlin"])]


async def test_suspect_temperatures_are_not_in_the_distribution(tmp_path: Path) -> None:
    """Nor is one of them the warmest; a city with another suspect value counts as usual."""
    temperatures = {"kiel": 57.0, "munchen": -0.5, "berlin": 3.0}
    qualities = {"kiel": "suspect: temperature step", "berlin": "suspect: wind_gust consistency"}
    async with serve(tmp_path, temperatures, qualities) as session:
        overview = await _read(session, "/api/v1/overview")
    assert overview["histogram"] == [[0, 1], [3, 1]]
    assert (overview["coldest"]["id"], overview["warmest"]["id"]) == ("munchen", "berlin")


async def test_a_page_of_the_list_has_its_place(tmp_path: Path) -> None:
    """A page says how many cities there are, where it is, and how to get to its neighbours."""
    async with serve(tmp_path, {"kiel": 5.6, "munchen": -0.5}) as session:
        first = await _read(session, "/api/v1/cities?sort=temperature&limit=2")
        assert [city["id"] for city in first["cities"]] == ["munchen", "kiel"]
        assert (first["total"], first["first"], first["previous"], first["next"]) == (3, 0, None, "kiel")
        second = await _read(session, f"/api/v1/cities?sort=temperature&limit=2&after={first['next']}")
        assert [city["id"] for city in second["cities"]] == ["berlin"]
        assert (second["first"], second["previous"], second["next"]) == (2, "", None)


async def test_the_document_forbids_everything_inline(tmp_path: Path) -> None:
    """The policy permits own files alone; nobody keeps the document, everybody its files."""
    async with serve(tmp_path, {}) as session:
        async with session.get("/?utm_source=x&sort=nonsense") as response:
            text = await response.text()
            assert response.status == 200
            assert "unsafe" not in response.headers["Content-Security-Policy"]
            assert response.headers["Cache-Control"] == "no-store"
        data = re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)
        assert data
        assert json.loads(data[1])["overview"]["total"] == 3
        for path in load_assets().files:
            async with session.get(f"/{load_assets().url(path)}") as response:
                assert response.status == 200
                assert "immutable" in response.headers["Cache-Control"]
        async with session.get("/static/another-version/app/main.js") as response:
            assert response.status == 404


async def test_all_files_are_small_on_the_wire(tmp_path: Path) -> None:
    """Documents and files of all views are less than 100 kB; each has an ETag, and is compressed if it is large."""
    views = ["/", "/?view=map", "/?view=service", "/?wall", "/?city=kiel"]
    paths = [*views, *(f"/{load_assets().url(path)}" for path in load_assets().files)]
    size = 0
    async with serve(tmp_path, {"kiel": 7.0}) as served:
        async with served.get("/") as response:
            origin = response.url.origin()
        async with aiohttp.ClientSession(origin, auto_decompress=False) as session:
            for path in paths:
                async with session.get(path, headers={"Accept-Encoding": "gzip"}) as response:
                    body = await response.read()
                    size += len(body)
                    assert "Content-Encoding" in response.headers or len(body) < 1024, path
                    tag = response.headers["ETag"]
                if path not in views:  # a document has the time of now
                    async with session.get(path, headers={"If-None-Match": tag}) as response:
                        assert (response.status, await response.read()) == (304, b""), path
    assert size < 100_000


async def test_a_tag_may_be_given_several_times(tmp_path: Path) -> None:
    """Several tags in the address of the page select cities that have all of them, as one list of tags does."""
    async with serve(tmp_path, {}) as session:
        for query in ("tag=a=b&tag=c=d", "tag=a=b,c=d"):
            async with session.get(f"/?{query}") as response:
                assert response.status == 200
                assert "No cities found" in await response.text()


async def test_an_unknown_city_leads_back(tmp_path: Path) -> None:
    """The page of a city that is not in the list says so, with status 404; the API does, too."""
    async with serve(tmp_path, {}) as session:
        async with session.get("/?city=paris") as response:
            assert response.status == 404
            assert "There is no city “paris” in the list" in await response.text()
        async with session.get("/api/v1/cities/paris/chart") as response:
            assert response.status == 404


async def test_a_chart_as_csv(tmp_path: Path) -> None:
    """A chart is a file with a header, named after city and span, even without values."""
    async with serve(tmp_path, {}) as session, session.get("/api/v1/cities/kiel/chart?span=7d&format=csv") as response:
        assert response.content_type == "text/csv"
        assert 'filename="kiel-7d.csv"' in response.headers["Content-Disposition"]
        assert (await response.text()).startswith("begin,end,temperature,low,high,")


async def test_the_last_warnings_are_shown_without_secrets(tmp_path: Path) -> None:
    """The service view has the last 200 warnings, redacted as in the log, and nothing below that level."""
    log.configure(secrets=["a-secret-key"], write=lambda _: None)
    logger = structlog.get_logger()
    logger.info("sink.recovered")
    for number in range(250):
        logger.warning("city.down", number=number, reason="a-secret-key was refused")
    async with serve(tmp_path, {}) as session:
        service = await _read(session, "/api/v1/service")
    lines = [json.loads(line) for line in service["warnings"]]
    assert [line["number"] for line in lines] == list(range(50, 250))
    assert "a-secret-key" not in json.dumps(service)
    account = service["status"]["account"]
    parts = ("stored", "repeated", "dropped", "queued")
    assert account["fetched"] == sum(account[part] for part in parts)


def test_a_median_is_the_edge_of_a_bucket() -> None:
    """Half of the durations are at most the median; without any there is none."""
    histogram = Histogram()
    assert find_median(histogram) is None
    for seconds in (0.06, 0.2, 0.3, 0.3, 99.0):
        histogram.add(seconds, 1)
    assert find_median(histogram) == 0.5
