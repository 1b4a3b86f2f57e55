"""Secrets taken out of text, wherever they stand in it."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING
from urllib.parse import quote, quote_plus

if TYPE_CHECKING:
    from collections.abc import Iterable

REDACTED = "[redacted]"
MIN_SECRET_LENGTH = 5  # characters; what is shorter is no secret, and stands in every other word
_IN_ADDRESS = re.compile(r"([?&](?:appid|apikey|api_key|key|token)=)[^&\s\"'\\]+", re.IGNORECASE)


class Redaction:
    """Takes secrets out of finished text: the known ones in whatever form, and any key in an address."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        forms = {form for secret in secrets if len(secret) >= MIN_SECRET_LENGTH for form in _forms(secret)}
        # One after another: a search for one of several texts takes ten times as long as for one
        self._known = [re.compile(form) for form in sorted(forms, key=len, reverse=True)]

    def __call__(self, text: str) -> str:
        """Return *text* without secrets."""
        if "=" in text:
            text = _IN_ADDRESS.sub(rf"\1{REDACTED}", text)
        for form in self._known:
            text = form.sub(REDACTED, text)
        return text


def _forms(secret: str) -> set[str]:
    """Return patterns of how a secret may look: in an address, in Python's quotes, in JSON, and in JSON within JSON."""
    plain = {secret, repr(secret)[1:-1]}
    in_json = {json.dumps(form)[1:-1] for form in plain} | {
        json.dumps(form, ensure_ascii=False)[1:-1] for form in plain
    }
    twice = {json.dumps(form)[1:-1] for form in in_json}
    in_address = {f"(?i:{re.escape(form)})" for form in (quote(secret, safe=""), quote_plus(secret)) if "%" in form}
    return {re.escape(form) for form in plain | in_json | twice} | in_address
