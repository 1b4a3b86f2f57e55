"""Quotas of the free plans in the simulator, and its request statistics."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.support import virtual_time
from weatherd.http.client import get
from weatherd.http.session import open_session
from weatherd.simulator.faults import Fault
from weatherd.simulator.quotas import free_plan_quotas, open_meteo_call_weight
from weatherd.simulator.server import STATS, create_app, serve_app

if TYPE_CHECKING:
    from weatherd.simulator.quotas import Quota

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC).timestamp()


def accepts(quota: Quota, now: float, calls: float = 1.0) -> bool:
    """Send a request; return whether it is accepted."""
    if quota.check(now, 0):
        return False
    quota.charge(now, calls)
    return True


@pytest.mark.parametrize(
    ("limit", "spacing", "name", "reset"),
    [(600, 0.01, "Minutely", 60), (5000, 0.15, "Hourly", 3600), (10_000, 1.5, "Daily", 12 * 3600)],
)
def test_open_meteo_windows(limit: int, spacing: float, name: str, reset: float) -> None:
    """A window accepts exactly its limit, names itself in the rejection, and is reset when the next one begins."""
    quota = free_plan_quotas()["open-meteo"]
    assert all(accepts(quota, NOON + n * spacing) for n in range(limit))
    rejection = quota.check(NOON + limit * spacing, 0)
    assert rejection
    assert rejection[1]["reason"].startswith(f"{name} API request limit exceeded")
    assert quota.check(NOON + reset - 0.1, 0)
    assert accepts(quota, NOON + reset)


def test_overshoot_and_free_rejections() -> None:
    """The server checks before it counts: one request may overshoot the limit, and a rejection costs nothing."""
    quota = free_plan_quotas()["open-meteo"]
    assert accepts(quota, NOON, 599)
    assert accepts(quota, NOON, 100)
    assert not any(accepts(quota, NOON + n / 100, 100) for n in range(200))
    assert accepts(quota, NOON + 60, 4300)
    assert accepts(quota, NOON + 120, 1)
    assert quota.check(NOON + 180, 0)  # the hour's 5,000 are used up


def test_concurrency_limit() -> None:
    """More than five requests in flight are rejected."""
    quota = free_plan_quotas()["open-meteo"]
    assert quota.check(NOON, 5) is None
    assert quota.check(NOON, 6) == (429, {"error": True, "reason": "Too many concurrent requests"})


def test_openweathermap_sliding_window() -> None:
    """60 requests are accepted in any 60 seconds."""
    quota = free_plan_quotas()["openweathermap"]
    assert all(accepts(quota, NOON + 59 + n / 100) for n in range(60))
    assert not accepts(quota, NOON + 61)
    assert not accepts(quota, NOON + 118.9)
    assert accepts(quota, NOON + 119.01)


@pytest.mark.parametrize(("name", "rate", "burst"), [("met-norway", 20, 20), ("bright-sky", 10, 50)])
def test_token_buckets(name: str, rate: float, burst: int) -> None:
    """A burst is accepted, then requests at the average rate."""
    quota = free_plan_quotas()[name]
    assert sum(accepts(quota, NOON) for _ in range(200)) == burst
    assert sum(accepts(quota, NOON + 1) for _ in range(200)) == rate


@pytest.mark.parametrize(
    ("query", "calls"),
    [
        ({"latitude": ["1"], "current": ["a,b"]}, 1),
        ({"latitude": ["1,2,3"], "current": ["a,b"]}, 3),
        ({"latitude": ["1"], "hourly": [",".join("abcdefghijklmno")]}, 1.5),
        ({"latitude": ["1"], "current": ["a"] * 10, "forecast_days": ["16"]}, 16 / 14),
    ],
)
def test_call_weight(query: dict[str, list[str]], calls: float) -> None:
    """The weight is locations times variables and days, at least 1 per location, as in the service's examples."""
    assert open_meteo_call_weight(query) == pytest.approx(calls)


async def test_statistics() -> None:
    """``/_stats`` has the requests, statuses and peaks of each service, and is not counted itself."""
    app = create_app(now=virtual_time.now, quotas=free_plan_quotas())
    place = {"latitude": "1,2,3", "longitude": "1,2,3", "current": "temperature_2m"}

    async def request(path: str, **params: str) -> None:
        await get(session, f"{url}{path}", params)

    async with serve_app("127.0.0.1", 0, app) as url, open_session("weatherd/1 me@example.org") as session:
        for _ in range(201):
            await request("/v1/forecast", **place)
        await request("/v1/forecast", **place | {"latitude": "999,2,3"})
        for _ in range(2):
            await request("/weatherapi/locationforecast/2.0/compact", lat="1", lon="1")
        stats = json.loads((await get(session, f"{url}/_stats", {})).body)
    meteo, met = stats["open-meteo"], stats["met-norway"]
    assert (meteo["requests"], meteo["quota_429"], meteo["statuses"]) == (202, 2, {"200": 200, "429": 2})
    assert (meteo["calls"], meteo["busiest"]["calls_a_minute"], meteo["busiest"]["requests_a_second"]) == (
        600,
        600,
        202,
    )
    assert (met["requests"], met["early"], met["not_modified"]) == (2, 1, 0)
    assert stats.keys() == {"open-meteo", "met-norway"} == app[STATS].keys()


async def test_invalid_request_costs_one_call() -> None:
    """A request for a hundred locations with an invalid one is charged as one call, each time."""
    quotas = free_plan_quotas()
    app = create_app(now=virtual_time.now, quotas=quotas)
    wrong = {"latitude": ",".join(["1"] * 99 + ["999"]), "longitude": ",".join(["1"] * 100), "current": "rain"}
    async with serve_app("127.0.0.1", 0, app) as url, open_session("weatherd/1") as session:
        for _ in range(50):
            assert (await get(session, f"{url}/v1/forecast", wrong)).status == 400
    assert quotas["open-meteo"].check(virtual_time.EPOCH.timestamp(), 0) is None
    assert app[STATS]["open-meteo"].quota_429 == 0


async def test_faults_do_not_count_as_quota_rejections() -> None:
    """A 429 of a fault is not counted as a rejection by the quota."""
    app = create_app(now=virtual_time.now, faults=[Fault("429", 1.0)], quotas=free_plan_quotas())
    async with serve_app("127.0.0.1", 0, app) as url, open_session("weatherd/1") as session:
        response = await get(session, f"{url}/current_weather", {"lat": "50", "lon": "10"})
    assert response[:2] == (429, b"Too Many Requests")
    assert (app[STATS]["bright-sky"].statuses[429], app[STATS]["bright-sky"].quota_429) == (1, 0)
