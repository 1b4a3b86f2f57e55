"""Delivery by HTTP POST, and the meaning of a response's status for the batch."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weatherd.errors import DeliveryError, Failure, ProviderError, RejectedError
from weatherd.http import client
from weatherd.http.response import retry_after

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from weatherd.http.session import Session
    from weatherd.text.redaction import Redaction

# The statuses 400 to 499 that do not concern the body: a wrong URL, a wrong key, too many requests.
_NOT_ABOUT_BODY = frozenset({401, 402, 403, 404, 405, 407, 408, 410, 421, 423, 425, 429})
_TRY_LATER = frozenset({408, 425, 429, 503})  # the statuses of a server that cannot accept any body now
_REASON_LIMIT = 200  # characters


async def post_body(
    session: Session,
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    now: Callable[[], datetime],
    *,
    redact: Redaction,
) -> None:
    """POST a body; the server has accepted it when this returns.

    Raises RejectedError if the server permanently rejects the body, DeliveryError if it cannot accept it now. Neither
    message contains the URL, which may hold a secret; *redact* removes the secrets that the server echoes.
    """
    try:
        response = await client.post(session, url, body, headers)
    except ProviderError as error:
        raise DeliveryError(str(error), batch_suspected=error.failure is not Failure.UNAVAILABLE) from None
    status = response.status
    if 200 <= status < 300:  # noqa: PLR2004 - success, by RFC 9110
        return
    reason = f"HTTP status {status}{_error_text(redact.clean_body(response.body))}"
    if 400 <= status < 500 and status not in _NOT_ABOUT_BODY:  # noqa: PLR2004 - the client's fault, by RFC 9110
        raise RejectedError(reason)
    delay = retry_after(response.headers, now())
    raise DeliveryError(reason, retry_after=delay, batch_suspected=status not in _TRY_LATER)


async def probe_server(session: Session, url: str) -> str:
    """Send a GET request and return a sentence with the status. Raises DeliveryError if there is no response."""
    try:
        response = await client.get(session, url, {})
    except ProviderError as error:
        raise DeliveryError(str(error)) from None
    return f"reachable (GET: HTTP status {response.status}); no observation was sent"


def _error_text(body: bytes) -> str:
    """Return the response's error message on one line; "" for HTML."""
    text = " ".join(body[: 4 * _REASON_LIMIT].decode(errors="replace").split())  # UTF-8 has up to 4 bytes a character
    plain = "".join(letter for letter in text if letter.isprintable())[:_REASON_LIMIT]
    return f": {plain}" if plain and not plain.startswith("<") else ""
