"""Requests of a provider: within the quota, with its key, and without the key in any error."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from weatherd.errors import ProviderError
from weatherd.http.polling import PollingClient
from weatherd.providers.service_errors import redact_error, redact_response
from weatherd.text.redaction import Redaction

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Mapping
    from datetime import datetime
    from typing import Any

    from weatherd.http.response import Response
    from weatherd.providers import Resources

_T = TypeVar("_T")


class ServiceClient:
    """A client of one URL of a service. *key* is a secret that is part of the URL or of a query; "" for none."""

    def __init__(
        self, resources: Resources, url: str, headers: Mapping[str, str] | None = None, *, key: str = ""
    ) -> None:
        self.now = resources.now
        self._run = resources.limiter.run
        self._client = PollingClient(resources.session, url, headers)
        self._redact = Redaction([key])
        self._has_key = bool(key)

    def request(
        self,
        parse: Callable[[Response, datetime], _T],
        query: Mapping[str, str] | str = "",
        headers: Mapping[str, str] | None = None,
        *,
        path: str = "",
        calls: int = 1,
    ) -> Coroutine[Any, Any, _T]:
        """Return what *parse* makes of a response and of the time of its arrival.

        The request waits for its turn, and counts as a number of *calls*. Raises ProviderError, also those of *parse*.
        """
        return self._run(lambda: self._send(parse, query, headers, path), calls)

    async def _send(
        self,
        parse: Callable[[Response, datetime], _T],
        query: Mapping[str, str] | str,
        headers: Mapping[str, str] | None,
        path: str,
    ) -> _T:
        try:
            response = await self._client.get(query, headers, path=path)
            return parse(redact_response(response, self._redact) if self._has_key else response, self.now())
        except ProviderError as error:
            raise redact_error(error, self._redact) from None
