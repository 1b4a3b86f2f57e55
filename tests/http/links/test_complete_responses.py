"""When a response is complete: both clients accept the same."""

from __future__ import annotations

import asyncio
import gzip
import socket
import struct
import zlib
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.http.clients import Polls
from tests.http.fixed_service import CHUNKED, CUT_OFF, Service, reason_of, running
from tests.http.raw_server import RESPONSE, serve_bytes
from tests.support import virtual_time
from tests.support.private_ca import create_server_tls
from weatherd.errors import ProviderError
from weatherd.http import client
from weatherd.http.session import open_session

if TYPE_CHECKING:
    from pathlib import Path

    from tests.http.clients import Get


@pytest.mark.parametrize("encoding", ["gzip", "GZIP", "deflate", "identity", "utf-8"])
async def test_compressed_bodies(get: Get, encoding: str) -> None:
    """What is offered in ``Accept-Encoding`` is decompressed, and an encoding that is none is ignored."""
    body = b'{"a": 1}' * 1000
    packed = {"gzip": gzip.compress(body), "deflate": zlib.compress(body)}.get(encoding.lower(), body)
    head = f"HTTP/1.1 200 OK\r\nContent-Encoding: {encoding}\r\nContent-Length: {len(packed)}\r\n\r\n"
    service = Service(head.encode(), packed)
    async with running(service) as session:
        for _ in range(2):
            assert (await get(session, service.url, "")).body == body
    assert service.opened == 1


@pytest.mark.parametrize("status", [204, 304])
@pytest.mark.parametrize("length", [b"", b"Content-Length: 5\r\n"])
async def test_statuses_without_a_body(get: Get, status: int, length: bytes) -> None:
    """Nothing follows their headers, whatever those announce, and the connection is used again."""
    service = Service(b"HTTP/1.1 %d X\r\n%b\r\n" % (status, length))
    async with running(service) as session:
        for _ in range(3):
            response = await get(session, service.url, "")
            assert (response.status, response.body) == (status, b"")
    assert service.opened == 1


RESPONSES = {
    "length": b"HTTP/1.1 200 OK\r\nX-A:\r\nX-B: 1 \r\nContent-Length: 2\r\n\r\n{}",
    "chunks": CHUNKED + b"1;x=y\r\n{\r\n1\r\n}\r\n0\r\nX-C: 2\r\n\r\n",
    "interim": b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 X\r\nX-A: 0\r\n\r\n" + RESPONSE,
    "lines without CR": b"HTTP/1.1 200 OK\nContent-Length: 2\n\n{}",
    "folded header": b"HTTP/1.1 200 OK\r\nX-A: 1\r\n  2\r\nContent-Length: 2\r\n\r\n{}",
    "no reason": b"HTTP/1.1 200\r\nContent-Length: 2\r\n\r\n{}",
}


@pytest.mark.parametrize("name", RESPONSES)
@pytest.mark.parametrize("is_split", [False, True])
async def test_a_response_arrives_in_any_number_of_pieces(get: Get, name: str, *, is_split: bool) -> None:
    """In one packet or a byte at a time; the connection is used again."""
    whole = RESPONSES[name]
    service = Service(*([whole[place : place + 1] for place in range(len(whole))] if is_split else [whole]))
    async with running(service) as session:
        for _ in range(2):
            response = await get(session, service.url, "")
            assert (response.status, response.body, response.headers.get("x-c")) == (200, b"{}", None)
    assert service.opened == 1


async def test_a_body_without_a_length_whose_connection_is_reset() -> None:
    """It is not taken for complete, as aiohttp does."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n{}")
        await asyncio.sleep(1)
        writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        writer.transport.abort()

    async with serve_bytes(talk) as port, open_session("weatherd/test") as session:
        assert await reason_of(Polls().get, session, f"http://127.0.0.1:{port}/") == CUT_OFF


@pytest.mark.parametrize(
    ("head", "reason"),
    [(b"Content-Length: 2\r\n", None), (b"Content-Length: 3\r\n", CUT_OFF), (b"", None)],
)
async def test_tls_that_ends_without_notice(get: Get, tmp_path: Path, head: bytes, reason: str | None) -> None:
    """Many servers do that; only what they announced decides whether the response is complete."""
    context = create_server_tls(tmp_path / "ca.pem", "localhost")

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 200 OK\r\n" + head + b"\r\n{}")
        await writer.drain()
        writer.transport.abort()

    async with serve_bytes(talk, context) as port, open_session("test", ca_file=tmp_path / "ca.pem") as session:
        if reason:
            assert await reason_of(get, session, f"https://localhost:{port}/") == reason
        else:
            assert (await get(session, f"https://localhost:{port}/", "")).body == b"{}"


BROKEN = st.one_of(
    st.sampled_from(list(RESPONSES.values())),
    st.tuples(st.sampled_from(list(RESPONSES.values())), st.integers(0, 90), st.binary(max_size=3)).map(
        lambda mutation: mutation[0][: mutation[1]] + mutation[2] + mutation[0][mutation[1] + 1 :]
    ),
)


@given(response=BROKEN, split=st.integers(1, 80))
def test_what_aiohttp_accepts_is_accepted(response: bytes, split: int) -> None:
    """For any bytes that a server sends before it closes the connection, the response is the same, or there is none."""
    pieces = [response[place : place + split] for place in range(0, len(response), split)]
    expected, found = (
        virtual_time.run(_request(get, pieces), settle=virtual_time.SETTLE) for get in (client.get, Polls().get)
    )
    assert expected in (None, found)


async def _request(get: Any, pieces: list[bytes]) -> Any:
    service = Service(*pieces, closes=True)
    async with running(service) as session:
        try:
            response = await get(session, service.url, "")
        except ProviderError:
            return None
        return response.status, response.body, response.headers.get("X-A")
