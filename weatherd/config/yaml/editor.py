"""Edits of a YAML list that leave every other character of the file as it was: comments, order, quotes.

A library that loads and dumps again moves comments and re-indents; here a row is cut out of the text or put into
it, and the result is parsed and compared before anything is written. :mod:`weatherd.yamllist` finds the places.
"""

from __future__ import annotations

import contextlib
import json
import re
from typing import TYPE_CHECKING, Any

from weatherd.config.yaml import yaml_list
from weatherd.config.yaml.reader import BOM, YamlMapping, parse_yaml
from weatherd.errors import ConfigError, Problem

if TYPE_CHECKING:
    from weatherd.config.yaml.yaml_list import ListLayout

_COMMA = re.compile(r"((?:\s|#[^\n]*)*),([ \t\r\n]*)")  # with what stands before and behind it


def append_row(text: str, key: str, row: dict[str, Any], name: str) -> str:
    """Return *text* with *row* as the last item of the list under *key*; a missing list is begun.

    Raises ConfigError when the layout of the file does not allow it.
    """
    bom, text = _split(text)
    document = _mapping(text, name)
    if key in document:
        edited = _insert(text, yaml_list.find_list(text, key), _flow(row))
    else:
        newline = _break(text, len(text))
        gap = "" if not text or text.endswith("\n") else newline
        edited = f"{text}{gap}{key}:{newline}  - {_flow(row)}{newline}"
    return bom + _verified(edited, key, [*(document.get(key) or []), row], name)


def remove_row(text: str, key: str, index: int, name: str) -> str:
    """Return *text* without the item *index* of the list under *key*; its own lines go, comments above stay.

    Raises ConfigError when the layout of the file does not allow it.
    """
    bom, text = _split(text)
    rows = list(_mapping(text, name)[key])
    found = yaml_list.find_list(text, key)
    edited = _cut_flow(text, found, index) if found.flow else _cut_block(text, found, index)
    del rows[index]
    return bom + _verified(edited, key, rows, name)


def _insert(text: str, found: ListLayout, line: str) -> str:
    if found.flow and found.items:
        end = found.items[-1][1]
        return f"{text[:end]}, {line}{text[end:]}"
    if text[found.colon : found.end] == " []":  # as _cut_block leaves it
        after = _line_end(text, found.end)
        return f"{text[: found.colon]}{text[found.end : after]}{_break(text, after)}  - {line}{text[after:]}"
    if found.flow:
        return f"{text[: found.start + 1]}{line}{text[found.start + 1 :]}"
    if not found.items:
        return f"{text[: found.colon]}{_break(text, found.colon)}  - {line}{text[found.colon :]}"
    start, end = found.items[-1]
    indent = " " * yaml_list.column(text, found.start)
    after = _line_end(text, max(start, end))
    return f"{text[:after]}{_break(text, after)}{indent}- {line}{text[after:]}"


def _break(text: str, at: int) -> str:
    """Return the line break that stands there, or at the end of a text the kind that is in it."""
    if at == len(text):
        return "\r\n" if "\r\n" in text else "\n"
    return "\r\n" if text.startswith("\r\n", at) else "\n"


def _line_end(text: str, start: int) -> int:
    """Return where the line of *start* ends, before its line break."""
    end = text.find("\n", start)
    return len(text) if end < 0 else end - text.startswith("\r", end - 1)


def _cut_block(text: str, found: ListLayout, index: int) -> str:
    """Cut out the lines of an item; an end of text without a line break stays one."""
    start, end = found.items[index]
    start, end = yaml_list.dash_line(text, found, start), text.find("\n", end) + 1
    if not end:
        start, end = len(text[:start].removesuffix("\n").removesuffix("\r")), len(text)
    edited = text[:start] + text[end:]
    return edited if len(found.items) > 1 else f"{edited[: found.colon]} []{edited[found.colon :]}"


def _cut_flow(text: str, found: ListLayout, index: int) -> str:
    """Cut out an item and the comma before it, or behind it for the first; comments between the items stay."""
    start, end = found.items[index]
    left, right = found.items[index - 1][1] if index else end, start if index else len(text)
    comma = _COMMA.match(text, left, right)
    if not comma:
        return text[:start] + text[end:]
    if not index:
        return text[:start] + comma[1] + text[comma.end() :]
    gap = "" if comma.end() == start else text[comma.end(1) + 1 : start]
    return text[:left] + comma[1] + gap + text[end:]


def _split(text: str) -> tuple[str, str]:
    return (BOM, text[1:]) if text.startswith(BOM) else ("", text)


def _mapping(text: str, name: str) -> YamlMapping:
    document = parse_yaml(text, name)
    if not isinstance(document, YamlMapping | None):
        raise ConfigError(Problem(name, "should hold keys: one 'key: value' a line"))
    return document if document is not None else YamlMapping((1, 1))


def _flow(value: Any) -> str:
    """Write a value on one line; text without quotes where that reads as the same text."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, str):
        with contextlib.suppress(ConfigError):
            if parse_yaml(f"[{value}]", "") == [value]:
                return value
    return json.dumps(value, ensure_ascii=False)


def _verified(edited: str, key: str, rows: list[Any], name: str) -> str:
    with contextlib.suppress(ConfigError):
        if repr(_mapping(edited, name).get(key)) == repr(rows):  # by their text, as nan is not nan
            return edited
    raise ConfigError(Problem(name, f"the list under {key!r} is laid out in a way that cannot be edited for you"))
