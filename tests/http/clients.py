"""The two clients that send GET requests: the general one, and the one for polls."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping
from typing import TYPE_CHECKING, Any

from weatherd.http.polling import PollingClient
from weatherd.http.response import Response

if TYPE_CHECKING:
    from weatherd.http.session import Session

Get = Callable[..., Coroutine[Any, Any, Response]]  # weatherd.http.client.get() or Polls.get()


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
        **options: Any,
    ) -> Response:
        """Return the response to a poll."""
        key = (session, url, *(headers or {}).items())
        if key not in self._clients:
            self._clients[key] = PollingClient(session, url, headers)
        return await self._clients[key].get(params, **options)
