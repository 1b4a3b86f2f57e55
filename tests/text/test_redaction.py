"""Secrets in the bodies of responses, as a server may echo them."""

from __future__ import annotations

import json
import re
from urllib.parse import quote

import pytest

from weatherd.text.redaction import REDACTED, Redaction

SECRET = "k3y/with+ümlaut"
redact = Redaction([SECRET])


def escape(text: str) -> str:
    """Return JSON in which every character is escaped."""
    return '"' + "".join(f"\\u{ord(character):04x}" for character in text) + '"'


@pytest.mark.parametrize(
    "echo",
    [
        SECRET,
        escape(SECRET),
        escape(SECRET).upper().replace("\\U", "\\u"),
        json.dumps(SECRET),
        json.dumps(SECRET, ensure_ascii=False).replace("/", "\\/"),
        quote(SECRET, safe=""),
        re.sub("%..", lambda escape: escape[0].lower(), quote(SECRET, safe="")),
        json.dumps({"a": [{"message": f"no {SECRET}!"}]}),
        f"{{{escape(SECRET)}: 1}}",
        f"<p>\\ {SECRET} </p>",
    ],
)
def test_a_secret_in_a_body_is_replaced_in_any_encoding(echo: str) -> None:
    """Also where JSON hides it behind escapes that no server needs."""
    clean = redact.clean_body(echo.encode())
    assert REDACTED in clean.decode()
    try:
        decoded = json.dumps(json.loads(clean), ensure_ascii=False)
    except ValueError:
        decoded = clean.decode()
    assert "k3y" not in decoded


def test_a_space_may_be_a_plus_in_a_query() -> None:
    """As in a form; the letters of the secret itself are compared with regard to case."""
    redact_words = Redaction(["two words"])
    assert redact_words("https://localhost/?q=two+words&r=two%20words") == (
        f"https://localhost/?q={REDACTED}&r={REDACTED}"
    )
    assert redact_words("Two%20Words") == "Two%20Words"


@pytest.mark.parametrize(
    "body", [b'{"a": "\\u00e9\\/"}', b"\xff\xfe\\", b"", b'{"n": NaN, "t": "\\n"}', b"[" * 100_000 + b"\\"]
)
def test_a_body_without_secrets_is_unchanged(body: bytes) -> None:
    """Byte for byte, also if it is not UTF-8 or not JSON."""
    assert redact.clean_body(body) is body
