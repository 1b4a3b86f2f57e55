"""Both HTTP clients: what is sent, what is returned, and the errors, which reveal no secret."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from yarl import URL

from tests.http.keyed_requests import PARAMETERS, get_error, serving
from tests.support.servers import free_port
from tests.support.virtual_time import EPOCH
from weatherd.errors import ProviderError
from weatherd.http.client import post
from weatherd.http.response import retry_after
from weatherd.http.session import open_session

if TYPE_CHECKING:
    from tests.http.clients import Get


@pytest.mark.parametrize("status", [200, 203, 304, 400, 401, 404, 429, 500, 503])
@pytest.mark.parametrize("kind", ["application/json", "text/html", "image/png"])
async def test_any_status_and_content_type_is_returned(get: Get, status: int, kind: str) -> None:
    """Status, body and headers are returned unchanged; the declared content type does not matter."""

    async def handler(request: web.Request) -> web.Response:
        assert dict(request.query) == PARAMETERS
        assert request.headers["User-Agent"] == "weatherd/test"
        body = b"" if status == 304 else b'{"cod": 200}'
        return web.Response(status=status, body=body, content_type=kind, headers={"retry-after": "7"})

    async with serving(handler) as (session, url):
        response = await get(session, url, PARAMETERS)
    assert (response.status, response.body) == (status, b"" if status == 304 else b'{"cod": 200}')
    assert retry_after(response.headers, EPOCH) == 7


async def test_a_password_and_a_token_are_rejected(get: Get) -> None:
    """A password in the URL and a token in a header cannot both be sent."""

    async def handler(_: web.Request) -> web.Response:
        raise AssertionError

    async with serving(handler) as (session, url):
        address = str(URL(url).with_user("me").with_password("secret"))
        with pytest.raises(ProviderError, match="the address holds a password, and a token is set beside it"):
            await get(session, address, PARAMETERS, {"authorization": "Bearer x"})


@pytest.mark.parametrize("value", ["a\r\nX-Other: 1", "a\nb", "a\0b"])
async def test_a_header_with_a_line_break_is_rejected(get: Get, value: str) -> None:
    """A header that would add lines to a request is not sent."""

    async def handler(_: web.Request) -> web.Response:
        raise AssertionError

    async with serving(handler) as (session, url):
        with pytest.raises(ProviderError, match="the request failed: ValueError"):
            await get(session, url, PARAMETERS, {"X-Name": value})


@pytest.mark.parametrize("body", [b"", b"x" * 3_000_000])
async def test_a_post_request_arrives_complete(body: bytes) -> None:
    """A body of any size, or none, arrives with its headers and the query of the URL."""

    async def handler(request: web.Request) -> web.Response:
        assert request.headers["Content-Type"] == "text/plain"
        return web.Response(status=200, body=b"%d %b" % (len(await request.read()), request.query["db"].encode()))

    application = web.Application(client_max_size=2**24)
    application.router.add_post("/", handler)
    async with TestServer(application) as server, open_session("weatherd/test") as session:
        for _ in range(2):
            response = await post(session, f"{server.make_url('/')}?db=x%20y", body, {"Content-Type": "text/plain"})
            assert response.body == b"%d x y" % len(body)


async def test_a_refused_connection(get: Get) -> None:
    """The error names the host, the port and the reason, and nothing else."""
    port = free_port()
    async with open_session("weatherd/test") as session:
        error = await get_error(get, session, f"http://127.0.0.1:{port}/data/")
    assert str(error) == f"no connection to 127.0.0.1:{port}: Connection refused"


@pytest.mark.parametrize("url", [f"http://{'x' * 64}.invalid/data/", "http://:80/data/", "gopher://x/data/", "weather"])
async def test_an_invalid_url(get: Get, url: str) -> None:
    """The error says that the address is invalid."""
    async with open_session("weatherd/test") as session:
        assert str(await get_error(get, session, url)) == "the address of the service is not a web address"
