"""pydantic's findings in the words of the person who wrote the file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from weatherd.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pydantic_core import ErrorDetails

_SHOULD_BE = {
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "dict_type": "a mapping (key: value)",
    "model_type": "a mapping (key: value)",
    "dataclass_type": "a city: {name: …, lat: …, lon: …}",
    "finite_number": "a finite number",
    "float_parsing": "a number",
    "float_type": "a number, without quotes",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "list_type": "a list",
    "path_type": "the name of a file",
    "string_type": "text; put it in quotes",
    "string_unicode": "UTF-8 text",
    "tuple_type": "a list",
    "string_too_short": "text that is not empty",
    "too_short": "a list that is not empty",
}
_WHOLE = ("model_type", "dataclass_type")  # a key may stand by itself where its block is expected
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
_PRIVATE = ("key", "password", "token", "secret", "dsn", "url")
_LONGEST = 40
_LONGEST_KEY = 24  # a longer one, or one that is no word, is rather a value that lost its colon


def explain_error(error: ErrorDetails, known: Iterable[str]) -> str:
    """Say what is wrong with one value; *known* are the keys that its mapping may have."""
    path = repr(".".join(_key(step) for step in error["loc"])) if error["loc"] else "this"
    context = error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden" | "unexpected_keyword_argument":
            return f"unknown key {path}{_meant(str(error['loc'][-1]), known)}"
        case "missing":
            return f"{path} is missing"
        case "value_error":
            return f"{path} {context['error']}"
        case "string_too_long":
            return f"{path} should be text of at most {context['max_length']} characters"
        case "literal_error":
            guess = did_you_mean(str(error["input"]), _quoted(context["expected"])) if _shown(error) else ""
            return f"{path} should be {context['expected']}{_shown(error)}{guess}"
        case kind if kind in _BOUNDS:
            bound, words = _BOUNDS[kind]
            return f"{path} should be {words} {context[bound]:,.10g}{_shown(error)}"
        case kind if kind in _SHOULD_BE:
            return f"{path} should be {_SHOULD_BE[kind]}{_shown(error)}"
    return f"{path}: {error['msg']}"


def quote_shortened(text: str) -> str:
    """Quote text of the user's, of any length, for a line that people read."""
    return repr(text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…")


def _key(step: int | str) -> str:
    return str(step) if re.fullmatch(rf"[\w-]{{0,{_LONGEST_KEY}}}", str(step)) else "…"


def _meant(key: str, known: Iterable[str]) -> str:
    return did_you_mean(re.split(r"[^\w-]", key)[0][:_LONGEST_KEY], known)


def _shown(error: ErrorDetails) -> str:
    """Show the value that was found, unless it may be a secret or is too long to help."""
    value: Any = error["input"]
    private = any(str(step).endswith(_PRIVATE) for step in error["loc"])
    if private or not isinstance(value, str | int | float | None):
        return ""
    if isinstance(value, str) and (error["type"] in _WHOLE or "://" in value or "@" in value):
        return ""
    text = {"True": "true", "False": "false", "None": "nothing"}.get(repr(value), repr(value))
    return f", not {text}" if len(text) <= _LONGEST else ""


def _quoted(expected: str) -> list[str]:
    return expected.split("'")[1::2]
