"""Messages for pydantic's validation errors, worded for the author of the file."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from weatherd.text.suggestions import did_you_mean

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
# Text in place of a section is not shown, because it may be a secret whose key is missing
_SECTION_TYPES = ("model_type", "dataclass_type", "dict_type")
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
_PRIVATE = ("key", "password", "token", "secret", "dsn", "url")
MERGE_KEY = "<<"
_MAX_TEXT = 40  # characters of a value that are shown
_MAX_KEY = 24  # characters; a longer or unusual key is not shown, because it may be a secret without its colon


def explain_error(error: ErrorDetails, known: Iterable[str]) -> str:
    """Return a message about one value that names its key; *known* are the keys that its mapping accepts.

    Secrets, and addresses that may contain a password, are not shown.
    """
    path = repr(".".join(_format_key(step) for step in error["loc"])) if error["loc"] else "this"
    context = error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden" | "unexpected_keyword_argument":
            key = str(error["loc"][-1])
            hint = explain_yaml_key(key) or _hint(key, known) or _list_plugins(error["loc"], known)
            return f"unknown key {path if key != MERGE_KEY else repr(key)}{hint}"
        case "missing":
            return f"{path} is missing"
        case "value_error":
            return f"{path} {context['error']}"
        case "string_too_long":
            return f"{path} should be text of at most {context['max_length']} characters"
        case "literal_error":
            found = _format_input(error)
            hint = did_you_mean(str(error["input"]), context["expected"].split("'")[1::2]) if found else ""
            return f"{path} should be {context['expected']}{found}{hint}"
        case kind if kind in _BOUNDS:
            bound, comparison = _BOUNDS[kind]
            return f"{path} should be {comparison} {context[bound]:,.10g}{_format_input(error)}"
        case kind if kind in _SHOULD_BE:
            return f"{path} should be {_SHOULD_BE[kind]}{_format_input(error)}"
    return f"{path}: {error['msg']}"


def explain_yaml_key(key: str) -> str:
    """Return a hint for a key that other programs treat in a special way, or ""."""
    if key == MERGE_KEY:
        return "; merge keys (<<) are not read: write out the keys, or use the general settings in weatherd.yaml"
    if key.startswith("x-"):
        return "; keys that begin with x- are not ignored: put an anchor (&) at the first value that it stands for"
    return ""


def quote_shortened(text: str) -> str:
    """Quote text from a file for a message, truncated to 40 characters."""
    return repr(text if len(text) <= _MAX_TEXT else f"{text[: _MAX_TEXT - 1]}…")


def _format_key(step: int | str) -> str:
    return str(step) if re.fullmatch(rf"[\w-]{{0,{_MAX_KEY}}}", str(step)) else "…"


def _hint(key: str, known: Iterable[str]) -> str:
    """Return a hint. Only the first word of the key is compared, because the rest may be a value without its colon."""
    return did_you_mean(re.split(r"[^\w-]", key)[0][:_MAX_KEY], known)


def _format_input(error: ErrorDetails) -> str:
    """Return ``, not VALUE``, or "" if the value may be a secret or is too long to be useful."""
    value: Any = error["input"]
    private = any(str(step).endswith(_PRIVATE) for step in error["loc"])
    if private or not isinstance(value, str | int | float | None):
        return ""
    if isinstance(value, str) and (error["type"] in _SECTION_TYPES or "://" in value or "@" in value):
        return ""
    text = {"True": "true", "False": "false", "None": "nothing"}.get(repr(value), repr(value))
    return f", not {text}" if len(text) <= _MAX_TEXT else ""


def _list_plugins(path: tuple[int | str, ...], installed: Iterable[str]) -> str:
    if path[:-1] != ("plugins",):
        return ""
    return f"; installed plug-ins that take settings here: {', '.join(sorted(installed)) or 'none'}"
