"""The token bucket: the rate holds in every interval, and no request waits longer than necessary."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.quota.fake_service import max_calls_within
from weatherd.quota.plans import PLANS, Plan
from weatherd.quota.token_bucket import TokenBucket

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC).timestamp()
PER_MINUTE = [
    pytest.param(plan, id=f"{provider} {name}")
    for provider, plans in PLANS.items()
    for name, plan in plans.items()
    if "minute" in plan.limits
]

rates = st.floats(0.05, 50)
bursts = st.integers(1, 200)
requests = st.lists(
    st.tuples(st.one_of(st.just(0.0), st.floats(0, 2), st.floats(0, 300)), st.integers(1, 200)),
    min_size=1,
    max_size=60,
)


def bucket_of(plan: Plan) -> TokenBucket:
    """Return the bucket of a plan."""
    return TokenBucket(plan.rate, plan.burst)


def send_times(bucket: TokenBucket, requests: list[tuple[float, int]]) -> list[tuple[float, int]]:
    """Return when requests are sent that are made after the given gaps, one after the other."""
    sent, now, free = [], NOON, NOON
    for gap, weight in requests:
        now = max(now + gap, free)
        free = now = now + bucket.delay(weight, now)
        bucket.take(weight, now)
        sent.append((now, weight))
    return sent


@given(rates, bursts, requests)
def test_the_rate_holds_in_every_interval(rate: float, burst: int, requests: list[tuple[float, int]]) -> None:
    """From any request to any later one no more calls are sent than burst + rate * time allows."""
    sent = send_times(TokenBucket(rate, burst), requests)
    capacity = max(burst, *(weight for _, weight in sent))
    for first, (start, _) in enumerate(sent):
        total = 0
        for time, weight in sent[first:]:
            total += weight
            assert total <= capacity + rate * (time - start) + 1e-3


@given(rates, bursts, requests)
def test_no_request_waits_longer_than_the_bucket_takes_to_fill(
    rate: float, burst: int, requests: list[tuple[float, int]]
) -> None:
    """No request up to the size of the burst waits longer than the bucket takes to fill."""
    bucket, now = TokenBucket(rate, burst), NOON
    for gap, heavy in requests:
        now, weight = now + gap, min(heavy, burst)
        delay = bucket.delay(weight, now)
        assert 0 <= delay <= burst / rate + 1e-6
        now += delay
        bucket.take(weight, now)


@pytest.mark.parametrize("plan", PER_MINUTE)
@given(requests=requests)
def test_no_60_seconds_exceed_the_limit_of_a_minute(plan: Plan, requests: list[tuple[float, int]]) -> None:
    """In any 60 s, wherever they begin, the rate and burst of a plan stay below its limit for a minute."""
    sent = send_times(bucket_of(plan), [(gap, min(weight, int(plan.burst))) for gap, weight in requests])
    assert max_calls_within(60, sent) <= plan.limits["minute"]


@pytest.mark.parametrize("plan", PER_MINUTE[:2])
@pytest.mark.parametrize("share", [1.0, 0.5, 0.01])
def test_constant_load_uses_most_of_a_minute(plan: Plan, share: float) -> None:
    """Constant requests, light or heavy, use at least 75 % of a minute's limit and no more than 100 %."""
    weight = max(1, int(plan.burst * share))
    sent = send_times(bucket_of(plan), [(0.0, weight)] * (3 * plan.limits["minute"] // weight))
    assert 0.75 * plan.limits["minute"] <= max_calls_within(60, sent) <= plan.limits["minute"]


def test_a_request_heavier_than_the_burst_is_sent() -> None:
    """A heavier request is sent at once when the bucket is full; the next one waits for its tokens."""
    sent = [time - NOON for time, _ in send_times(TokenBucket(1.0, 10), [(0.0, 50), (0.0, 50)])]
    assert sent == pytest.approx([0, 50], abs=1e-3)


def test_a_drained_bucket_has_no_burst() -> None:
    """After a pause calls are sent one by one at the rate, and never at once."""
    bucket = TokenBucket(2.0, 10)
    bucket.drain(NOON)
    sent = [time - NOON for time, _ in send_times(bucket, [(0.0, 1)] * 5)]
    assert sent == pytest.approx([0.5, 1.0, 1.5, 2.0, 2.5], abs=1e-3)


@pytest.mark.parametrize("set_back", [10.0, 3600.0, 365 * 86400.0])
def test_a_clock_that_is_set_back_does_not_stop_the_requests(set_back: float) -> None:
    """No request waits longer than the bucket takes to fill, and after that the rate is the same as before."""
    bucket = TokenBucket(2.0, 10)
    send_times(bucket, [(0.0, 1)] * 20)
    now, sent = NOON + 5 - set_back, []
    for _ in range(30):
        now += bucket.delay(1, now)
        bucket.take(1, now)
        sent.append(now)
    gaps = [later - earlier for earlier, later in pairwise(sent)]
    assert sent[0] <= NOON + 5 - set_back + 5.0 + 1e-3
    assert max(gaps[10:]) == pytest.approx(0.5, abs=1e-3)


def test_an_unlimited_rate_never_delays() -> None:
    """However heavy the requests, and also after a pause or a restart."""
    bucket = TokenBucket(math.inf, math.inf)
    for _ in range(100):
        bucket.take(1000, NOON)
    bucket.drain(NOON)
    bucket.restore(NOON + 100, NOON)
    assert bucket.delay(1e9, NOON) == 0.0
