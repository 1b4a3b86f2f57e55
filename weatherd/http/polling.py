"""HTTP client for polls: the same request to a service again and again, in which only the query differs."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING, Protocol

from weatherd.errors import ProviderError
from weatherd.http.client import DEADLINE, follow_redirect, get_traced, host_of, parse_address
from weatherd.http.connections import Attempt
from weatherd.http.errors import InvalidAddressError, foreign_errors, release_frames, translate
from weatherd.http.plain_urls import join_plain_query, parse_url, split_plain_url
from weatherd.http.response import Response
from weatherd.http.trace import RequestTrace, add_traces

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weatherd.http.plain_urls import Address
    from weatherd.http.session import Session

_ACCEPTED = {"Accept": "*/*", "Accept-Encoding": "gzip, deflate"}
# Without line breaks, which would add a header, and without what cannot be encoded
_is_field = re.compile(r"[!#$%&'*+.^`|~\w-]+: [^\r\n\0\ud800-\udfff]*", re.ASCII).fullmatch


class Carrier(Protocol):
    """The connection that a request is sent on, or the task that opens it."""

    def cancel(self) -> object:
        """Give the request up."""


class PendingResponse(asyncio.Future[Response]):
    """The response to a request, or its ProviderError, once it has arrived. Cancelling it closes its connection."""

    __slots__ = ("carrier", "deadline", "headers", "limit", "request", "trace")

    def __init__(
        self,
        request: bytes,
        headers: Mapping[str, str],
        trace: RequestTrace,
        limit: float,
        *,
        loop: asyncio.AbstractEventLoop,
    ) -> None:
        super().__init__(loop=loop)
        self.request = request
        self.headers = headers  # those of the caller, for a redirect
        self.trace = trace
        self.limit = limit  # seconds
        self.deadline = trace.began + limit
        self.carrier: Carrier | None = None

    def cancel(self, msg: object = None) -> bool:
        """Cancel the request. Its connection is closed, because the response would be taken for that of the next."""
        is_cancelled = super().cancel(msg)
        if is_cancelled:
            self.trace.reached("done")
            self._release_carrier()
        return is_cancelled

    def expire(self) -> None:
        """End the request at its deadline."""
        self.fail(TimeoutError())
        self._release_carrier()

    def fail(self, error: BaseException) -> None:
        """End the request with an error. Its frames are released, because they refer to this object."""
        if self.done():
            return
        self.trace.reached("done")
        if isinstance(error, foreign_errors()):
            error = translate(error, Attempt(self.trace, self.limit))
        elif isinstance(error, ProviderError):
            release_frames(error)
        self.set_exception(error)

    def _release_carrier(self) -> None:
        carrier, self.carrier = self.carrier, None
        if carrier:
            carrier.cancel()


class PollingClient:
    """A client that requests one URL again and again, with another query each time.

    Everything but the query is encoded once, and requests use connections of their own. The caller limits the number
    of concurrent requests. What is rare goes through :func:`weatherd.http.client.get`: proxies, passwords in the URL,
    redirects, and what is invalid, so that it is an error of each request.
    """

    def __init__(self, session: Session, url: str, headers: Mapping[str, str] | None = None) -> None:
        self._session = session
        self._url = url
        self._headers = headers or {}
        self._loop = asyncio.get_running_loop()
        self._host = host_of(url)
        self._address = _find_direct_address(session, url)
        self._pool = session.open_link_pool(self._address, self._follow) if self._address else None
        self._begin = _begin_target(self._address) if self._address else ""
        self._end = self._encode_end(self._headers)

    def get(
        self,
        query: Mapping[str, str] | str = "",
        headers: Mapping[str, str] | None = None,
        *,
        path: str = "",
        deadline: float = DEADLINE,
    ) -> asyncio.Future[Response]:
        """Send a GET request; the future has what :func:`weatherd.http.client.get` returns or raises.

        *query* is added to that of the URL, *headers* to those of the client, and *path* to the path of a URL without a
        query. To cancel the future closes the connection.
        """
        trace = RequestTrace(self._host, self._session.clock)
        add_traces((trace,))
        all_headers = {**self._headers, **headers} if headers else self._headers
        end = self._encode_end(all_headers) if headers else self._end
        if self._pool is None or end is None:
            attempt = Attempt(trace, deadline)
            return self._loop.create_task(get_traced(self._session, self._url + path, query, all_headers, attempt))
        text = join_plain_query(query)
        target = self._begin + text if text and not path else _encode_target(self._url + path, query, text)
        pending = PendingResponse(f"GET {target}{end}".encode(), all_headers, trace, deadline, loop=self._loop)
        self._pool.send(pending)
        return pending

    def _encode_end(self, headers: Mapping[str, str]) -> str | None:
        """Return what follows the target in a request, or None if a header is invalid."""
        host = self._address.host_port_subcomponent if self._address else None
        fields = {"Host": host or "", **_ACCEPTED, **self._session.headers}
        fields |= {name.title(): value for name, value in headers.items()}
        lines = [f"{name}: {value}" for name, value in fields.items()]
        return "\r\n".join([" HTTP/1.1", *lines, "", ""]) if all(map(_is_field, lines)) else None

    async def _follow(self, pending: PendingResponse, location: str, peer: str) -> Response:
        target = pending.request.split(b" ", 2)[1].decode()
        address = parse_url(self._url).join(parse_url(target, encoded=True))
        attempt = Attempt(pending.trace, pending.limit, peer=peer)
        return await follow_redirect(self._session, address, location, pending.headers, attempt)


def _find_direct_address(session: Session, url: str) -> Address | None:
    """Return the address if links can be used for it."""
    if not session.has_proxies and (plain := split_plain_url(url)):
        return plain
    try:
        address = parse_address(url)
        return None if address.raw_user or session.find_proxy(address) else address
    except (ProviderError, InvalidAddressError):
        return None


def _encode_target(url: str, query: Mapping[str, str] | str, text: str | None) -> str:
    """Return the path and the query of a request. *text* is the query if nothing in it has to be encoded."""
    plain = split_plain_url(url)
    if plain and text is not None:
        return (_begin_target(plain) + text).rstrip("?&")
    return parse_url(url).extend_query(query).raw_path_qs


def _begin_target(address: Address) -> str:
    """Return the constant part of the target: the path, and the query of the address."""
    query = address.raw_query_string
    return f"{address.raw_path}?{query}&" if query else f"{address.raw_path}?"
