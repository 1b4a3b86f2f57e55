"""HTTP client: send a request and read the whole response, within a deadline and a size limit."""

from __future__ import annotations

import contextlib
import functools
import io
from http import HTTPStatus
from typing import TYPE_CHECKING

from weatherd.errors import Failure, ProviderError
from weatherd.http.connections import Attempt, current_attempt
from weatherd.http.errors import InvalidAddressError, foreign_errors, proxy_error, translate
from weatherd.http.plain_urls import parse_url, split_plain_url
from weatherd.http.redirects import REDIRECT_STATUSES, check_reach, resolve_location
from weatherd.http.response import MAX_BYTES, Response, StatusError, response_too_large
from weatherd.http.trace import RequestTrace, add_traces

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from aiohttp import ClientResponse
    from yarl import URL

    from weatherd.http.session import Session

DEADLINE = 15.0  # seconds for the whole request, from connecting to the last byte, including redirects
_MAX_SILENCE = 60.0  # seconds between two lines of a stream
_MAX_REQUESTS = 5  # the first one and those to which it is redirected
_SCHEMES = ("http", "https")
# The only headers that are sent to another server after a redirect
_HARMLESS_HEADERS = ("user-agent", "accept", "if-modified-since")
# Otherwise aiohttp would add "application/octet-stream" to a body whose type the caller has not set
_NOT_ADDED_TO_POST = ("Content-Type",)
_LARGE = 2**20  # bytes; larger bodies are passed as files, which aiohttp sends in chunks


async def get(
    session: Session,
    url: str,
    params: Mapping[str, str] | str,
    headers: Mapping[str, str] | None = None,
    *,
    deadline: float = DEADLINE,
    max_bytes: int = MAX_BYTES,
) -> Response:
    """Send a GET request, follow redirects, and return the whole response, whatever its status.

    *params* are added to the query of *url*. A text such as ``lat=1.5&lon=2`` takes a quarter of the time of a mapping,
    but its names and values must not contain characters that have to be encoded.
    If the server drops the request on a reused connection, it is sent once more. Raises ProviderError if there is no
    complete response within *deadline* seconds (and up to one more), or if it is larger than *max_bytes*, 1 MiB by
    default. The error never quotes the URL, because it may contain a key.
    """
    trace = RequestTrace(host_of(url), session.clock)
    add_traces((trace,))
    return await get_traced(session, url, params, headers or {}, Attempt(trace, deadline, max_bytes=max_bytes))


async def get_traced(
    session: Session, url: str, params: Mapping[str, str] | str, headers: Mapping[str, str], attempt: Attempt
) -> Response:
    """Send a GET request as :func:`get` does, and record it in the trace of *attempt*."""
    try:
        with session.deadlines.after(attempt.deadline):
            address = parse_address(url).extend_query(params)
            return await _read(await _follow(session, address, headers, attempt), attempt)
    except foreign_errors() as error:
        raise translate(error, attempt) from None
    finally:
        attempt.trace.reached("done")


async def follow_redirect(
    session: Session, address: URL, location: str, headers: Mapping[str, str], attempt: Attempt
) -> Response:
    """Return the response to which a GET request of *address* is redirected. The caller ends it at its deadline.

    Raises ProviderError as :func:`get` does.
    """
    try:
        return await _read(await _send_redirected(session, address, location, headers, attempt), attempt)
    except foreign_errors() as error:
        raise translate(error, attempt) from None


async def post(
    session: Session, url: str, body: bytes, headers: Mapping[str, str], *, deadline: float = DEADLINE
) -> Response:
    """Send a POST request once and return the whole response, whatever its status, including redirects.

    Raises ProviderError as :func:`get` does.
    """
    attempt = Attempt(RequestTrace(host_of(url), session.clock), deadline)
    try:
        with session.deadlines.after(deadline):
            return await _read(await _send(session, parse_address(url), headers, attempt, body), attempt)
    except foreign_errors() as error:
        raise translate(error, attempt) from None


async def stream_lines(session: Session, url: str, headers: Mapping[str, str]) -> AsyncIterator[str]:
    """Yield the lines of an endless response as they arrive; redirects are followed.

    Raises StatusError if the status is not 200, and ProviderError if no line arrives for a minute.
    """
    attempt = Attempt(RequestTrace(host_of(url), session.clock), DEADLINE)
    try:
        with session.deadlines.after(DEADLINE):
            response = await _follow(session, parse_address(url), headers, attempt)
            if response.status != HTTPStatus.OK:
                raise StatusError(await _read(response, attempt))
        attempt.deadline = _MAX_SILENCE
        with contextlib.closing(response):
            while line := await _read_line(session, response):
                yield line.decode(errors="replace").rstrip("\r\n")
    except foreign_errors() as error:
        raise translate(error, attempt) from None


async def _follow(session: Session, address: URL, headers: Mapping[str, str], attempt: Attempt) -> ClientResponse:
    """Send a GET request and follow redirects, see :mod:`weatherd.http.redirects`."""
    response = await _send(session, address, headers, attempt)
    location = _location(response)
    if not location:
        return response
    response.release()
    return await _send_redirected(session, address, location, headers, attempt)


async def _send_redirected(
    session: Session, address: URL, location: str, headers: Mapping[str, str], attempt: Attempt
) -> ClientResponse:
    """Follow the redirect from *address* to *location*. Headers that may hold secrets stay with the first server."""
    visited = [address]
    for _ in range(_MAX_REQUESTS - 1):
        before, address = address, resolve_location(address, location)
        if address in visited:  # the service would count each of the requests
            break
        visited.append(address)
        attempt.restart(limit=attempt.find_reach(before.host or ""))
        check_reach(address.host or "", attempt.limit)
        if address.origin() != before.origin():
            headers = {name: value for name, value in headers.items() if name.lower() in _HARMLESS_HEADERS}
        response = await _send(session, address, headers, attempt)
        location = _location(response)
        if not location:
            return response
        response.release()
    raise ProviderError("the service redirects in a loop", Failure.UNAVAILABLE)


def _location(response: ClientResponse) -> str:
    return response.headers.get("Location", "") if response.status in REDIRECT_STATUSES else ""


async def _send(
    session: Session, address: URL, headers: Mapping[str, str], attempt: Attempt, body: bytes | None = None
) -> ClientResponse:
    """Send one request, a POST if it has a body, and return the response once its headers have arrived."""
    if address.raw_user and any(name.lower() == "authorization" for name in headers):
        raise ProviderError("the address holds a password, and a token is set beside it", Failure.DENIED)
    proxy = session.find_proxy(address)
    attempt.proxy = f"{proxy.host}:{proxy.port}" if proxy else None
    attempt.is_tunnelled = bool(proxy) and address.scheme == "https"
    token = current_attempt.set(attempt)
    try:
        response = await session.client.request(
            "GET" if body is None else "POST",
            address,
            headers=headers,
            data=io.BytesIO(body) if body and len(body) > _LARGE else body,
            skip_auto_headers=None if body is None else _NOT_ADDED_TO_POST,
            allow_redirects=False,  # because aiohttp would forward all headers except Authorization to other servers
            proxy=proxy,
        )
    finally:
        current_attempt.reset(token)
    if proxy and response.status == HTTPStatus.PROXY_AUTHENTICATION_REQUIRED:
        response.close()
        raise proxy_error(response.status, attempt.proxy)
    attempt.trace.status = response.status
    attempt.trace.date = response.headers.get("Date", "")
    attempt.trace.reached("first_byte")
    return response


async def _read(response: ClientResponse, attempt: Attempt) -> Response:
    """Read the whole response; afterwards its connection is back in the pool, or closed."""
    body = b""
    try:
        while not response.content.at_eof():
            body += await response.content.readany()
            if len(body) > attempt.max_bytes:
                raise response_too_large(attempt.max_bytes)
    finally:
        if not response.closed:  # closed after a complete response, which returned the connection to the pool
            response.close()
        attempt.end()
    return Response(response.status, body, response.headers)


async def _read_line(session: Session, response: ClientResponse) -> bytes:
    with session.deadlines.after(_MAX_SILENCE):
        return await response.content.readline()


@functools.lru_cache(maxsize=64)
def parse_address(url: str) -> URL:
    """Return a URL. Raises InvalidAddressError, which is one of foreign_errors(), if it is not one for HTTP."""
    try:
        address = parse_url(url)
    except ValueError:
        raise InvalidAddressError from None
    if address.scheme not in _SCHEMES or not address.raw_host:
        raise InvalidAddressError
    return address


@functools.lru_cache(maxsize=64)
def host_of(url: str) -> str:
    """Return only the host and port of a URL, because the rest may contain a key."""
    if plain := split_plain_url(url):
        return f"{plain.raw_host}:{plain.port}"
    try:
        return parse_url(url).authority.rpartition("@")[2]
    except ValueError:
        return ""
