"""Official warnings of a place: the values that weather services' warnings are parsed to."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class Severity(IntEnum):
    """Severity of a warning: the words of CAP 1.2, worst last.

    https://docs.oasis-open.org/emergency/cap/v1.2/CAP-v1.2.html
    """

    UNKNOWN = 0
    MINOR = 1
    MODERATE = 2
    SEVERE = 3
    EXTREME = 4


class Urgency(StrEnum):
    """Time available to prepare, in the words of CAP 1.2."""

    UNKNOWN = "unknown"
    PAST = "past"
    FUTURE = "future"
    EXPECTED = "expected"
    IMMEDIATE = "immediate"


class Certainty(StrEnum):
    """Certainty of the event, in the words of CAP 1.2."""

    UNKNOWN = "unknown"
    UNLIKELY = "unlikely"
    POSSIBLE = "possible"
    LIKELY = "likely"
    OBSERVED = "observed"


@dataclass(frozen=True, slots=True, kw_only=True)
class OfficialWarning:
    """One message of a weather service about one event, such as a storm. Times are timezone-aware and in UTC.

    A service may send many messages about an event, each with an id of its own. They have the same ``event_key``. Where
    a service gives no such key, messages of the same ``series`` whose times overlap or touch are about the same event;
    ``event_key`` is then that of the first.
    """

    provider: str
    event_key: str  # identifies the event at the provider
    message_id: str  # identifies the message at the provider
    event: str  # kind of the event: "Heat Advisory"; one line, never empty
    series: str = ""  # "" if ``event_key`` alone identifies the event
    severity: Severity = Severity.UNKNOWN
    urgency: Urgency = Urgency.UNKNOWN
    certainty: Certainty = Certainty.UNKNOWN
    sent: datetime | None = None  # time of issue of the message
    onset: datetime | None = None  # beginning of the event; None: it has begun
    ends: datetime | None = None  # expected end of the event, not the expiry of the message; None: until further notice
    headline: str = ""  # one line
    description: str = ""  # paragraphs, separated by empty lines
    instruction: str = ""  # what to do, in paragraphs
    area: str = ""  # names of the affected area
    url: str = ""  # source of the warning, for people
    language: str = ""  # of the texts, as a tag such as "en" or "de"
    is_cancelled: bool = False  # the message says that the event has ended, or will not happen

    def has_ended(self, now: datetime) -> bool:
        """Return whether the end of the event has passed."""
        return self.ends is not None and self.ends <= now

    def overlaps(self, other: OfficialWarning) -> bool:
        """Return whether the times of the events overlap or touch."""
        is_before = self.ends is not None and other.onset is not None and self.ends < other.onset
        is_after = other.ends is not None and self.onset is not None and other.ends < self.onset
        return not (is_before or is_after)

    def differs_from(self, other: OfficialWarning) -> bool:
        """Return whether this later message has other facts for people than *other*; ids and areas do not count.

        Nor does the beginning once it has passed, because services put the time of each message there.
        """
        is_comparable = self.language == other.language  # not after a change of the reader's language
        texts_differ = is_comparable and self._texts() != other._texts()
        return (self.severity, self.ends) != (other.severity, other.ends) or texts_differ or self._moves_onset_of(other)

    def _texts(self) -> tuple[str, ...]:
        return self.event, self.headline, self.description, self.instruction

    def _moves_onset_of(self, other: OfficialWarning) -> bool:
        if self.onset == other.onset:
            return False
        begun = [warning.onset is None or _is_past(warning.onset, self.sent) for warning in (self, other)]
        return not all(begun)


def _is_past(moment: datetime, now: datetime | None) -> bool:
    return now is not None and moment <= now


def select_current(warnings: list[OfficialWarning]) -> dict[str, OfficialWarning]:
    """Return one warning for each event: of several for a place, the most severe one, then the latest.

    A cancellation counts only if nothing else about the event is in force, because it may concern another part of the
    area.
    """
    if len(warnings) == 1:
        return {warnings[0].event_key: warnings[0]}
    current: dict[str, OfficialWarning] = {}
    for warning in sorted(warnings, key=_precedence):
        current[warning.event_key] = warning
    return current


def _precedence(warning: OfficialWarning) -> tuple[bool, Severity, float, str]:
    sent = warning.sent.timestamp() if warning.sent else 0.0
    return (not warning.is_cancelled, warning.severity, sent, warning.message_id)
