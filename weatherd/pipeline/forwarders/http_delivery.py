"""Sending by HTTP, and what a server's status means for what was sent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weatherd.errors import DeliveryError, ProviderError, RejectedError
from weatherd.http import client
from weatherd.http.response import retry_after

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from weatherd.http.session import Session

# Of the statuses 400 to 499, those that do not speak of what was sent: a wrong address, a wrong key, a bad moment.
_NOT_OF_THE_BODY = frozenset({401, 402, 403, 404, 405, 407, 408, 410, 421, 423, 425, 429})
_LONGEST_REASON = 200


async def post_body(
    session: Session, url: str, body: bytes, headers: Mapping[str, str], now: Callable[[], datetime]
) -> None:
    """POST a body; it is taken when this returns.

    Raises RefusedError when the server will never take it, DeliveryError when it cannot now. Neither holds the address.
    """
    try:
        answer = await client.post(session, url, body, headers)
    except ProviderError as error:
        raise DeliveryError(str(error)) from None
    status = answer.status
    if 200 <= status < 300:  # noqa: PLR2004 - success, by RFC 9110
        return
    reason = f"it answers {status}{_words(answer.body)}"
    if 400 <= status < 500 and status not in _NOT_OF_THE_BODY:  # noqa: PLR2004 - the client's fault, by RFC 9110
        raise RejectedError(reason)
    raise DeliveryError(reason, retry_after=retry_after(answer.headers, now()))


def _words(body: bytes) -> str:
    """Return what a server says of its refusal, on one line."""
    text = " ".join(body[: 4 * _LONGEST_REASON].decode(errors="replace").split())
    plain = "".join(letter for letter in text if letter.isprintable())[:_LONGEST_REASON]
    return f": {plain}" if plain and not plain.startswith("<") else ""
