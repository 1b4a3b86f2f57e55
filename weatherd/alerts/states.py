"""The states of an alert, of one rule for one city: inactive, pending, firing, and inactive again. A pure function."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple


class AlertPhase(Enum):
    """The phase of an alert."""

    INACTIVE = "inactive"
    PENDING = "pending"  # the condition holds, but not for long enough yet
    FIRING = "firing"


class AlertEvent(Enum):
    """A change of an alert that people are notified of."""

    FIRING = "firing"
    REPEATED = "repeated"  # it still fires
    RESOLVED = "resolved"


class AlertState(NamedTuple):
    """The state of an alert. Times are POSIX seconds."""

    phase: AlertPhase
    since: float = 0.0  # when the condition began to hold
    notified_at: float = 0.0  # of the last notification that it fires


INACTIVE = AlertState(AlertPhase.INACTIVE)


class Timing(NamedTuple):
    """How long a condition must hold before an alert fires, and how often a firing one is repeated, in seconds."""

    hold: float = 0.0
    repeat: float | None = None  # None: never


def advance_state(
    state: AlertState, timing: Timing, now: float, *, holds: bool | None, ends: bool | None
) -> tuple[AlertState, AlertEvent | None]:
    """Return the state after the condition and the one that ends the alert were evaluated, and what to notify of.

    None stands for unknown, and changes nothing: it neither fires nor resolves an alert, nor interrupts a pending one.
    A condition does not count while the one that ends the alert holds, too; otherwise a rule where both overlap would
    fire and resolve at every observation. *now* is a POSIX time; one before the last call's changes nothing.
    """
    if state.phase is AlertPhase.FIRING:
        if ends:
            return INACTIVE, AlertEvent.RESOLVED
        if ends is False and timing.repeat is not None and now - state.notified_at >= timing.repeat:
            return state._replace(notified_at=now), AlertEvent.REPEATED
        return state, None
    if holds is None:
        return state, None
    if not holds or ends:
        return INACTIVE, None
    since = state.since if state.phase is AlertPhase.PENDING else now
    if now - since < timing.hold:
        return AlertState(AlertPhase.PENDING, since), None
    return AlertState(AlertPhase.FIRING, since, now), AlertEvent.FIRING
