"""The cookie of a browser that has signed in. Pure functions; nothing is stored, so that it survives a restart."""

from __future__ import annotations

import hashlib
import hmac

LIFETIME = 12 * 3600  # seconds; renewed while the page is used


def cookie_name(token: str) -> str:
    """Return the name, which depends on the token: cookies ignore ports, and a machine may run two daemons."""
    return f"weatherd_{_sign(token, 'name')[:8]}"


def make_session(token: str, now: float) -> str:
    """Return the value of a cookie that is valid from *now* (POSIX seconds), as long as the token is the same."""
    expires = f"{now + LIFETIME:.0f}"
    return f"{expires}.{_sign(token, expires)}"


def session_seconds(token: str, value: str, now: float) -> float:
    """Return for how many more seconds a cookie is valid; 0 if it is not."""
    expires, _, signature = value.partition(".")
    if not (expires.isascii() and expires.isdigit() and len(expires) <= 12):  # noqa: PLR2004 - digits
        return 0.0
    is_signed = hmac.compare_digest(
        _sign(token, expires), signature.encode(errors="replace").decode("ascii", "replace")
    )
    return min(LIFETIME, max(0.0, int(expires) - now)) if is_signed else 0.0


def is_token(candidate: str, token: str) -> bool:
    """Return whether a text is the token, in a time that does not depend on where they differ."""
    return hmac.compare_digest(_digest(candidate), _digest(token))


def _sign(token: str, text: str) -> str:
    return hmac.new(_digest(token), f"session {text}".encode(), hashlib.sha256).hexdigest()


def _digest(text: str) -> bytes:
    # Hashed, because compare_digest() rejects strings that are not ASCII, such as a mistyped token
    return hashlib.sha256(text.encode(errors="replace")).digest()
