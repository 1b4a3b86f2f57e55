"""Validation of the words, times and texts of official warnings, in the form of the Common Alerting Protocol (CAP)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from weatherd.errors import Failure, ProviderError
from weatherd.official_warning import Certainty, Severity, Urgency
from weatherd.providers.values import parse_iso_time

if TYPE_CHECKING:
    from datetime import datetime

_MAX_LINE = 500  # characters of a headline or a list of areas
_MAX_TEXT = 10_000  # characters of a description or an instruction
_MAX_ID = 300


def parse_severity(word: Any) -> Severity:
    """Return a severity of CAP, in any case; UNKNOWN for anything else."""
    return Severity.__members__.get(_fold_word(word).upper(), Severity.UNKNOWN)


def parse_urgency(word: Any) -> Urgency:
    """Return an urgency of CAP, in any case; UNKNOWN for anything else."""
    return Urgency.__members__.get(_fold_word(word).upper(), Urgency.UNKNOWN)


def parse_certainty(word: Any) -> Certainty:
    """Return a certainty of CAP, in any case; UNKNOWN for anything else."""
    return Certainty.__members__.get(_fold_word(word).upper(), Certainty.UNKNOWN)


def is_actual(status: Any) -> bool:
    """Return whether a message is meant: not a test, an exercise or a draft. A missing status counts as meant."""
    return status is None or _fold_word(status) == "actual"


def _fold_word(word: Any) -> str:
    return word.strip().lower() if isinstance(word, str) else ""


def parse_optional_time(text: Any) -> datetime | None:
    """Return an ISO 8601 time that has an offset, in UTC; None for anything else."""
    try:
        return parse_iso_time(text)
    except ProviderError:
        return None


def parse_id(value: Any) -> str:
    """Return the id of a message; "" if it is not one line of printable text of at most 300 characters."""
    return value if isinstance(value, str) and value.isprintable() and len(value) <= _MAX_ID else ""


def parse_link(value: Any) -> str:
    """Return the URL of a page; "" for anything that is not one of HTTP in printable ASCII."""
    return value if isinstance(value, str) and re.fullmatch(r"https?://[!-~]{1,500}", value) else ""


def clean_line(value: Any) -> str:
    """Return a text as one line of at most 500 printable characters, or "" for anything else."""
    return _clean(value[: _MAX_LINE * 2])[:_MAX_LINE].rstrip() if isinstance(value, str) else ""


def clean_paragraphs(value: Any, *, is_wrapped: bool = False) -> str:
    r"""Return a text of at most 10,000 printable characters, with empty lines between paragraphs; "" for anything else.

    *is_wrapped* joins the lines of a paragraph: ``"* WHAT...Heat index\nup to 105."`` becomes one line.
    """
    if not isinstance(value, str):
        return ""
    text = value[: _MAX_TEXT * 2].replace("\r\n", "\n")
    paragraphs = [
        _clean(paragraph) if is_wrapped else "\n".join(filter(None, map(_clean, paragraph.split("\n"))))
        for paragraph in re.split(r"\n[ \t]*\n", text)
    ]
    return "\n\n".join(filter(None, paragraphs))[:_MAX_TEXT].rstrip()


def _clean(text: str) -> str:
    text = " ".join(text.split())
    if text.isprintable():
        return text
    return " ".join("".join(character if character.isprintable() else " " for character in text).split())


def require_list(document: Any, key: str) -> list[Any]:
    """Return the list under *key* of a JSON object.

    Raises ProviderError if there is none: a response without a list says nothing about warnings, while an empty list
    says that there is none.
    """
    found = document.get(key) if isinstance(document, dict) else None
    if not isinstance(found, list):
        raise ProviderError("the response has no list of warnings", Failure.MALFORMED)
    return found
