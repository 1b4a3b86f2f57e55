"""A connection for polls: HTTP/1.1, one request at a time, as an asyncio protocol around httptools' parser.

aiohttp is general: a request passes streams, hooks, and eleven coroutines between the caller and the socket. A poll
needs none of them. The caller awaits one future, which the parser's last callback resolves.
"""

from __future__ import annotations

import asyncio
import zlib
from itertools import chain
from typing import TYPE_CHECKING

import httptools

from weatherd.errors import ProviderError
from weatherd.http.errors import ConnectionClosedError, ResponseCutError
from weatherd.http.redirects import REDIRECT_STATUSES
from weatherd.http.response import MAX_BYTES, Response, ResponseHeaders, decode_body, response_too_large

if TYPE_CHECKING:
    from weatherd.http.links.link_pool import LinkPool
    from weatherd.http.polling import PendingResponse

_MAX_HEAD = 16 * 1024  # bytes of the status line and the headers, including interim responses; the limit of Node.js
_MAX_RECEIVED = 2 * MAX_BYTES  # bytes of a response as it is transferred, because chunks have headers and trailers
_FINAL = 200  # the lowest status of a final response, with one exception:
_SWITCHING_PROTOCOLS = 101


class Link(asyncio.Protocol):
    """A connection that sends *pending* when it is open. After a complete response it is back in its pool, or closed.

    A server must send nothing but one response to each request: what it sends beyond that closes the connection,
    because HTTP/1.1 matches responses to requests by their order alone.
    """

    _parser: httptools.HttpResponseParser
    _transport: asyncio.Transport

    def __init__(self, pool: LinkPool, pending: PendingResponse) -> None:
        self.pending: PendingResponse | None = pending  # None: idle, or closed
        self.closed = asyncio.get_running_loop().create_future()
        self.peer = ""  # the server's IP address
        self.idle_until = 0.0
        self._pool = pool
        self._is_reused = False
        self._received = 0  # bytes since the request
        self._status: int | None = None  # None: the headers are not complete
        self._fields: dict[bytes, bytes] = {}  # the headers, with names in lower case
        self._pieces: list[bytes] = []  # of the body

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Send the request for which the connection was opened, unless it is cancelled by now."""
        self._transport = transport
        if self.pending is None or self.pending.done():
            transport.abort()
            return
        self._parser = httptools.HttpResponseParser(self)
        self._parser.set_dangerous_leniencies(  # the same as aiohttp's: folded headers, lines that end without CR
            lenient_headers=True, lenient_optional_cr_before_lf=True, lenient_spaces_after_chunk_size=True
        )
        self.peer = str((transport.get_extra_info("peername") or ("",))[0])
        self._pool.add(self)
        self._send(self.pending, "connected")

    def reuse(self, pending: PendingResponse) -> None:
        """Send another request."""
        self._is_reused = True
        self._send(pending, "reused")

    def cancel(self) -> None:
        """Close the connection at once, whatever is still to be sent or received."""
        self.pending = None
        self._pool.retire(self)
        self._transport.abort()

    def close(self) -> None:
        """Close an idle connection."""
        self._pool.retire(self)
        self._transport.close()

    def _send(self, pending: PendingResponse, phase: str) -> None:
        pending.trace.reached(phase)
        pending.carrier = self
        self.pending = pending
        self._received = 0
        self._status = None
        self._transport.write(pending.request)

    def data_received(self, data: bytes) -> None:
        """Parse a part of the response, and check the limits unless the response is complete."""
        if self.pending is None:
            self.cancel()
            return
        self._received += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError as error:
            self._fail(error.__context__ or error)  # a bug in one of the methods below
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail(error)  # also after a complete response, if something that is not HTTP follows
        if self.pending is not None:
            self._check_incomplete(self.pending)

    def on_message_begin(self) -> None:
        """Close the connection if a second response follows the first in the same packet."""
        if self.pending is None:
            self.cancel()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Keep a header, the first of several with the same name; trailers after the body are ignored."""
        if self._status is None:
            self._fields.setdefault(name.lower(), value)

    def on_headers_complete(self) -> None:
        """Record the status, unless the response is an interim one, such as 100 Continue."""
        if self.pending is None:
            return
        status = self._parser.get_status_code()
        if status < _FINAL and status != _SWITCHING_PROTOCOLS:
            self._fields = {}
            return
        if self._received > _MAX_HEAD and sum(map(len, chain(*self._fields.items()))) > _MAX_HEAD:
            self._fail(httptools.HttpParserError())
            return
        trace = self.pending.trace
        self._status = trace.status = status
        trace.date = self._fields.get(b"date", b"").decode("latin-1")
        trace.reached("first_byte")

    def on_body(self, data: bytes) -> None:
        """Keep a part of the body."""
        self._pieces.append(data)

    def on_message_complete(self) -> None:
        """End the request, and return the connection to the pool or close it."""
        if self.pending is None or self._status is None:
            return
        self._finish(self.pending, is_reusable=self._parser.should_keep_alive())

    def eof_received(self) -> None:
        """Do not reuse the connection, which the transport is going to close."""
        self._pool.retire(self)

    def connection_lost(self, error: Exception | None) -> None:
        """Complete a response whose end is that of the connection, or send the request again, or report the error."""
        self._parser = None  # type: ignore[assignment]  # because it refers to this object
        self._pool.discard(self)
        self.closed.set_result(None)
        pending = self.pending
        if pending is None:
            return
        if self._status is not None:
            if error is None and self._ends_with_connection():
                self._finish(pending, is_reusable=False)
            else:
                self._fail(ResponseCutError())
        elif self._is_reused and not self._received:
            # The server may have closed it just when the request was sent, RFC 9112 section 9.3.1
            self.pending = None
            self._pool.connect(pending)
        else:
            self._fail(error or ConnectionClosedError())

    def _ends_with_connection(self) -> bool:
        last_coding = self._fields.get(b"transfer-encoding", b"").rpartition(b",")[2].strip().lower()
        return last_coding != b"chunked" and b"content-length" not in self._fields

    def _check_incomplete(self, pending: PendingResponse) -> None:
        if self._status is None:
            if self._received > _MAX_HEAD:
                self._fail(httptools.HttpParserError())
        elif location := self._location():  # the body of a redirect is not awaited
            self.cancel()
            self._pool.redirect(pending, location, self.peer)
        elif self._received > _MAX_RECEIVED:
            self._fail(response_too_large())

    def _location(self) -> str:
        location = self._fields.get(b"location") if self._status in REDIRECT_STATUSES else None
        return location.decode("utf-8", "surrogateescape").strip() if location else ""

    def _finish(self, pending: PendingResponse, *, is_reusable: bool) -> None:
        """End the request with its response. A connection on which part of the request is unsent is not reused."""
        location, status, fields, pieces = self._location(), self._status or 0, self._fields, self._pieces
        self.pending = pending.carrier = None
        self._fields, self._pieces = {}, []
        pending.trace.reached("done")
        if is_reusable and not self._transport.get_write_buffer_size():
            self._pool.keep(self, pending.trace.began + pending.trace.phases["done"])
        else:
            self.close()
        if location:
            self._pool.redirect(pending, location, self.peer)
            return
        try:
            body = decode_body(b"".join(pieces), fields.get(b"content-encoding", b""))
        except zlib.error:
            pending.fail(ResponseCutError())
        except ProviderError as error:
            pending.fail(error)
        else:
            pending.set_result(Response(status, body, ResponseHeaders(fields)))

    def _fail(self, error: BaseException) -> None:
        pending = self.pending
        self.cancel()
        if pending:
            pending.fail(error)
