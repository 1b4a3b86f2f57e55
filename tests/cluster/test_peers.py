"""Requests to other nodes: how long one waits for them, and what one believes."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import given
from hypothesis import strategies as st

from tests.support.servers import free_port
from weatherd.cluster.peers import PeerError, PeerState, open_peers, parse_peer_state

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    Handler = Callable[[web.Request], Awaitable[web.Response]]

_STATE = {"id": 3, "name": "n3", "state": "cut", "database": False, "going_on": True}


@contextlib.asynccontextmanager
async def _serving(handler: Handler) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/{path:.*}", handler)
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url(""))


async def test_a_node_gets_the_token_and_the_state_is_parsed() -> None:
    """The token of all nodes is sent as a bearer token; a newer node may send more fields."""

    async def handler(request: web.Request) -> web.Response:
        assert (request.path, request.headers["Authorization"]) == ("/-/cluster", "Bearer shared-token")
        return web.json_response(_STATE)

    async with _serving(handler) as url, open_peers("shared-token", None) as peers:
        assert await peers.ask_state(url) == PeerState(3, database=False, going_on=True)


async def test_a_silent_node_ends_the_wait_in_time() -> None:
    """A node that accepts the request and says nothing is waited for 1 s for its state, 2 s for cities."""
    requests = 0

    async def handler(_: web.Request) -> web.Response:
        nonlocal requests
        requests += 1
        await asyncio.Event().wait()
        raise AssertionError

    clock = asyncio.get_running_loop().time
    async with _serving(handler) as url, open_peers(None, None) as peers:
        began = clock()
        assert await peers.ask_state(url) is None
        assert clock() - began == pytest.approx(1, abs=0.1)
        began = clock()
        for reason in ("no response in 2 s", "no response in 2 s"):  # the second time without a request
            with pytest.raises(PeerError, match=reason):
                await peers.get(url, "/api/v1/status")
        assert clock() - began == pytest.approx(2, abs=0.1)
        assert requests == 2
        await asyncio.sleep(5)
        with pytest.raises(PeerError):
            await peers.get(url, "/api/v1/status")
        assert requests == 3


async def test_a_node_that_is_not_there_has_no_state() -> None:
    """A refused connection and an address that is none are no answer."""
    async with open_peers(None, None) as peers:
        assert await peers.ask_state(f"http://127.0.0.1:{free_port()}") is None
        assert await peers.ask_state("nowhere") is None


@pytest.mark.parametrize("status", [401, 404, 500])
async def test_an_error_is_no_state(status: int) -> None:
    """What a node sends with an error is not read, even if it looks like a state."""

    async def handler(_: web.Request) -> web.Response:
        return web.json_response(_STATE, status=status)

    async with _serving(handler) as url, open_peers(None, None) as peers:
        assert await peers.ask_state(url) is None


_JSON = st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=3)


@given(st.binary() | st.dictionaries(st.sampled_from(["id", "database", "going_on"]), _JSON).map(json.dumps))
def test_only_a_state_is_a_state(body: Any) -> None:
    """Whatever a body is, a state has a number or no id, and two truth values: 1 is not true."""
    found = parse_peer_state(body if isinstance(body, bytes) else body.encode())
    if found:
        assert (type(found.database), type(found.going_on)) == (bool, bool)
        assert found.id is None or type(found.id) is int
    assert parse_peer_state(b'{"id": 1, "database": 1, "going_on": true}') is None
    assert parse_peer_state(b'{"id": true, "database": true, "going_on": true}') is None
