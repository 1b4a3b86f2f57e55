"""Requests to the other nodes of the cluster over HTTP. What they answer is data, never an instruction."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from weatherd.errors import ProviderError, WeatherdError
from weatherd.http.client import get
from weatherd.http.session import open_session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from weatherd.http.response import Response
    from weatherd.http.session import Session

STATE_PATH = "/-/cluster"
_AGENT = "weatherd-node"
_DEADLINE = 2.0  # seconds for a part of the list
_STATE_DEADLINE = 1.0  # seconds for the state
_MAX_BYTES = 16 * 1024 * 1024  # of a response: a page of 1,000 cities with long texts has about 2 MB
_PAUSE = 5.0  # seconds after a failure without another request, so that readers do not wait for a dead node each time


class PeerError(WeatherdError):
    """Another node has not answered, or not as expected; the text is the reason."""


@dataclass(frozen=True, slots=True)
class PeerState:
    """What a node reports of itself."""

    id: int | None  # None: it has not joined
    database: bool  # whether it is in contact with the database
    going_on: bool  # whether it polls without the database, because all nodes it knows are without it


class Peers:
    """Client for the HTTP interfaces of the other nodes; *token* is the ``http.token`` of all nodes."""

    def __init__(self, session: Session, token: str | None) -> None:
        self._session = session
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._failures: dict[str, tuple[float, str]] = {}  # by address: when, and why

    async def get(self, url: str, path: str) -> Response:
        """Return a node's response, whatever its status, within two seconds. Raises PeerError without one.

        *path* begins with a slash, and has the query. After a failure the node is not asked again for five seconds.
        """
        now = self._session.clock()
        if url in self._failures and now - self._failures[url][0] < _PAUSE:
            raise PeerError(self._failures[url][1])
        try:
            response = await self._send(url, path, _DEADLINE)
        except PeerError as error:
            self._failures[url] = self._session.clock(), str(error)
            raise
        self._failures.pop(url, None)
        return response

    async def ask_state(self, url: str) -> PeerState | None:
        """Return a node's state, or None if it does not answer within a second, or not as a node of a cluster does."""
        with contextlib.suppress(PeerError):
            response = await self._send(url, STATE_PATH, _STATE_DEADLINE)
            if response.status == HTTPStatus.OK:
                return parse_peer_state(response.body)
        return None

    async def _send(self, url: str, path: str, deadline: float) -> Response:
        try:
            async with asyncio.timeout(deadline):
                address = url.rstrip("/") + path
                return await get(self._session, address, {}, self._headers, deadline=deadline, max_bytes=_MAX_BYTES)
        except TimeoutError:
            raise PeerError(f"no response in {deadline:g} s") from None
        except ProviderError as error:
            raise PeerError(str(error)) from None


def parse_peer_state(body: bytes) -> PeerState | None:
    """Return the state in the body of a response; None if it is anything else."""
    try:
        document: Any = json.loads(body)
        number, database, going_on = document["id"], document["database"], document["going_on"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    is_valid = type(database) is bool and type(going_on) is bool and type(number) in {int, type(None)}
    return PeerState(number, database, going_on) if is_valid else None


@contextlib.asynccontextmanager
async def open_peers(token: str | None, ca_file: Path | None) -> AsyncIterator[Peers]:
    """Open the client. Proxies in the environment are not used, because nodes are in one network."""
    async with open_session(_AGENT, ca_file=ca_file, environ={}) as session:
        yield Peers(session, token)
