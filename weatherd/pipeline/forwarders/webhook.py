"""Batches of observations and of official warnings as JSON, sent to a URL of the user's choice."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import json
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from weatherd.formatting import to_named_dict
from weatherd.pipeline.forwarders.http_delivery import post_body, probe_server
from weatherd.pipeline.forwarders.notices.official_warnings import ChangeConnection, serialize_warning_change
from weatherd.text.redaction import Redaction

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractAsyncContextManager
    from typing import Any

    from weatherd.config.settings import Settings
    from weatherd.journal.tables.warning_table import WarningEntry
    from weatherd.observation import Observation
    from weatherd.pipeline.forwarders import ForwarderResources


class WebhookForwarder:
    """POSTs ``{"observations": [...]}``, each in the form of ``weatherd export --format jsonl``.

    Changes of official warnings come as ``{"warnings": [...]}``.

    A batch that may have arrived is sent again with the same ``Idempotency-Key``, also after a crash: a receiver should
    skip a batch whose key it has seen. With a secret, the header ``X-Weatherd-Signature`` holds ``sha256=`` and the
    body's HMAC in hexadecimal. It is its own connection, because the HTTP session pools connections.
    """

    batch_size = 500

    def __init__(self, url: str, secret: str | None, resources: ForwarderResources) -> None:
        self._url = url
        self._secret = secret
        # A server may echo the path in a 404, and the path or the query of a webhook is often its key
        target = urlsplit(url)
        self._redact = Redaction(filter(None, (url, secret, target.path, target.query, target.password)))
        self._resources = resources

    def connect(self) -> AbstractAsyncContextManager[WebhookForwarder]:
        """Return the forwarder itself."""
        return contextlib.nullcontext(self)

    async def probe(self) -> str:
        """Send a GET request, for ``weatherd check --online``. Raises DeliveryError."""
        return await probe_server(self._resources.session, self._url)

    async def deliver(self, batch: Sequence[Observation], key: str) -> None:
        """POST a batch. Raises RejectedError or DeliveryError."""
        find_city = self._resources.find_city
        observations = [to_named_dict(observation, find_city(observation.city)) for observation in batch]
        await self._post({"observations": observations}, key)

    def connect_warnings(self) -> AbstractAsyncContextManager[ChangeConnection]:
        """Return a connection that delivers changes of official warnings."""
        return contextlib.nullcontext(ChangeConnection(self._deliver_warnings))

    async def _deliver_warnings(self, batch: Sequence[WarningEntry], key: str) -> None:
        """POST a batch of changes. Raises RejectedError or DeliveryError."""
        find_city = self._resources.find_city
        named = ((entry.change, find_city(entry.change.city)) for entry in batch)
        changes = [serialize_warning_change(change, city.name if city else None) for change, city in named]
        await self._post({"warnings": changes}, key)

    async def _post(self, document: dict[str, Any], key: str) -> None:
        body = json.dumps(document, ensure_ascii=False).encode()
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        if self._secret:
            headers["X-Weatherd-Signature"] = sign_body(body, self._secret)
        await post_body(self._resources.session, self._url, body, headers, self._resources.now, redact=self._redact)


def sign_body(body: bytes, secret: str) -> str:
    """Return the signature of a body, which a receiver with the same secret can verify."""
    return f"sha256={hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()}"


def open_forwarder(settings: Settings, resources: ForwarderResources) -> WebhookForwarder | None:
    """Return the forwarder if ``webhook.url`` is set."""
    section = settings.webhook
    if not section or not section.url:
        return None
    secret = section.secret.get_secret_value() if section.secret else None
    return WebhookForwarder(section.url.get_secret_value(), secret, resources)
