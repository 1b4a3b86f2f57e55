"""Redaction of secrets in finished text: log lines, error messages, tracebacks."""

from __future__ import annotations

import contextlib
import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable

REDACTED = "[redacted]"
MIN_SECRET_LENGTH = 5  # characters; a shorter one may be part of ordinary words, so replacing it would garble the log
_KEY_IN_URL = re.compile(r"([?&](?:appid|apikey|api_key|key|token)=)[^&\s\"'\\]+", re.IGNORECASE)


class Redaction:
    """Replaces secrets in text with ``[redacted]``: known secrets in any encoding, and any key in a URL's query."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets if len(secret) >= MIN_SECRET_LENGTH for form in _forms(secret)}
        # One pattern per form, because a search for alternatives takes ten times as long as for a single text
        self._known = [re.compile(form) for form in sorted(forms, key=len, reverse=True)]

    def __call__(self, text: str) -> str:
        """Return *text* with its secrets replaced."""
        if "=" in text:
            text = _KEY_IN_URL.sub(rf"\1{REDACTED}", text)
        for form in self._known:
            text = form.sub(REDACTED, text)
        return text

    def clean_body(self, body: bytes) -> bytes:
        r"""Return the body of a response without secrets. Call it before a text of it is shortened.

        A JSON document with escapes is written anew with the usual ones, because a server may echo the secret ``key``
        as ``"\u006bey"``: no pattern finds that, but a parser decodes it.
        """
        text = body.decode("utf-8", "surrogateescape")
        if "\\" in text:
            with contextlib.suppress(ValueError, RecursionError):
                text = json.dumps(json.loads(text))
        clean = self(text)
        return body if clean == text else clean.encode("utf-8", "surrogateescape")


def _forms(secret: str) -> set[str]:
    """Return patterns for a secret as plain text, as a Python literal, in JSON, in JSON within JSON, and in a URL."""
    plain = {secret, repr(secret)[1:-1]}
    in_json = {json.dumps(form)[1:-1] for form in plain} | {
        json.dumps(form, ensure_ascii=False)[1:-1] for form in plain
    }
    twice = {json.dumps(form)[1:-1] for form in in_json}
    # Only the case of escapes varies, and a search that ignores all case takes 15 times as long
    in_url = {re.sub("%..", r"(?i:\g<0>)", re.escape(form)) for form in (quote(secret, safe=""), quote_plus(secret))}
    return {re.escape(form) for form in plain | in_json | twice} | in_url
