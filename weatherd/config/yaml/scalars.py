"""Plain words of YAML as values, by the 1.2 core schema: ``no`` is a word and ``1:30`` is not ninety.

See https://yaml.org/spec/1.2.2/#103-core-schema
"""

from __future__ import annotations

import re

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("null", "Null", "NULL", "~", "")),
}
_BEGIN_NUMBERS = frozenset("+-.0123456789")
# A list has half a million numbers: groups that capture, and re's own lookup of the method, would double the time.
_is_int = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+").fullmatch
_is_float = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?").fullmatch
_is_no_number = re.compile(r"[-+]?(?:\.inf|\.Inf|\.INF)|\.nan|\.NaN|\.NAN").fullmatch
_LONGEST = 40  # digits; Python refuses to read very long ones


def parse_scalar(text: str) -> str | int | float | bool | None:
    """Return the value of a word without quotes; ValueError for a number that is too long."""
    if text[:1] not in _BEGIN_NUMBERS:
        return _WORDS.get(text, text)
    if _is_int(text):
        if len(text) > _LONGEST:
            raise ValueError("the number is too long")
        return int(text, 0 if text[:2] in ("0o", "0x") else 10)
    if _is_float(text):
        return float(text)
    if _is_no_number(text):
        return float(text.lower().replace(".", ""))
    return text
