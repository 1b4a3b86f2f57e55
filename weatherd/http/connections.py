"""What all connections to servers share: the request in progress and the TLS context, which record timings."""

from __future__ import annotations

import ssl
from contextvars import ContextVar
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self

from weatherd.http.redirects import Reach, find_reach
from weatherd.http.response import MAX_BYTES

if TYPE_CHECKING:
    from pathlib import Path

    from weatherd.http.connector import ConnectionWatch
    from weatherd.http.trace import RequestTrace

KEEP_ALIVE = 15.0  # seconds until an idle connection is closed; many servers close theirs shortly after that


@dataclass(slots=True)
class Attempt:
    """A request in progress: its trace, deadline and connection."""

    trace: RequestTrace
    deadline: float  # seconds
    proxy: str | None = None  # host and port of its proxy
    is_tunnelled: bool = False  # through a proxy that only relays bytes (HTTP CONNECT)
    connection: ConnectionWatch | None = None
    is_reused: bool = False  # earlier requests have used the connection
    peer: str = ""  # the IP address of its server, or its proxy's; empty while it is not connected
    limit: Reach = Reach.HOST  # of the addresses to which it may connect; less after a redirect from the Internet
    max_bytes: int = MAX_BYTES  # of the decompressed response

    def find_reach(self, host: str) -> Reach:
        """Return the reach of the server that has responded. Behind a proxy, only that of an address is known."""
        return find_reach(host if self.proxy or not self.peer else self.peer)

    def restart(self, limit: Reach) -> None:
        """Reset the state after a redirect. The connection stays open; elapsed time still counts."""
        self.end()
        self.limit = limit
        self.trace.restart()
        self.connection = None
        self.peer = ""
        self.is_reused = False

    def end(self) -> None:
        """Record the end of the response, or of the connection. Data that arrives later is unsolicited."""
        if self.connection:
            self.connection.has_data = False


# A ContextVar, because aiohttp calls the connector, the resolver and the TLS context without any argument of weatherd.
# Its TraceConfig passes one, but calls eight coroutines per request: 14 us instead of 1.
current_attempt: ContextVar[Attempt] = ContextVar("current_attempt")


class ClientTls(ssl.SSLContext):
    """TLS context of a client; it verifies certificates and records when a handshake begins.

    The system's CA certificates are loaded at the first handshake, because loading them takes 22 ms and 1.5 MB, and
    setups with plain HTTP never need them.
    """

    _is_loaded = False

    def __new__(cls, ca_file: Path | None = None) -> Self:
        """Create a context that trusts the system's CAs and those in *ca_file*. Raises OSError if it cannot be read."""
        context = super().__new__(cls, ssl.PROTOCOL_TLS_CLIENT)
        context.set_alpn_protocols(["http/1.1"])
        if ca_file:
            context.load_verify_locations(ca_file)
        return context

    def wrap_bio(self, *args: Any, **kwargs: Any) -> ssl.SSLObject:
        """Begin a handshake."""
        if not self._is_loaded:
            self.load_default_certs()
            self._is_loaded = True
        current_attempt.get().trace.reached("tls_begun")
        return super().wrap_bio(*args, **kwargs)
