"""Every property of a GET request holds for both clients: the general one, and the one for polls."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

import pytest

from weatherd.http import client
from weatherd.http.polling import PollingClient

if TYPE_CHECKING:
    from collections.abc import Coroutine, Mapping

    from weatherd.http.response import Response
    from weatherd.http.session import Session


class Get(Protocol):
    """Sends a GET request."""

    def __call__(
        self,
        session: Session,
        url: str,
        params: Mapping[str, str] | str,
        headers: Mapping[str, str] | None = None,
        *,
        deadline: float = 15.0,
    ) -> Coroutine[Any, Any, Response]:
        """Return the response."""
        ...


class Polls:
    """Sends GET requests with a polling client for each URL."""

    def __init__(self) -> None:
        self._clients: dict[tuple[object, ...], PollingClient] = {}

    async def get(
        self,
        session: Session,
        url: str,
        params: Mapping[str, str] | str,
        headers: Mapping[str, str] | None = None,
        *,
        deadline: float = 15.0,
    ) -> Response:
        """Return the response to a poll."""
        key = (session, url, *(headers or {}).items())
        if key not in self._clients:
            self._clients[key] = PollingClient(session, url, headers)
        return await self._clients[key].get(params, deadline=deadline)


@pytest.fixture(params=["client", "link"])
def get(request: pytest.FixtureRequest) -> Get:
    """Return the function of one of the two clients."""
    return client.get if request.param == "client" else Polls().get
