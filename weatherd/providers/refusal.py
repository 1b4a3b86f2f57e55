"""Why a service gives no weather, in its own words."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from weatherd.errors import ProviderError
from weatherd.http import failure_of, parse_json, retry_after
from weatherd.providers.values import mapping, words

if TYPE_CHECKING:
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


class hiding:  # noqa: N801 - it is used as contextlib's are
    """Keep secrets out of the text of a ProviderError, for a service may quote what it was asked."""

    __slots__ = ("_redact",)

    def __init__(self, redact: Redaction) -> None:
        self._redact = redact

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        """Raise another error in the place of one that may hold a secret."""
        if isinstance(error, ProviderError):
            raise ProviderError(self._redact(str(error)), error.failure, retry_after=error.retry_after) from None


def scrubbed(answer: Answer, redact: Redaction) -> Answer:
    """Return *answer* with secrets taken out of its body, before any of it is printed, cut or understood."""
    text = answer.body.decode("latin-1")  # byte for byte
    clean = redact(text)
    return answer if clean == text else answer._replace(body=clean.encode("latin-1"))
