"""Messages posted to a URL, as JSON or in the form of a template."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from weatherd.errors import ConfigError, Problem
from weatherd.http.client import parse_address
from weatherd.http.errors import InvalidAddressError
from weatherd.pipeline.forwarders.http_delivery import post_body
from weatherd.text.redaction import Redaction

if TYPE_CHECKING:
    from weatherd.alerts.targets import NamedTarget, WebhookTarget
    from weatherd.http.session import Session
    from weatherd.pipeline.notifications.message import AlertMessage
    from weatherd.pipeline.notifications.template import BodyTemplate

_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")  # RFC 9110, section 5.6.2
_FIELD_VALUE = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")  # what a header can hold: Latin-1 without controls


class WebhookSender:
    """POSTs each message with the header ``Idempotency-Key``. A redirect is a failure.

    Raises ConfigError if the target cannot be used.
    """

    kind = "webhook"

    def __init__(self, named: NamedTarget, target: WebhookTarget) -> None:
        self._url = named.reveal(target.webhook)
        headers = {name: named.reveal(value) for name, value in target.headers.items()}
        self._template = _load_template(named, target.template) if target.template else None
        try:
            parse_address(self._url)
        except InvalidAddressError:
            raise ConfigError(Problem(named.where, f"{named.name}: 'webhook' should be an HTTP URL")) from None
        for name, value in headers.items():
            if not _TOKEN.fullmatch(name) or not _FIELD_VALUE.fullmatch(value):
                raise ConfigError(Problem(named.where, f"{named.name}: {name!r} cannot be sent as an HTTP header"))
        media_type = self._template.media_type if self._template else "application/json"
        self._headers = {"Content-Type": media_type} if "content-type" not in map(str.lower, headers) else {}
        self._headers |= headers
        address = urlsplit(self._url)
        # A server may echo the path in a 404, and the path or the query of a webhook is often its key
        hidden = (self._url, address.path, address.query, address.password, *headers.values())
        self._redact = Redaction(filter(None, hidden))

    async def send(self, message: AlertMessage, session: Session) -> None:
        """POST a message. Raises RejectedError or DeliveryError."""
        document = message.to_json()
        text = self._template.render(document) if self._template else json.dumps(document, ensure_ascii=False)
        headers = self._headers | {"Idempotency-Key": message.key}
        await post_body(session, self._url, text.encode(), headers, lambda: datetime.now(UTC), redact=self._redact)


def _load_template(named: NamedTarget, file: str) -> BodyTemplate:
    from weatherd.pipeline.notifications.template import load_template  # noqa: PLC0415 - it imports Jinja2

    return load_template(named.folder / file, f"{named.where}: {named.name}")
