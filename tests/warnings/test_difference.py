"""Difference between known warnings and answers: new, updated, renewed and ended, each reported once."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.official_warnings import storm
from tests.support.virtual_time import EPOCH
from weatherd.official_warning import OfficialWarning, Severity, select_current
from weatherd.warnings.difference import (
    NO_WARNINGS,
    ChangeKind,
    EndReason,
    WarningDifference,
    compare_warnings,
    expire_warnings,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

    from weatherd.warnings.difference import KnownWarning

HOUR = timedelta(hours=1)


def follow(
    *answers: Sequence[OfficialWarning] | None, known: Mapping[str, KnownWarning] | None = NO_WARNINGS
) -> list[list[str]]:
    """Return the kinds of the changes of each answer, one answer an hour; None is a failed request."""
    kinds = []
    for hours, answer in enumerate(answers):
        now = EPOCH + hours * HOUR
        difference = expire_warnings(known or {}, now) if answer is None else compare_warnings(known, answer, now)
        known = difference.known
        kinds.append([change.kind.value for change in difference.changes])
    return kinds


def test_a_warning_is_new_once() -> None:
    """The first good answer with an event reports it, the next ones do not."""
    assert follow([storm()], [storm()], [storm()]) == [["new"], [], []]


def test_an_update_has_other_facts() -> None:
    """Another message about the event is an update if the severity, a time or a text differs, else it is renewed."""
    later = storm(message_id="2")
    for changed in (
        replace(later, severity=Severity.EXTREME),
        replace(later, ends=EPOCH + 30 * HOUR),
        replace(later, description="Trees will fall."),
        replace(later, instruction="Leave."),
        replace(later, headline="Hurricane"),
        replace(later, onset=EPOCH + 6 * HOUR),
    ):
        assert follow([storm()], [changed]) == [["new"], ["updated"]]
    assert follow([storm()], [later]) == [["new"], ["renewed"]]
    assert follow([storm()], [replace(later, area="Kiel; Lübeck")]) == [["new"], ["renewed"]]


def test_a_beginning_that_has_passed_is_no_news() -> None:
    """Services put the time of each message there once the event has begun."""
    begun = storm(onset=EPOCH - HOUR)
    renewed = replace(begun, message_id="2", sent=EPOCH + HOUR, onset=EPOCH + HOUR)
    assert follow([begun], [renewed]) == [["new"], ["renewed"]]


def test_another_language_is_no_news() -> None:
    """After a change of the reader's language, the texts of a known warning are replaced silently."""
    german = storm(headline="Sturm", description="Es stürmt.", language="de")
    assert follow([storm()], [german]) == [["new"], ["renewed"]]


def test_two_good_answers_without_it_end_a_warning() -> None:
    """One answer without it does not, because stale caches make warnings flicker."""
    assert follow([storm()], [], []) == [["new"], [], ["ended"]]
    assert follow([storm()], [], [storm()], [], [storm()]) == [["new"], [], [], [], []]
    same = storm()  # the same object, as in most answers about many cities
    assert follow([same], [], [same], [], [same]) == [["new"], [], [], [], []]


def test_a_failed_request_changes_nothing() -> None:
    """It neither ends a warning nor counts as an answer without it, nor as one with it."""
    assert follow([storm()], None, None, None) == [["new"], [], [], []]
    assert follow([storm()], [], None, None, []) == [["new"], [], [], [], ["ended"]]


def test_a_warning_ends_at_its_own_end() -> None:
    """Even while the service is down, and although the service may still send it."""
    short = storm(onset=EPOCH, ends=EPOCH + 2 * HOUR)
    assert follow([short], None, None, None) == [["new"], [], ["ended"], []]
    assert follow([short], [short], [short], [short]) == [["new"], [], ["ended"], []]


def test_an_update_keeps_the_first_time() -> None:
    """A warning is known since the first answer with the event, whatever the later messages change."""
    known = compare_warnings(NO_WARNINGS, [storm()], EPOCH).known
    changed = compare_warnings(known, [storm(severity=Severity.EXTREME)], EPOCH + HOUR).known
    assert [entry.since for entry in changed.values()] == [EPOCH]


def test_an_incomplete_answer_ends_nothing() -> None:
    """What could not be read may have been the warning, also after a good answer without it."""
    known = compare_warnings(NO_WARNINGS, [storm()], EPOCH).known
    for _ in range(3):
        known = compare_warnings(known, [], EPOCH, is_complete=False).known
    assert list(known) == [storm().event_key]
    known = compare_warnings(known, [], EPOCH).known
    known = compare_warnings(known, [], EPOCH, is_complete=False).known
    assert list(known) == [storm().event_key]
    assert not compare_warnings(known, [], EPOCH).known


def test_a_cancellation_ends_at_once() -> None:
    """A message that cancels a known event ends it; one about an unknown event is no warning."""
    cancelled = storm(message_id="2", is_cancelled=True, severity=Severity.MINOR)
    assert follow([storm()], [cancelled], [cancelled]) == [["new"], ["ended"], []]
    assert follow([cancelled], [cancelled]) == [[], []]


def test_what_is_in_force_counts_more_than_a_cancellation() -> None:
    """A cancellation may concern another part of the area."""
    cancelled = storm(message_id="2", is_cancelled=True)
    assert follow([storm(), cancelled], [cancelled, storm()]) == [["new"], []]


def test_first_answer_reports_only_news() -> None:
    """Warnings issued over ten minutes before the first answer about a place are not reported, nor later."""
    old, recent = storm("1", sent=EPOCH - HOUR), storm("2", sent=EPOCH - timedelta(minutes=9))
    assert follow([old, recent], [old, recent], known=None) == [["existing", "new"], []]
    assert follow([], [old], known=None) == [[], ["new"]]


def test_without_a_time_of_issue_the_beginning_counts() -> None:
    """At the first answer, what began a moment ago is news; what began hours ago or is announced for later is not."""
    begins = {"0": EPOCH - HOUR, "1": EPOCH - timedelta(minutes=9), "2": EPOCH + HOUR, "3": None}
    found = [storm(key, sent=None, onset=onset) for key, onset in begins.items()]
    assert follow(found, found, known=None) == [["existing", "new", "existing", "existing"], []]


def test_ends_tell_their_reason() -> None:
    """The reason of an end is that its time has passed, that it was cancelled, or that it is absent."""
    known = compare_warnings(NO_WARNINGS, [storm()], EPOCH).known
    absent = compare_warnings(compare_warnings(known, [], EPOCH).known, [], EPOCH)
    cancelled = compare_warnings(known, [storm(is_cancelled=True)], EPOCH)
    expired = compare_warnings(known, [], EPOCH + 48 * HOUR)
    still_sent = compare_warnings(known, [storm()], EPOCH + 48 * HOUR)
    reasons = [difference.changes[0].reason for difference in (absent, cancelled, expired, still_sent)]
    assert reasons == [EndReason.ABSENT, EndReason.CANCELLED, EndReason.EXPIRED, EndReason.EXPIRED]


def test_one_warning_an_event() -> None:
    """Of several messages about an event at a place, the most severe is shown, whatever their order."""
    county, zone = storm(message_id="a"), storm(message_id="b", severity=Severity.EXTREME)
    assert select_current([county, zone]) == select_current([zone, county]) == {zone.event_key: zone}


def in_series(begin: float, end: float, **values: object) -> OfficialWarning:
    """Return a message of a series without keys of its events, from and to hours after the epoch."""
    onset, ends = EPOCH + begin * HOUR, EPOCH + end * HOUR
    key = f"gusts@{onset:%H:%M}"
    return storm(event_key=key, series="gusts", message_id=key, onset=onset, ends=ends, **values)


def test_a_series_continues_while_its_times_overlap() -> None:
    """A message whose time overlaps or touches that of a known event of the series is about the same event."""
    assert follow([in_series(6, 12)], [in_series(8, 14)], [in_series(14, 16)]) == [["new"], ["updated"], ["updated"]]
    assert follow([in_series(6, 12)], [in_series(13, 14)], [in_series(13, 14)]) == [["new"], ["new"], ["ended"]]
    assert follow([in_series(6, 12)], [in_series(8, 14, is_cancelled=True)]) == [["new"], ["ended"]]


def test_two_events_of_a_series_stay_two() -> None:
    """Two storms on one day stay two events when both of their times change, and none of them gets lost."""
    before, after = [in_series(3, 6), in_series(9, 12)], [in_series(4, 7), in_series(8, 13)]
    assert follow(before, after, after) == [["new", "new"], ["updated", "updated"], []]
    assert follow([in_series(3, 12)], [in_series(4, 7), in_series(8, 13)]) == [["new"], ["updated", "new"]]


def test_a_sequence_of_messages() -> None:
    """NEW, CON, EXT and CAN of one event are a new warning, a renewal, an update and an end."""
    con = storm(message_id="2", sent=EPOCH + HOUR)
    ext = replace(con, message_id="3", ends=EPOCH + 36 * HOUR)
    can = replace(ext, message_id="4", is_cancelled=True, severity=Severity.MINOR)
    assert follow([storm()], [con], [ext], [can], []) == [["new"], ["renewed"], ["updated"], ["ended"], []]


messages = st.builds(
    storm,
    event_key=st.sampled_from("abc"),
    message_id=st.sampled_from("123"),
    severity=st.sampled_from(Severity),
    onset=st.sampled_from([None, EPOCH, EPOCH + 3 * HOUR]),
    ends=st.sampled_from([None, EPOCH + 2 * HOUR, EPOCH + 20 * HOUR]),
    is_cancelled=st.booleans(),
)
answers = st.none() | st.lists(messages, max_size=4)


@given(st.lists(answers, max_size=12), st.sampled_from([None, NO_WARNINGS]))
def test_every_event_has_one_beginning_and_one_end(
    given_answers: list[list[OfficialWarning] | None], known: Mapping[str, KnownWarning] | None
) -> None:
    """Whatever services send, an event is reported as new, then changes while it is known, then ends once."""
    open_events: set[str] = set()
    for hours, answer in enumerate(given_answers):
        now = EPOCH + hours * HOUR
        difference = expire_warnings(known or {}, now) if answer is None else compare_warnings(known, answer, now)
        for change in difference.changes:
            key = change.warning.event_key
            if change.kind in (ChangeKind.NEW, ChangeKind.EXISTING):
                assert key not in open_events
                assert not change.warning.is_cancelled
                open_events.add(key)
            else:
                assert key in open_events
            if change.kind is ChangeKind.ENDED:
                open_events.remove(key)
        known = difference.known if answer is not None or known is not None else None
        assert set(difference.known) == open_events
        assert not any(each.warning.has_ended(now) for each in difference.known.values())


@given(st.lists(messages, max_size=5), st.lists(messages, max_size=5), st.randoms())
def test_the_order_of_an_answer_is_irrelevant(
    first: list[OfficialWarning], second: list[OfficialWarning], random: object
) -> None:
    """The same warnings in another order are the same difference, as sets."""
    known = compare_warnings(NO_WARNINGS, first, EPOCH).known
    shuffled = second[:]
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert as_sets(compare_warnings(known, second, EPOCH)) == as_sets(compare_warnings(known, shuffled, EPOCH))


def as_sets(difference: WarningDifference) -> tuple[set[str], set[tuple[str, ChangeKind, Severity]]]:
    """Return a difference without its order, and without which of two equal messages stands for an event."""
    changes = {(change.warning.event_key, change.kind, change.warning.severity) for change in difference.changes}
    return set(difference.known), changes


@given(st.lists(messages, max_size=5))
def test_the_same_answer_again_changes_nothing(answer: list[OfficialWarning]) -> None:
    """A service may send the same answer for days."""
    known = compare_warnings(NO_WARNINGS, answer, EPOCH).known
    again = compare_warnings(known, answer, EPOCH)
    assert again == (known, [])


@pytest.mark.parametrize("now", [EPOCH, EPOCH + 100 * HOUR])
def test_nothing_known_never_ends(now: datetime) -> None:
    """A failed request about a place without warnings is no change."""
    assert expire_warnings(NO_WARNINGS, now) == (NO_WARNINGS, [])
