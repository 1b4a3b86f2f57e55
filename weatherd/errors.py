"""The few exceptions that weatherd raises on purpose; anything else is a bug."""

from __future__ import annotations

import difflib
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


class WeatherdError(Exception):
    """The base of every expected failure. Its text is written for the person who reads it."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong with a configuration: where it is, what it is, what to do."""

    where: str  # file:line:column, or the name of an environment variable; "" for nowhere in particular
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class ConfigError(WeatherdError):
    """A configuration that is refused whole, with every problem found in it."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class StateError(WeatherdError):
    """The state folder cannot be used, or not now; the text names it and says what to do."""


class DeliveryError(WeatherdError):
    """A far side cannot take observations now; ``retry_after`` is the number of seconds that it asked for, or None."""

    def __init__(self, reason: str, *, retry_after: float | None = None) -> None:
        super().__init__(reason)
        self.retry_after = retry_after


class RejectedError(WeatherdError):
    """A far side will never take these observations together, but perhaps some of them."""


class Failure(Enum):
    """How far a failed request reaches, which decides what may be tried again."""

    REJECTED = "refused"  # this very request will fail again: 400, 404, 422
    DENIED = "denied"  # the service does not serve us: 401, 403
    RATE_LIMITED = "limited"  # too many calls: 429
    CONCURRENCY_LIMITED = "crowded"  # too many requests at once: another kind of 429
    PAUSED = "paused"  # not even asked: the service is left alone for now
    STALE = "stale"  # an answer that is too old
    BROKEN = "broken"  # perhaps because of one place of it: 500, an answer that breaks off or never comes
    UNAVAILABLE = "unavailable"  # the service, or the way to it, is out of order
    MALFORMED = "malformed"  # an answer that cannot be understood
    EMPTY = "empty"  # one that can, but lacks the weather of this place


class ProviderError(WeatherdError):
    """A poll that brought no observation; the text says why, and never holds a key.

    ``retry_after`` is the pause in seconds that the service asked for, or None. ``retry_spacing`` is set when the
    service is paused for all cities: the seconds between their retries.
    """

    def __init__(
        self, reason: str, failure: Failure, *, retry_after: float | None = None, retry_spacing: float | None = None
    ) -> None:
        super().__init__(reason)
        self.failure = failure
        self.retry_after = retry_after
        self.retry_spacing = retry_spacing

    def copy_for(self, index: int = 0) -> ProviderError:
        """Return a copy for caller number *index* of a batch; raising one object repeatedly grows its traceback."""
        retry_after = self.retry_after
        if retry_after is not None and self.retry_spacing:
            retry_after += index * self.retry_spacing
        return ProviderError(str(self), self.failure, retry_after=retry_after, retry_spacing=self.retry_spacing)


def is_service_wide(error: Exception | None) -> bool:
    """Tell whether the service is left alone for all its cities: the gate has said so once, for all of them."""
    return isinstance(error, ProviderError) and error.retry_spacing is not None


def closest_match(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that *word* was probably meant to be, whatever its capitals, or None."""
    words = {name.casefold(): name for name in known}
    found = difflib.get_close_matches(word.casefold(), words, n=1, cutoff=0.6)
    return words[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?``, or "" when no known word is near."""
    guess = closest_match(word, known)
    return f"; did you mean {guess!r}?" if guess else ""


def describe(error: BaseException) -> str:
    """Say what *error* says; its type if it says nothing, or cannot even do that."""
    try:
        text = (error.strerror if isinstance(error, OSError) else None) or str(error)
    except Exception:  # noqa: BLE001 - also this is other people's code
        text = ""
    return text or type(error).__name__
