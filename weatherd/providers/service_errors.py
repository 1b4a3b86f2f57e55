"""Why a service gives no weather, in its own words."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from weatherd.errors import ProviderError
from weatherd.http.response import failure_of, parse_json, retry_after
from weatherd.providers.values import as_mapping, clean_text

if TYPE_CHECKING:
    from datetime import datetime

    from weatherd.http.response import Response
    from weatherd.redaction import Redaction


def error_from_response(answer: Response, status: int, key: str, now: datetime) -> ProviderError:
    """Return the error that *answer* stands for; its text is what the body says under *key*, if it is not a proxy's."""
    reason = ""
    with contextlib.suppress(ProviderError):
        reason = clean_text(as_mapping(parse_json(answer.body)).get(key))
    text = f"{status}: {reason}" if reason else f"the service answers with status {status}"
    return ProviderError(text, failure_of(status), retry_after=retry_after(answer.headers, now))


def redact_error(error: ProviderError, redact: Redaction) -> ProviderError:
    """Return an error to be raised in the place of one that may hold a secret, for a service may quote its question."""
    return ProviderError(redact(str(error)), error.failure, retry_after=error.retry_after)


def redact_response(answer: Response, redact: Redaction) -> Response:
    """Return *answer* with secrets taken out of its body, before any of it is printed, cut or understood."""
    text = answer.body.decode("latin-1")  # byte for byte
    clean = redact(text)
    return answer if clean == text else answer._replace(body=clean.encode("latin-1"))
