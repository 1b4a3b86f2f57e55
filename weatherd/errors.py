"""Exceptions that weatherd raises deliberately; any other exception is a bug."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class WeatherdError(Exception):
    """Base class of expected failures. The text is a message for users."""


@dataclass(frozen=True, slots=True)
class Problem:
    """A problem with the configuration: its location, and a message that explains how to fix it."""

    where: str  # file:line:column, an environment variable or a file; "" if unknown
    message: str

    def __str__(self) -> str:
        return f"{self.where}: {self.message}" if self.where else self.message


class ConfigError(WeatherdError):
    """The whole configuration was rejected; ``problems`` has every problem that was found."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems


class MissingSettingsError(ConfigError):
    """A plug-in requires settings, but no section is configured for it."""


class LoadingError(WeatherdError):
    """The process that loads the configuration failed; the text says how."""


class StateError(WeatherdError):
    """The state folder cannot be used, perhaps only temporarily; the text names it and suggests a fix."""


class DeliveryError(WeatherdError):
    """The destination cannot accept observations now.

    ``retry_after`` is the delay in seconds that it requested, or None. ``batch_suspected`` is true if the batch itself
    may be the cause, as in a response with HTTP status 500: if the failure lasts, weatherd looks for the observation.
    """

    def __init__(self, reason: str, *, retry_after: float | None = None, batch_suspected: bool = False) -> None:
        super().__init__(reason)
        self.retry_after = retry_after
        self.batch_suspected = batch_suspected


class RejectedError(WeatherdError):
    """The destination permanently rejected this batch; a smaller batch may be accepted."""


class Failure(Enum):
    """Kind of a failed request; it determines when to retry. The values are the metrics' ``outcome`` label."""

    REJECTED = "refused"  # the same request will fail again: 400, 404, 422
    DENIED = "denied"  # the key is wrong or missing, or the client is blocked: 401, 403
    RATE_LIMITED = "limited"  # too many requests in a period: 429
    CONCURRENCY_LIMITED = "crowded"  # too many concurrent requests: also 429
    PAUSED = "paused"  # not sent, because the service is paused or its quota is used up
    STALE = "stale"  # the observation in the response is too old
    BROKEN = "broken"  # 500, a truncated response or a timeout; in a batch, one city may be the cause
    UNAVAILABLE = "unavailable"  # the service or the network is down: 502, 503, no connection
    MALFORMED = "malformed"  # a response that cannot be parsed
    EMPTY = "empty"  # a valid response without weather for this location


class ProviderError(WeatherdError):
    """A poll failed; the text is the reason and never contains an API key.

    ``retry_after`` is the delay in seconds that the service requested, or None. ``retry_spacing`` is set if the service
    is paused for all cities: the seconds between the retries of two cities.
    """

    def __init__(
        self, reason: str, failure: Failure, *, retry_after: float | None = None, retry_spacing: float | None = None
    ) -> None:
        super().__init__(reason)
        self.failure = failure
        self.retry_after = retry_after
        self.retry_spacing = retry_spacing

    def copy_for(self, index: int = 0) -> ProviderError:
        """Return a copy for caller number *index* of a batch. Raising one object repeatedly grows its traceback."""
        retry_after = self.retry_after
        if retry_after is not None and self.retry_spacing:
            retry_after += index * self.retry_spacing
        return ProviderError(str(self), self.failure, retry_after=retry_after, retry_spacing=self.retry_spacing)

    def with_text(self, text: str) -> ProviderError:
        """Return a copy with another reason."""
        return ProviderError(text, self.failure, retry_after=self.retry_after, retry_spacing=self.retry_spacing)


def is_service_wide(error: Exception | None) -> bool:
    """Return whether the service is paused for all cities, which the rate limiter has logged once for all of them."""
    return isinstance(error, ProviderError) and error.retry_spacing is not None


def describe(error: BaseException) -> str:
    """Return the message of *error*, or the name of its type if it has no message or its ``__str__`` raises."""
    try:
        text = (error.strerror if isinstance(error, OSError) else None) or str(error)
    except Exception:  # noqa: BLE001 - the __str__ of a plug-in's exception
        text = ""
    return text or type(error).__name__
