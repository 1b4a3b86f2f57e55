"""Questions over kept connections: aiohttp connects and reads the answers, but its session does not take part.

That puts every request together anew, which takes longer than all the rest of an exchange.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import re
from typing import TYPE_CHECKING, NamedTuple

import aiohttp
from yarl import URL

from weatherd.errors import Failure, ProviderError
from weatherd.http.connection_pool import Links
from weatherd.http.deadlines import Deadlines
from weatherd.http.instrumentation import TimedResolver, TimedTls

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from aiohttp.connector import BaseConnector
    from aiohttp.http import RawResponseMessage
    from aiohttp.streams import StreamReader

    from weatherd.http.connection_pool import Link
    from weatherd.http.trace import RequestTrace

    Received = tuple[RawResponseMessage, StreamReader, Link]

SCHEMES = ("http", "https")
_SERVERS = 64  # for which questions are kept prepared
_INTERIM = frozenset(range(100, 200)) - {101}  # RFC 9110 §15.2: the answer itself follows
_CONTROL = re.compile(r"[\x00-\x08\x0a-\x1f\x7f]")


class Server(NamedTuple):
    """What all questions to a server have in common."""

    request: aiohttp.ClientRequest  # tells the connector where to
    fields: bytes

    def fields_with(self, more: Mapping[str, str]) -> bytes:
        """Return the fields of a question's head, where *more* take the place of ours of the same name.

        Raises ValueError for what is no field, ProviderError for a second way to say who we are.
        """
        fields = self.request.headers.copy()
        if "Authorization" in fields and any(name.lower() == "authorization" for name in more):
            raise ProviderError("the address holds a password, and a token is set beside it", Failure.DENIED)
        fields.update(more)
        return _lines(fields)


class Session:
    """The connections that all questions share, and their sender's name; concurrency is the providers' own affair."""

    def __init__(self, connector: BaseConnector, agent: str) -> None:
        self.clock = asyncio.get_running_loop().time
        self.deadlines = Deadlines()
        self.links = Links(connector)
        self.server: Callable[[str, str], Server] = functools.lru_cache(_SERVERS)(functools.partial(_server, agent))


@contextlib.asynccontextmanager
async def open_session(agent: str) -> AsyncIterator[Session]:
    """Open a session; *agent* tells the services who asks."""
    connector = aiohttp.TCPConnector(limit=0, ssl=TimedTls(), resolver=TimedResolver())
    session = Session(connector, agent)
    with contextlib.closing(session.links):
        async with connector:  # closes all links, and returns when they are closed
            yield session


async def ask(
    session: Session,
    address: URL,
    fields: Mapping[str, str],
    body: bytes | None = None,
    *,
    exchange: RequestTrace | None = None,
    tries: int = 1,
) -> Received:
    """GET, or POST a body; return the answer's head as soon as it is there, its body, and the link.

    Whether the body is then read or not, that has to be let go. A server may hang up instead of answering, as it does
    when it has not kept the connection for so long: with two *tries* it is then asked again.
    """
    server = session.server(address.scheme, address.raw_authority)
    known = server.fields_with(fields) if fields else server.fields
    target = address.raw_path_qs.encode()
    if body is None:
        question = b"GET %b HTTP/1.1\r\n%b\r\n" % (target, known)
    else:
        question = b"POST %b HTTP/1.1\r\n%bContent-Length: %d\r\n\r\n%b" % (target, known, len(body), body)
    while True:
        link = await session.links.to(server.request, exchange)
        try:
            return await _ask(link, question, exchange)
        except (aiohttp.ClientOSError, aiohttp.ServerDisconnectedError):
            link.close()
            tries -= 1
            if not tries:
                raise
        except BaseException:
            link.close()
            raise


async def _ask(link: Link, question: bytes, exchange: RequestTrace | None) -> Received:
    protocol = link.protocol
    if protocol.transport is None:
        raise aiohttp.ServerDisconnectedError
    if exchange:
        exchange.reached("reused" if link.is_used else "connected")
    protocol.set_response_params(read_until_eof=True)
    protocol.transport.write(question)
    message, content = await protocol.read()
    while message.code in _INTERIM:
        message, content = await protocol.read()
    if exchange:
        exchange.status = message.code
        exchange.reached("first_byte")
    return message, content, link


def _server(agent: str, scheme: str, authority: str) -> Server:
    """Prepare questions to a server. Raises InvalidURL for what is none."""
    if scheme not in SCHEMES or not authority:
        raise aiohttp.InvalidURL(f"{scheme}:")
    url = URL.build(scheme=scheme, authority=authority, encoded=True)
    request = aiohttp.ClientRequest("GET", url, headers={"User-Agent": agent}, loop=asyncio.get_running_loop())
    return Server(request, _lines(request.headers))


def _lines(fields: Mapping[str, str]) -> bytes:
    lines = [f"{name}: {value}" for name, value in fields.items()]
    if any(map(_CONTROL.search, lines)):
        raise ValueError("a field of a head is one line of text")
    return "".join(f"{line}\r\n" for line in lines).encode()
