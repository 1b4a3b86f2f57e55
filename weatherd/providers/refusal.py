"""Why a service gives no weather, in its own words."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from weatherd.errors import ProviderError
from weatherd.http import failure_of, parse_json, retry_after
from weatherd.providers.values import mapping, words

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from weatherd.http import Answer


def refusal(answer: Answer, status: int, key: str, now: datetime) -> ProviderError:
    """Return the error that *answer* stands for; its text is what the body says under *key*, if it is not a proxy's."""
    reason = ""
    with contextlib.suppress(ProviderError):
        reason = words(mapping(parse_json(answer.body)).get(key))
    text = f"{status}: {reason}" if reason else f"the service answers with status {status}"
    return ProviderError(text, failure_of(status), retry_after=retry_after(answer.headers, now))


@contextlib.contextmanager
def hiding(secret: str) -> Iterator[None]:
    """Keep *secret* out of the text of a ProviderError, for a service may quote what it was asked."""
    try:
        yield
    except ProviderError as error:
        if secret and secret in str(error):
            text = str(error).replace(secret, "***")
            raise ProviderError(text, error.failure, retry_after=error.retry_after) from None
        raise
