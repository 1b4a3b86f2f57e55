"""The quotas of the free plans as the simulator keeps them, and what it counts."""

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


def passes(quota: Quota, now: float, calls: float = 1.0) -> bool:
    """Ask once; tell whether it was let through."""
    if quota.check(now, 0):
        return False
    quota.charge(now, calls)
    return True


@pytest.mark.parametrize(
    ("limit", "every", "word", "opens"),
    [(600, 0.01, "Minutely", 60), (5000, 0.15, "Hourly", 3600), (10_000, 1.5, "Daily", 12 * 3600)],
)
def test_open_meteos_windows(limit: int, every: float, word: str, opens: float) -> None:
    """A window lets exactly its limit through, says which it is, and opens again when the next one begins."""
    quota = free_plan_quotas()["open-meteo"]
    assert all(passes(quota, NOON + n * every) for n in range(limit))
    refusal = quota.check(NOON + limit * every, 0)
    assert refusal
    assert refusal[1]["reason"].startswith(f"{word} API request limit exceeded")
    assert quota.check(NOON + opens - 0.1, 0)
    assert passes(quota, NOON + opens)


def test_one_request_may_overshoot_and_a_refusal_costs_nothing() -> None:
    """The real server looks before it counts."""
    quota = free_plan_quotas()["open-meteo"]
    assert passes(quota, NOON, 599)
    assert passes(quota, NOON, 100)
    assert not any(passes(quota, NOON + n / 100, 100) for n in range(200))
    assert passes(quota, NOON + 60, 4300)
    assert passes(quota, NOON + 120, 1)
    assert quota.check(NOON + 180, 0)  # 5,000 are used, of the hour


def test_too_many_at_once() -> None:
    """More than five under way are refused."""
    quota = free_plan_quotas()["open-meteo"]
    assert quota.check(NOON, 5) is None
    assert quota.check(NOON, 6) == (429, {"error": True, "reason": "Too many concurrent requests"})


def test_openweathermaps_minute_slides() -> None:
    """60 in any 60 seconds, wherever they begin."""
    quota = free_plan_quotas()["openweathermap"]
    assert all(passes(quota, NOON + 59 + n / 100) for n in range(60))
    assert not passes(quota, NOON + 61)
    assert not passes(quota, NOON + 118.9)
    assert passes(quota, NOON + 119.01)


@pytest.mark.parametrize(("name", "rate", "burst"), [("met-norway", 20, 20), ("bright-sky", 10, 50)])
def test_buckets(name: str, rate: float, burst: int) -> None:
    """A burst is let through, then as many as flow in."""
    quota = free_plan_quotas()[name]
    assert sum(passes(quota, NOON) for _ in range(200)) == burst
    assert sum(passes(quota, NOON + 1) for _ in range(200)) == rate


@pytest.mark.parametrize(
    ("query", "calls"),
    [
        ({"latitude": ["1"], "current": ["a,b"]}, 1),
        ({"latitude": ["1,2,3"], "current": ["a,b"]}, 3),
        ({"latitude": ["1"], "hourly": [",".join("abcdefghijklmno")]}, 1.5),
        ({"latitude": ["1"], "current": ["a"] * 10, "forecast_days": ["16"]}, 16 / 14),
    ],
)
def test_what_a_request_weighs(query: dict[str, list[str]], calls: float) -> None:
    """Places times what is asked of each, one at least; checked against the examples that the service gives."""
    assert open_meteo_call_weight(query) == pytest.approx(calls)


async def test_the_counts() -> None:
    """``/_stats`` has what was asked of whom, how it was answered, and the peaks; it is not counted itself."""
    app = create_app(now=virtual_time.now, quotas=free_plan_quotas())
    place = {"latitude": "1,2,3", "longitude": "1,2,3", "current": "temperature_2m"}

    async def ask(path: str, **params: str) -> None:
        await get(session, f"{url}{path}", params)

    async with serve_app("127.0.0.1", 0, app) as url, open_session("weatherd/1 me@example.org") as session:
        for _ in range(201):
            await ask("/v1/forecast", **place)
        await ask("/v1/forecast", **place | {"latitude": "999,2,3"})
        for _ in range(2):
            await ask("/weatherapi/locationforecast/2.0/compact", lat="1", lon="1")
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


async def test_a_wrong_question_costs_one_call() -> None:
    """A hundred places with one that is wrong are one call, however often they are asked for."""
    quotas = free_plan_quotas()
    app = create_app(now=virtual_time.now, quotas=quotas)
    wrong = {"latitude": ",".join(["1"] * 99 + ["999"]), "longitude": ",".join(["1"] * 100), "current": "rain"}
    async with serve_app("127.0.0.1", 0, app) as url, open_session("weatherd/1") as session:
        for _ in range(50):
            assert (await get(session, f"{url}/v1/forecast", wrong)).status == 400
    assert quotas["open-meteo"].check(virtual_time.EPOCH.timestamp(), 0) is None
    assert app[STATS]["open-meteo"].quota_429 == 0


async def test_a_fault_is_no_matter_of_the_quota() -> None:
    """A 429 that was ordered is not counted as one that the client gave cause for."""
    app = create_app(now=virtual_time.now, faults=[Fault("429", 1.0)], quotas=free_plan_quotas())
    async with serve_app("127.0.0.1", 0, app) as url, open_session("weatherd/1") as session:
        answer = await get(session, f"{url}/current_weather", {"lat": "50", "lon": "10"})
    assert answer[:2] == (429, b"Too Many Requests")
    assert (app[STATS]["bright-sky"].statuses[429], app[STATS]["bright-sky"].quota_429) == (1, 0)
