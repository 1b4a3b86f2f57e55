"""Difference between the warnings known for a place and a service's latest answer. Pure functions."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from weatherd.official_warning import OfficialWarning, select_current

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from datetime import datetime

_MAX_ABSENCES = 2  # good answers without an event that end it, because stale caches make warnings flicker
_NEWS_AGE = timedelta(minutes=10)  # before weatherd began to look a place up, older messages are no news


class ChangeKind(StrEnum):
    """Kind of a change of a warning."""

    NEW = "new"
    EXISTING = "existing"  # old when the place was first looked up, so nobody is notified
    UPDATED = "updated"
    RENEWED = "renewed"  # another message with the same facts, so nobody is notified
    ENDED = "ended"


class EndReason(StrEnum):
    """Reason why a warning has ended."""

    EXPIRED = "expired"  # its own end has passed
    CANCELLED = "cancelled"  # the service said so
    ABSENT = "absent"  # two good answers did not include it
    NOT_FOLLOWED = "not_followed"  # the list does not have the city at that place, or its row not the service, any more


class KnownWarning(NamedTuple):
    """A warning in force at a place."""

    warning: OfficialWarning
    since: datetime  # when it became known
    absences: int = 0  # good answers in a row that did not include it


class WarningChange(NamedTuple):
    """A change of a warning at a place."""

    kind: ChangeKind
    warning: OfficialWarning
    reason: EndReason | None = None  # of an end


class WarningDifference(NamedTuple):
    """The warnings known after an answer, by event key, and the changes by which they differ from those before."""

    known: Mapping[str, KnownWarning]
    changes: Sequence[WarningChange]


NO_WARNINGS: Mapping[str, KnownWarning] = MappingProxyType({})


def compare_warnings(
    known: Mapping[str, KnownWarning] | None,
    answer: Sequence[OfficialWarning],
    now: datetime,
    *,
    began: datetime | None = None,
    is_complete: bool = True,
) -> WarningDifference:
    """Return the difference between the known warnings of a place and a good answer about it.

    *known* is None for the first answer about the place. *began* is when weatherd began to look the place up, if this
    is the first complete answer about it: warnings that are not known are then news only if they were issued shortly
    before or since. *is_complete* is false if a part of the answer could not be read: what
    it does not include may then still be in force. A failed request is no answer, see :func:`expire_warnings`.
    """
    before, began = (NO_WARNINGS, began or now) if known is None else (known, began)
    if before.keys() == {warning.event_key for warning in answer} and all(
        _is_unchanged(before, warning, now) for warning in answer
    ):
        return WarningDifference(before, [])
    current = select_current(_align_keys(answer, before))
    after: dict[str, KnownWarning] = {}
    changes: list[WarningChange] = []
    for key in dict.fromkeys((*before, *current)):
        old, warning = before.get(key), current.get(key)
        if warning and not warning.is_cancelled and not warning.has_ended(now):
            after[key] = KnownWarning(warning, old.since if old else now)
            kind = _classify(warning, old, began, now)
            changes += [WarningChange(kind, warning)] if kind else []
        elif old:
            reason = _find_end(old, warning, now, is_complete=is_complete)
            if reason:
                changes.append(WarningChange(ChangeKind.ENDED, old.warning, reason))
            else:
                after[key] = old._replace(absences=old.absences + is_complete)
    return WarningDifference(after or NO_WARNINGS, changes)


def _is_unchanged(known: Mapping[str, KnownWarning], warning: OfficialWarning, now: datetime) -> bool:
    """Return whether a warning is the known object, as in most answers about many cities."""
    old = known.get(warning.event_key)
    return old is not None and old.warning is warning and not old.absences and not warning.has_ended(now)


def expire_warnings(known: Mapping[str, KnownWarning], now: datetime) -> WarningDifference:
    """Return the difference after a failed request: it changes nothing, but a warning still ends at its own end."""
    ended = {key: old for key, old in known.items() if old.warning.has_ended(now)}
    changes = [WarningChange(ChangeKind.ENDED, old.warning, EndReason.EXPIRED) for old in ended.values()]
    return WarningDifference({key: old for key, old in known.items() if key not in ended} if ended else known, changes)


def end_warnings(known: Mapping[str, KnownWarning], now: datetime) -> list[WarningChange]:
    """Return the changes that end all known warnings of a place, because they are not requested any more."""
    return [
        WarningChange(
            ChangeKind.ENDED,
            old.warning,
            EndReason.EXPIRED if old.warning.has_ended(now) else EndReason.NOT_FOLLOWED,
        )
        for old in known.values()
    ]


def _align_keys(answer: Sequence[OfficialWarning], known: Mapping[str, KnownWarning]) -> list[OfficialWarning]:
    """Return the answer with the key of a known event in place of the own key of a message that continues its series.

    Each known event is continued once: two storms on one day stay two events when both of their times change.
    """
    keys = {warning.event_key: warning.event_key for warning in answer}
    free = {key: old.warning for key, old in known.items() if old.warning.series and key not in keys}
    for warning in answer:
        if warning.series and keys[warning.event_key] not in known:
            found = (key for key, old in free.items() if old.series == warning.series and old.overlaps(warning))
            if key := next(found, None):
                keys[warning.event_key] = key
                del free[key]
    return [
        warning if keys[warning.event_key] == warning.event_key else replace(warning, event_key=keys[warning.event_key])
        for warning in answer
    ]


def _classify(
    warning: OfficialWarning, old: KnownWarning | None, began: datetime | None, now: datetime
) -> ChangeKind | None:
    if old is None:
        is_news = began is None or _is_issued_since(began - _NEWS_AGE, warning, now)
        return ChangeKind.NEW if is_news else ChangeKind.EXISTING
    if warning.differs_from(old.warning):
        return ChangeKind.UPDATED
    return ChangeKind.RENEWED if warning != old.warning else None


def _is_issued_since(time: datetime, warning: OfficialWarning, now: datetime) -> bool:
    """Return whether a warning was issued at a time or later.

    Without a time of issue, it is issued when its event begins; one that is announced for later may be old.
    """
    if warning.sent:
        return warning.sent >= time
    return warning.onset is not None and time <= warning.onset <= now


def _find_end(
    old: KnownWarning, warning: OfficialWarning | None, now: datetime, *, is_complete: bool
) -> EndReason | None:
    """Return why a known warning has ended, or None while it may still be in force. *warning* is a final message."""
    if warning and warning.is_cancelled:
        return EndReason.CANCELLED
    if warning or old.warning.has_ended(now):
        return EndReason.EXPIRED
    return EndReason.ABSENT if old.absences + is_complete >= _MAX_ABSENCES else None
