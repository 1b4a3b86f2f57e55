"""Values of plain YAML scalars by the YAML 1.2 core schema: ``no`` is a string, and ``1:30`` is not 90.

See https://yaml.org/spec/1.2.2/#103-core-schema
"""

from __future__ import annotations

import re

_WORDS: dict[str, bool | None] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys(("null", "Null", "NULL", "~", "")),
}
_NUMBER_STARTS = frozenset("+-.0123456789")
# Bound methods, and no capturing groups, because that halves the time for the half a million numbers of a long list
_is_int = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+").fullmatch
_is_float = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?").fullmatch
_is_infinite_or_nan = re.compile(r"[-+]?(?:\.inf|\.Inf|\.INF)|\.nan|\.NaN|\.NAN").fullmatch
_MAX_DIGITS = 40  # because Python rejects very long integers


def parse_scalar(text: str) -> str | int | float | bool | None:
    """Parse a scalar without quotes. Raises ValueError for an integer of more than 40 characters."""
    if text[:1] not in _NUMBER_STARTS:
        return _WORDS.get(text, text)
    if _is_int(text):
        if len(text) > _MAX_DIGITS:
            raise ValueError("the number is too long")
        return int(text, 0 if text[:2] in ("0o", "0x") else 10)
    if _is_float(text):
        return float(text)
    if _is_infinite_or_nan(text):
        return float(text.lower().replace(".", ""))
    return text
