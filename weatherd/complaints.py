"""pydantic's findings in the words of the person who wrote the file."""

from __future__ import annotations

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
    "dataclass_type": "a mapping (key: value)",
    "finite_number": "a finite number",
    "float_parsing": "a number",
    "float_type": "a number, without quotes",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "int_type": "a whole number",
    "list_type": "a list",
    "path_type": "the name of a file",
    "string_type": "text; put it in quotes",
    "tuple_type": "a list",
    "string_too_short": "text that is not empty",
}
_BOUNDS = {
    "greater_than": ("gt", "more than"),
    "greater_than_equal": ("ge", "at least"),
    "less_than": ("lt", "less than"),
    "less_than_equal": ("le", "at most"),
}
_PRIVATE = ("key", "password", "token", "secret", "dsn", "url")
_LONGEST = 40


def complain(error: ErrorDetails, known: Iterable[str]) -> str:
    """Say what is wrong with one value; *known* are the keys that its mapping may have."""
    path = ".".join(str(step) for step in error["loc"]) or "this"
    context = error.get("ctx", {})
    match error["type"]:
        case "extra_forbidden" | "unexpected_keyword_argument":
            return f"unknown key {path!r}{did_you_mean(str(error['loc'][-1]), known)}"
        case "missing":
            return f"{path!r} is missing"
        case "value_error":
            return f"{path!r} {context['error']}"
        case "literal_error":
            guess = did_you_mean(str(error["input"]), _quoted(context["expected"]))
            return f"{path!r} should be {context['expected']}{_shown(error)}{guess}"
        case kind if kind in _BOUNDS:
            bound, words = _BOUNDS[kind]
            return f"{path!r} should be {words} {context[bound]:g}{_shown(error)}"
        case kind if kind in _SHOULD_BE:
            return f"{path!r} should be {_SHOULD_BE[kind]}{_shown(error)}"
    return f"{path!r}: {error['msg']}"


def _shown(error: ErrorDetails) -> str:
    """Show the value that was found, unless it may be a secret or is too long to help."""
    value: Any = error["input"]
    private = any(str(step).endswith(_PRIVATE) for step in error["loc"])
    if private or not isinstance(value, str | int | float | None):
        return ""
    text = {"True": "true", "False": "false", "None": "nothing"}.get(repr(value), repr(value))
    return f", not {text}" if len(text) <= _LONGEST else ""


def _quoted(expected: str) -> list[str]:
    return expected.split("'")[1::2]
