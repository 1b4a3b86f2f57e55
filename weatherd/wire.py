"""Questions over kept connections: aiohttp's connector asks, and its parser reads the answers.

Its session puts every request together anew, which takes longer than all the rest of an exchange.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
from typing import TYPE_CHECKING, NamedTuple
from weakref import WeakSet

import aiohttp
from yarl import URL

from weatherd.deadline import Deadlines
from weatherd.phases import TimedResolver, TimedTls, current

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from aiohttp.client_proto import ResponseHandler
    from aiohttp.connector import BaseConnector, Connection
    from aiohttp.http import RawResponseMessage
    from aiohttp.streams import StreamReader

    Response = tuple[RawResponseMessage, StreamReader, Connection]

Fields = tuple[tuple[str, str], ...]

SCHEMES = ("http", "https")
_PREPARED = 64  # addresses whose questions are kept prepared
_NO_LIMITS = aiohttp.ClientTimeout(total=None, sock_connect=None)  # whoever asks has a deadline for the whole
_INFORMATIONAL = range(100, 200)  # RFC 9110 §15.2: the answer itself follows


class Form(NamedTuple):
    """What all questions to an address have in common."""

    address: URL
    request: aiohttp.ClientRequest  # tells the connector where to
    fields: bytes

    def get(self, target: str) -> bytes:
        """Return a question for a path and a query of the same server."""
        return b"GET %b HTTP/1.1\r\n%b\r\n" % (target.encode(), self.fields)

    def post(self, body: bytes) -> bytes:
        """Return a question that brings a body to the address."""
        target = self.address.raw_path_qs.encode()
        return b"POST %b HTTP/1.1\r\n%bContent-Length: %d\r\n\r\n%b" % (target, self.fields, len(body), body)


class Session:
    """The connections that all questions share, and their sender's name; concurrency is the providers' own affair."""

    def __init__(self, connector: BaseConnector, agent: str) -> None:
        self.connector = connector
        self.clock = asyncio.get_running_loop().time
        self.deadlines = Deadlines()
        self.form: Callable[[str, Fields], Form] = functools.lru_cache(_PREPARED)(functools.partial(_form, agent))
        self._used: WeakSet[ResponseHandler] = WeakSet()

    def is_reused(self, connection: ResponseHandler) -> bool:
        """Tell whether anything was asked over a connection before."""
        is_reused = connection in self._used
        if not is_reused:
            self._used.add(connection)
        return is_reused


@contextlib.asynccontextmanager
async def open_session(agent: str) -> AsyncIterator[Session]:
    """Open a session; *agent* tells the services who asks."""
    async with aiohttp.TCPConnector(limit=0, ssl=TimedTls(), resolver=TimedResolver()) as connector:
        yield Session(connector, agent)


async def ask(session: Session, form: Form, question: bytes, *, tries: int = 1) -> Response:
    """Send a question; return the answer's head as soon as it is there, its body, and its connection.

    Whether the body is then read or not, the connection must be released.
    The service may hang up instead, because it kept the connection no longer; with two *tries* it is then asked again.
    """
    while True:
        connection = await session.connector.connect(form.request, [], _NO_LIMITS)
        try:
            return await _ask(session, connection, question)
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
            connection.close()
            tries -= 1
            if not tries:
                raise
        except BaseException:
            connection.close()
            raise


async def _ask(session: Session, connection: Connection, question: bytes) -> Response:
    protocol = connection.protocol
    if protocol is None or protocol.transport is None:
        raise aiohttp.ServerDisconnectedError
    exchange = current.get()
    if exchange:
        exchange.reached("reused" if session.is_reused(protocol) else "connected")
    protocol.set_response_params(read_until_eof=True)
    protocol.transport.write(question)
    message, content = await protocol.read()
    while message.code in _INFORMATIONAL:
        message, content = await protocol.read()
    if exchange:
        exchange.status = message.code
        exchange.reached("first_byte")
    return message, content, connection


def _form(agent: str, url: str, fields: Fields) -> Form:
    """Prepare questions to an address. Raises InvalidURL for one that is none, ValueError for impossible fields."""
    try:
        address = URL(url)
    except ValueError:
        raise aiohttp.InvalidURL(url) from None
    if address.scheme not in SCHEMES:
        raise aiohttp.InvalidURL(url)
    headers = {"User-Agent": agent, **dict(fields)}
    request = aiohttp.ClientRequest("GET", address, headers=headers, loop=asyncio.get_running_loop())
    lines = [f"{name}: {value}" for name, value in request.headers.items()]
    if not all(map(str.isprintable, lines)):
        raise ValueError("a field of a head is one line of text")
    return Form(address, request, "".join(f"{line}\r\n" for line in lines).encode())
