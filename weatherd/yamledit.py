"""Edits of a YAML list that leave every other character of the file as it was: comments, order, quotes.

A library that loads and dumps again moves comments and re-indents; here a row is cut out of the text or put into
it, and the result is parsed and compared before anything is written.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from weatherd.errors import ConfigError, Problem
from weatherd.yamlfile import parse

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(frozen=True, slots=True)
class _List:
    """Where a list stands in its text: character offsets from the start."""

    start: int  # its first character, or just behind the colon of a key without a value
    end: int  # behind its last character
    flow: bool
    items: list[tuple[int, int]]  # of each item's own text, without the dash


def append_row(text: str, key: str, row: dict[str, Any], name: str) -> str:
    """Return *text* with *row* as the last item of the list under *key*; a missing list is begun.

    Raises ConfigError when the layout of the file does not allow it.
    """
    document = parse(text, name) or {}
    line = yaml.safe_dump(row, default_flow_style=True, allow_unicode=True, sort_keys=False, width=10**6).strip()
    newline = "\r\n" if "\r\n" in text else "\n"
    if key not in document:
        gap = "" if not text or text.endswith("\n") else newline
        edited = f"{text}{gap}{key}:{newline}  - {line}{newline}"
    else:
        edited = _insert(text, _find(text, key), line, newline)
    return _verified(edited, key, [*(document.get(key) or []), row], name)


def remove_row(text: str, key: str, index: int, name: str) -> str:
    """Return *text* without the item *index* of the list under *key*; its own line goes, comments above stay.

    Raises ConfigError when the layout of the file does not allow it.
    """
    rows = list(parse(text, name)[key])
    found = _find(text, key)
    start, end = found.items[index]
    if found.flow and len(rows) > 1:
        start, end = (start, found.items[index + 1][0]) if index == 0 else (found.items[index - 1][1], end)
    elif not found.flow:
        start = text.rfind("\n", 0, text.rfind("-", 0, start)) + 1
        end = text.find("\n", end) + 1 or len(text)
    edited = text[:start] + text[end:]
    if len(rows) == 1 and not found.flow:
        colon = text.rindex(":", 0, start) + 1
        edited = edited[:colon] + " []" + edited[colon:]
    del rows[index]
    return _verified(edited, key, rows, name)


def write(path: Path, text: str) -> None:
    """Replace a file's text in one step, with its mode kept; a reader sees the old text or the new one."""
    path = path.resolve()
    with tempfile.NamedTemporaryFile("wb", dir=path.parent, prefix=f".{path.name}.", delete=False) as new:
        new.write(text.encode())
        new.flush()
        os.fsync(new.fileno())
    try:
        with contextlib.suppress(FileNotFoundError):
            shutil.copymode(path, new.name)
        Path(new.name).replace(path)
    except OSError:  # a file that is mounted by itself into a container cannot be replaced
        path.write_bytes(text.encode())
        Path(new.name).unlink()


def _insert(text: str, found: _List, line: str, newline: str) -> str:
    if found.flow and found.items:
        end = found.items[-1][1]
        return f"{text[:end]}, {line}{text[end:]}"
    if not found.items:
        return f"{text[: found.start].rstrip()}{newline}  - {line}{text[found.end :]}"
    start, end = found.items[-1]
    dash = text.rfind("-", 0, start)
    indent = text[text.rfind("\n", 0, dash) + 1 : dash]
    after = text.find("\n", end) + 1
    gap, after = ("", after) if after else (newline, len(text))
    return f"{text[:after]}{gap}{indent}- {line}{newline}{text[after:]}"


def _find(text: str, key: str) -> _List:
    document: Any = yaml.compose(text, Loader=_Loader)  # parse() has seen it: it is not nested deep
    name, node = next((name, node) for name, node in document.value if name.value == key)
    if not isinstance(node, yaml.SequenceNode):
        colon = text.index(":", name.end_mark.index) + 1
        return _List(colon, colon, flow=False, items=[])
    items = [(item.start_mark.index, _end(item)) for item in node.value]
    return _List(node.start_mark.index, node.end_mark.index, flow=bool(node.flow_style), items=items)


def _end(node: yaml.Node) -> int:
    """Return where a node's own text ends: a block's end mark stands behind the comments that follow it."""
    if isinstance(node, yaml.CollectionNode) and not node.flow_style and node.value:
        last = node.value[-1]
        return _end(last[1] if isinstance(node, yaml.MappingNode) else last)
    is_block_text = isinstance(node, yaml.ScalarNode) and node.style in ("|", ">")
    return int(node.end_mark.index) - is_block_text


def _verified(edited: str, key: str, rows: list[Any], name: str) -> str:
    with contextlib.suppress(ConfigError):
        if parse(edited, name).get(key) == rows:
            return edited
    raise ConfigError(Problem(name, f"the list under {key!r} is laid out in a way that cannot be edited for you"))
