"""Conversion of a service's errors into ProviderErrors without secrets."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from weatherd.errors import ProviderError
from weatherd.http.response import failure_of, parse_json, retry_after
from weatherd.providers.values import as_mapping, clean_text

if TYPE_CHECKING:
    from datetime import datetime

    from weatherd.http.response import Response
    from weatherd.text.redaction import Redaction


def error_from_response(response: Response, status: int, now: datetime, *keys: str) -> ProviderError:
    """Return the error in *response* as *status* classifies it, with the first text under *keys* of the JSON body.

    A body without such a text, for example a proxy's HTML page, is ignored. *status* is a parameter because services
    also report errors under 200.
    """
    reason = ""
    with contextlib.suppress(ProviderError):
        document = as_mapping(parse_json(response.body))
        reason = next(filter(None, (_parse_reason(document.get(key)) for key in keys)), "")
    return ProviderError(
        explain_status(status, reason), failure_of(status), retry_after=retry_after(response.headers, now)
    )


def error_from_text(response: Response, status: int, now: datetime) -> ProviderError:
    """Return the error in *response*, whose body is plain text, as *status* classifies it; an HTML page is ignored."""
    is_page = response.body.lstrip()[:1] == b"<"
    reason = "" if is_page else clean_text(response.body.decode(errors="replace"))
    return ProviderError(
        explain_status(status, reason), failure_of(status), retry_after=retry_after(response.headers, now)
    )


def explain_status(status: int, reason: str) -> str:
    """Return the text of an error: the status, and the service's own *reason* unless that is empty."""
    return f"{status}: {reason}" if reason else f"the service responded with status {status}"


def _parse_reason(value: Any) -> str:
    """Return a text, or the first one of a list of invalid parameters as FastAPI reports it: [{"msg": text}, ...]."""
    return clean_text(as_mapping(value[0]).get("msg") if value and isinstance(value, list) else value)


def redact_error(error: ProviderError, redact: Redaction) -> ProviderError:
    """Return a copy of *error* without secrets, because a service may quote the URL of the request."""
    return error.with_text(redact(str(error)))


def redact_response(response: Response, redact: Redaction) -> Response:
    """Return *response* without secrets in its body; call it before parsing, which could cut a secret in two."""
    clean = redact.clean_body(response.body)
    return response if clean is response.body else response._replace(body=clean)
