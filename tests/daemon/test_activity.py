"""Attempts of the last day and backlogs of the last hour."""

from __future__ import annotations

from collections import Counter

from weatherd.daemon.activity import QUARTER, ActivityLog

NOON = 1_800_014_400.0  # the begin of a quarter of an hour


def test_attempts_are_counted_in_the_quarter_of_their_sample() -> None:
    """Each sample adds what was counted since the one before; a quarter without attempts is left out."""
    activity, outcomes = ActivityLog(), Counter[tuple[str, str]]()
    for at, served, failed in ((0, 3, 0), (60, 2, 1), (QUARTER, 0, 4), (QUARTER + 60, 0, 0), (3 * QUARTER, 1, 0)):
        outcomes["open-meteo", "fresh"] += served
        outcomes["open-meteo", "timeout"] += failed
        activity.sample(NOON + at, outcomes, {})
    found = [(counts.begin - NOON, counts.served, counts.failed) for counts in activity.quarters_of("open-meteo", NOON)]
    assert found == [(0, 5, 1), (QUARTER, 0, 4), (3 * QUARTER, 1, 0)]
    assert activity.quarters_of("met-norway", NOON) == []


def test_only_a_day_and_an_hour_are_kept() -> None:
    """However long the daemon runs, there are at most 96 quarters of a provider and 60 backlogs of a forwarder."""
    activity, outcomes = ActivityLog(), Counter[tuple[str, str]]()
    for minute in range(3 * 24 * 60):
        outcomes["open-meteo", "fresh"] += 1
        activity.sample(NOON + minute * 60, outcomes, {"mqtt": minute})
    now = NOON + 3 * 86400 - 1
    quarters = activity.quarters_of("open-meteo", now)
    assert len(quarters) == 96
    assert {counts.served for counts in quarters} == {15}
    assert list(activity.backlogs["mqtt"]) == list(range(3 * 24 * 60 - 60, 3 * 24 * 60))
    assert activity.quarters_of("open-meteo", now + 86400 + QUARTER) == []
