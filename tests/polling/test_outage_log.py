"""The log of a city's outages."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from tests.support.fakes import observation, unavailable
from tests.support.virtual_time import EPOCH
from weatherd.errors import Failure, ProviderError
from weatherd.freshness import BUILT_IN_BUDGETS
from weatherd.polling.outage_log import OutageLog

NOW = EPOCH.timestamp()
LAST = observation()
SHUT = ProviderError("paused", Failure.PAUSED, retry_after=60.0, retry_spacing=1.0)
LIMITED = ProviderError("429", Failure.RATE_LIMITED, retry_after=60.0, retry_spacing=1.0)
REFUSED = ProviderError("404: no such place", Failure.REJECTED)


def loud(logs: list[Any]) -> list[str]:
    """Return the events above debug level."""
    return [log["event"] for log in logs if log["log_level"] != "debug"]


def test_one_line_when_it_begins_and_one_when_it_ends() -> None:
    """Further failures are logged at debug level with their number; the end has their count and duration."""
    outage = OutageLog()
    with capture_logs() as logs:
        outage.failed(unavailable(), NOW, 15.12345)
        outage.failed(REFUSED, NOW + 15, 30.0)
        outage.recovered(NOW + 45)
    assert [(log["event"], log["log_level"], log["failures"]) for log in logs] == [
        ("city.down", "warning", 1),
        ("city.still_down", "debug", 2),
        ("city.recovered", "info", 2),
    ]
    assert (logs[0]["reason"], logs[0]["retry_in"], logs[2]["seconds"]) == ("out of order", 15.123, 45)


@pytest.mark.parametrize("error", [SHUT, LIMITED])
def test_a_paused_service_is_not_the_citys_outage(error: ProviderError) -> None:
    """The rate limiter logs it once for all cities: the city logs at debug level only, also at the end."""
    outage = OutageLog()
    with capture_logs() as logs:
        for poll in range(200):
            outage.failed(error, NOW + 60 * poll, 60.0)
            outage.went_stale(LAST, error, NOW + 60 * poll, BUILT_IN_BUDGETS)
        outage.recovered(NOW + 12_000)
    assert loud(logs) == []


def test_an_outage_of_its_own_is_logged_also_after_a_pause() -> None:
    """An error of the city alone is logged even if the service was paused before."""
    outage = OutageLog()
    with capture_logs() as logs:
        for error in (SHUT, REFUSED, SHUT, REFUSED):
            outage.failed(error, NOW, 60.0)
        outage.recovered(NOW + 60)
    assert loud(logs) == ["city.down", "city.recovered"]


def test_a_bug_has_a_traceback_and_an_expected_failure_has_none() -> None:
    """A bug is an error with a traceback and its provider, an unavailable service a warning without."""
    for error, level in ((ZeroDivisionError("oh"), "error"), (unavailable(), "warning")):
        with capture_logs() as logs:
            OutageLog().failed(error, NOW, 1.0, "hut")
        assert (logs[0]["log_level"], bool(logs[0].get("exc_info"))) == (level, level == "error")
        assert logs[0].get("provider") == ("hut" if level == "error" else None)


def test_an_observation_becomes_stale_once() -> None:
    """One line when the last observation exceeds its age budget, and no other before the end of the outage."""
    outage = OutageLog()
    with capture_logs() as logs:
        for hour in range(10):
            outage.failed(unavailable(), NOW + 3600 * hour, 3600.0)
            outage.went_stale(LAST, unavailable(), NOW + 3600 * hour, BUILT_IN_BUDGETS)
        outage.recovered(NOW + 36_000)
    assert loud(logs) == ["city.down", "city.stale", "city.recovered"]
    (stale,) = [log for log in logs if log["event"] == "city.stale"]
    assert (stale["provider"], stale["age"], stale["observed_at"]) == ("fake", 4 * 3600, "2026-01-01T00:00:00Z")


def test_a_city_without_an_observation_is_not_stale() -> None:
    """Without an observation nothing is logged."""
    outage = OutageLog()
    with capture_logs() as logs:
        outage.went_stale(None, unavailable(), NOW + 1e6, BUILT_IN_BUDGETS)
    assert logs == []


errors = st.sampled_from([SHUT, LIMITED, REFUSED, unavailable(), ZeroDivisionError("oh"), None])
polls = st.lists(st.tuples(st.booleans(), errors, st.floats(0, 8000)), max_size=60)


@given(polls)
def test_the_events_of_any_history_alternate(polls: list[tuple[bool, Any, float]]) -> None:
    """Down, at most one stale, recovered, and so on; there is no end without a beginning, nor a second one."""
    outage, now, events = OutageLog(), NOW, list[str]()
    for is_fresh, error, seconds in polls:
        now += seconds
        with capture_logs() as logs:
            if is_fresh:
                outage.recovered(now)
                outage = OutageLog()
            else:
                outage.failed(error, now, 60.0)
                outage.went_stale(LAST, error, now, BUILT_IN_BUDGETS)
        events += loud(logs)
        assert len(logs) <= 2
        assert all(log.get("seconds", 0) >= 0 for log in logs)
    begun = [event for event in events if event in ("city.down", "city.recovered")]
    assert begun[::2] == ["city.down"] * len(begun[::2])
    assert begun[1::2] == ["city.recovered"] * len(begun[1::2])
    lives = " ".join(events).split("city.recovered")
    assert all(life.count("city.stale") <= 1 for life in lives)
