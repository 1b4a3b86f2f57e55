"""The log events of pauses: provider.paused, provider.still_paused and provider.resumed."""

from __future__ import annotations

import contextvars
from typing import TYPE_CHECKING, Any

import structlog

from weatherd.errors import Failure
from weatherd.formatting import format_rfc3339
from weatherd.quota.cooldown import OUTAGE_FAILURES

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from weatherd.errors import ProviderError

log = structlog.get_logger()


def log_pause(
    provider: str, cause_before: ProviderError | None, cause: ProviderError, seconds: float, until: datetime
) -> None:
    """Log that a pause begins; a further one for the same kind of failure only at level debug.

    *cause_before* is the cause of the pause that it follows directly, if any.
    """
    is_new = cause_before is None or _failure_kind(cause_before) is not _failure_kind(cause)
    is_denied = cause.failure is Failure.DENIED
    _log_without_city(
        log.debug if not is_new else log.error if is_denied else log.warning,
        "provider.paused" if is_new else "provider.still_paused",
        provider=provider,
        reason=str(cause),
        seconds=round(seconds, 3),
        until=format_rfc3339(until),
        **({"action": _denied_action(provider)} if is_denied else {}),
    )


def log_resumption(provider: str, seconds: float) -> None:
    """Log that the service works again, *seconds* after its first pause began."""
    _log_without_city(log.info, "provider.resumed", provider=provider, seconds=round(seconds, 3))


def _failure_kind(cause: ProviderError) -> Failure:
    """Return the failure of *cause*, the same one for all outages: a 500 after a 503 is no new pause."""
    return Failure.UNAVAILABLE if cause.failure in OUTAGE_FAILURES else cause.failure


def _denied_action(provider: str) -> str:
    section = provider.replace("-", "_")
    return f"check key, plan and contact in the settings section {section}, then restart; retried automatically as well"


def _log_without_city(log_event: Callable[..., Any], event: str, **facts: Any) -> None:
    """Log an event in an empty context.

    Because the task of the city that happened to send the request has bound ``city`` with structlog's contextvars: a
    429 in the task of Kiel would be logged as ``provider.paused city=kiel``, though it pauses the provider for every
    city. structlog can unbind a variable only for the rest of the task, not for one event.
    """
    contextvars.Context().run(log_event, event, **facts)
