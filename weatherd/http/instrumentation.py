"""Parts of aiohttp that note the phases of an exchange: its own tracing costs every request a dozen more calls."""

from __future__ import annotations

import ssl
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any, Self

import aiohttp

if TYPE_CHECKING:
    from aiohttp.abc import ResolveResult

    from weatherd.http.trace import RequestTrace

current: ContextVar[RequestTrace | None] = ContextVar("exchange", default=None)


def _reached(phase: str) -> None:
    if exchange := current.get():
        exchange.reached(phase)


class TimedResolver(aiohttp.ThreadedResolver):
    """Notes when a name has been resolved."""

    async def resolve(self, *args: Any, **kwargs: Any) -> list[ResolveResult]:
        """Ask the system, as every other program does."""
        found = await super().resolve(*args, **kwargs)
        _reached("dns")
        return found


class TimedTls(ssl.SSLContext):
    """Notes when a handshake begins: aiohttp tells only when it is over.

    What this machine trusts is read for the first of them, and not for a service in one's own network.
    """

    _trusts = False

    def __new__(cls) -> Self:
        """Make one that checks certificates."""
        context = super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)
        context.set_alpn_protocols(["http/1.1"])
        return context

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        """Begin a handshake."""
        if not self._trusts:
            self.load_default_certs()
            self._trusts = True
        _reached("tls_begun")
        return super().wrap_bio(*args, **kwargs)
