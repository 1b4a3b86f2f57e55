"""Edits of a YAML list that change nothing else in the file: comments, order and quotes are preserved.

A library that loads and dumps the document would move comments and change the indentation. Here a row is cut out of the
text or inserted into it, and the result is parsed and compared with the expected rows before it is returned. The check
makes editing text safe: a layout that this module does not support causes an error, never a damaged file.
"""

from __future__ import annotations

import contextlib
import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import yaml

from weatherd.config.yaml.builder import LOADER
from weatherd.config.yaml.reader import BOM, YamlMapping, parse_yaml
from weatherd.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

# With the white space and comments before it and the white space after it
_COMMA = re.compile(r"((?:\s|#[^\n]*)*),([ \t\r\n]*)")


@dataclass(frozen=True, slots=True)
class ListLayout:
    """The character offsets of a list and its items in a text.

    A block list, and a list in brackets (a flow list)::

        cities: # mine                       cities:  [ {name: Kiel} ,  {name: Ulm} ]
               ^ colon                              ^ colon                          ^ end
          - {name: Kiel} # home                       ^ start
          ^ start                                       ^----------^    ^---------^
            ^----------^ items[0]                         items[0]        items[1]
          - name: Ulm
            lat: 48.4
            ^-------^ items[1], from "name" to "48.4"

    An item does not include its dash and the comments after it. In a block list, ``end`` is not used.
    """

    colon: int  # after the colon of the key
    start: int  # of the opening bracket or the first dash
    end: int  # after the closing bracket
    flow: bool
    items: list[tuple[int, int]]  # start and end of each item


def append_rows(text: str, key: str, added: Sequence[dict[str, Any]], name: str) -> str:
    """Return *text*, the text of the file *name*, with the rows *added* appended to the list under *key*.

    A text without a document, or with the key alone, is an empty list. Raises ConfigError if there is no such list, or
    its layout cannot be edited.
    """
    bom, text = _split_bom(_create_list(text, key, name))
    rows, layout = _find_list(text, key, name)
    return bom + _verify(_insert(text, layout, [format_flow(row) for row in added]), key, [*rows, *added], name)


def _create_list(text: str, key: str, name: str) -> str:
    """Return *text* with an empty list under *key* if it has no document, or the key without a value."""
    document = parse_yaml(text, name)
    if document is None:
        line_break = "" if text.endswith("\n") or not text.removeprefix(BOM) else "\n"
        return f"{text}{line_break}{key}: []\n"
    if isinstance(document, YamlMapping) and document == {key: None}:
        return re.sub(
            rf"^({key}[ \t]*:)(?:[ \t]+(?:null|~))?(?=[ \t]*(#|\r|\n|$))", r"\1 []", text, count=1, flags=re.MULTILINE
        )
    return text


def remove_row(text: str, key: str, index: int, name: str) -> str:
    """Return *text*, the text of the file *name*, without item *index* of the list under *key*.

    The lines of the item are removed; comments above it stay. Raises ConfigError if there is no such list, or its
    layout cannot be edited.
    """
    bom, text = _split_bom(text)
    rows, layout = _find_list(text, key, name)
    edited = _cut_flow(text, layout, index) if layout.flow else _cut_block(text, layout, index)
    return bom + _verify(edited, key, rows[:index] + rows[index + 1 :], name)


def rename_row(text: str, key: str, index: int, fields: Mapping[str, str], name: str) -> str:
    """Return *text*, the text of the file *name*, with *fields* in place of the ``name`` of an item.

    The item is number *index* of the list under *key*. *fields* are the new name, and perhaps an id, which the row has
    not yet. Raises ConfigError if there is no such list or name, or its layout cannot be edited.
    """
    bom, text = _split_bom(text)
    rows, _ = _find_list(text, key, name)
    expected: dict[str, Any] = {}
    for field, value in rows[index].items():
        expected |= fields if field == "name" else {field: value}
    edited = _replace_name(text, _compose_list(text, key)[1].value[index], fields)
    return bom + _verify(edited, key, [*rows[:index], expected, *rows[index + 1 :]], name)


def _replace_name(text: str, item: yaml.MappingNode, fields: Mapping[str, str]) -> str:
    """Return *text* with *fields* in place of the key ``name``, and its value, of an item."""
    key_node, value_node = next(pair for pair in item.value if pair[0].value == "name")
    start, end = key_node.start_mark.index, _end(value_node)
    line_break = f"{_line_break(text, _line_end(text, end))}{' ' * _column(text, start)}"
    pairs = [f"{field}: {format_flow(value)}" for field, value in fields.items()]
    return text[:start] + (", " if item.flow_style else line_break).join(pairs) + text[end:]


def _split_bom(text: str) -> tuple[str, str]:
    return (BOM, text[1:]) if text.startswith(BOM) else ("", text)


def _find_list(text: str, key: str, name: str) -> tuple[list[Any], ListLayout]:
    rows = _read_rows(text, key, name)
    if rows is None:
        raise ConfigError(Problem(name, f"has no list under {key!r}"))
    key_node, node = _compose_list(text, key)
    colon = text.index(":", key_node.end_mark.index) + 1
    items = [(item.start_mark.index, _end(item)) for item in node.value]
    return rows, ListLayout(colon, node.start_mark.index, node.end_mark.index, bool(node.flow_style), items)


def _compose_list(text: str, key: str) -> tuple[Any, Any]:
    """Return the nodes of *key* and its list."""
    document = next(node for node in yaml.compose_all(text, Loader=LOADER) if isinstance(node, yaml.MappingNode))
    key_node, list_node = next(pair for pair in document.value if pair[0].value == key)
    return key_node, list_node


def _read_rows(text: str, key: str, name: str) -> list[Any] | None:
    document = parse_yaml(text, name)
    rows = document.get(key) if isinstance(document, YamlMapping) else None
    return rows if isinstance(rows, list) else None


def _end(node: Any) -> int:
    """Return the end of a node's text. The end mark of a block cannot be used, because it follows later comments."""
    if isinstance(node, yaml.ScalarNode):
        return int(node.end_mark.index) - (node.style in ("|", ">"))
    if node.flow_style or not node.value:
        return int(node.end_mark.index)
    last = node.value[-1]
    return _end(last[1] if isinstance(last, tuple) else last)


def _insert(text: str, layout: ListLayout, rows: Sequence[str]) -> str:
    row = ", ".join(rows)
    if layout.flow and layout.items:
        end = layout.items[-1][1]
        return f"{text[:end]}, {row}{text[end:]}"
    if text[layout.colon : layout.end] == " []":  # as _cut_block leaves it
        after = _line_end(text, layout.end)
        lines = "".join(f"{_line_break(text, after)}  - {row}" for row in rows)
        return f"{text[: layout.colon]}{text[layout.end : after]}{lines}{text[after:]}"
    if layout.flow:
        return f"{text[: layout.start + 1]}{row}{text[layout.start + 1 :]}"
    start, end = layout.items[-1]
    indent = " " * _column(text, layout.start)
    after = _line_end(text, max(start, end))  # an empty item ends before it starts
    lines = "".join(f"{_line_break(text, after)}{indent}- {row}" for row in rows)
    return f"{text[:after]}{lines}{text[after:]}"


def _cut_block(text: str, layout: ListLayout, index: int) -> str:
    """Remove the lines of an item. A text without a final line break still has none afterwards."""
    start, end = layout.items[index]
    start, end = _dash_line(text, layout, start), text.find("\n", end) + 1
    if not end:
        start, end = len(text[:start].removesuffix("\n").removesuffix("\r")), len(text)
    edited = text[:start] + text[end:]
    return edited if len(layout.items) > 1 else f"{edited[: layout.colon]} []{edited[layout.colon :]}"


def _cut_flow(text: str, layout: ListLayout, index: int) -> str:
    """Remove an item and the comma before it (for the first item, after it). Comments between items stay."""
    start, end = layout.items[index]
    left, right = layout.items[index - 1][1] if index else end, start if index else len(text)
    comma = _COMMA.match(text, left, right)
    if not comma:
        return text[:start] + text[end:]
    if not index:
        return text[:start] + comma[1] + text[comma.end() :]
    gap = "" if comma.end() == start else text[comma.end(1) + 1 : start]
    return text[:left] + comma[1] + gap + text[end:]


def _column(text: str, offset: int) -> int:
    return offset - text.rfind("\n", 0, offset) - 1


def _dash_line(text: str, layout: ListLayout, start: int) -> int:
    """Return the start of the line with the dash of the item at *start*, which may be several lines above it."""
    dash = re.compile(rf"^ {{{_column(text, layout.start)}}}-(?=\s|$)", re.MULTILINE)
    return max((match.start() for match in dash.finditer(text, 0, start + 1)), default=start)


def _line_break(text: str, offset: int) -> str:
    """Return the line break at *offset*; at the end of the text, the kind of line break used elsewhere in it."""
    if offset == len(text):
        return "\r\n" if "\r\n" in text else "\n"
    return "\r\n" if text.startswith("\r\n", offset) else "\n"


def _line_end(text: str, start: int) -> int:
    """Return the end of the line that contains *start*, before its line break."""
    end = text.find("\n", start)
    return len(text) if end < 0 else end - text.startswith("\r", end - 1)


def format_flow(value: Any) -> str:
    """Format a value on one line. Text is quoted only if it would otherwise parse differently."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {format_flow(item)}" for key, item in value.items()) + "}"
    if isinstance(value, str):
        with contextlib.suppress(ConfigError):
            if parse_yaml(f"[{value}]", "") == [value]:
                return value
    return json.dumps(value, ensure_ascii=False)


def _verify(edited: str, key: str, rows: list[Any], name: str) -> str:
    """Return *edited* if it parses to *rows*. They are compared as text, because nan is not equal to nan."""
    with contextlib.suppress(ConfigError):
        if repr(_read_rows(edited, key, name)) == repr(rows):
            return edited
    raise ConfigError(Problem(name, f"the list under {key!r} has a layout that cannot be edited automatically"))
