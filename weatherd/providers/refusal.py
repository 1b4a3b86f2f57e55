"""Why a service gives no weather, in its own words."""

from __future__ import annotations

import contextlib
from dataclasses import replace
from typing import TYPE_CHECKING

from weatherd.errors import ProviderError
from weatherd.http import failure_of, parse_json, retry_after
from weatherd.providers.values import mapping, words

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from weatherd.http import Answer
    from weatherd.redaction import Redaction


def refusal(answer: Answer, status: int, key: str, now: datetime) -> ProviderError:
    """Return the error that *answer* stands for; its text is what the body says under *key*, if it is not a proxy's."""
    reason = ""
    with contextlib.suppress(ProviderError):
        reason = words(mapping(parse_json(answer.body)).get(key))
    text = f"{status}: {reason}" if reason else f"the service answers with status {status}"
    return ProviderError(text, failure_of(status), retry_after=retry_after(answer.headers, now))


@contextlib.contextmanager
def hiding(redact: Redaction) -> Iterator[None]:
    """Keep secrets out of the text of a ProviderError, for a service may quote what it was asked."""
    try:
        yield
    except ProviderError as error:
        raise ProviderError(redact(str(error)), error.failure, retry_after=error.retry_after) from None


def scrubbed(answer: Answer, redact: Redaction) -> Answer:
    """Return *answer* with secrets taken out of its body, before any of it is printed, cut or understood."""
    return replace(answer, body=redact(answer.body.decode("latin-1")).encode("latin-1"))  # byte for byte
