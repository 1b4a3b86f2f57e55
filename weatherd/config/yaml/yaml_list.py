"""Where a list stands in a YAML text, and each of its items."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from weatherd.config.yaml.builder import LOADER


@dataclass(slots=True)
class ListLayout:
    """A list: character offsets from the start of the text."""

    colon: int  # behind the colon of its key
    start: int = 0  # its first bracket or dash
    end: int = 0  # behind its last bracket
    flow: bool = False
    items: list[tuple[int, int]] = field(default_factory=list)  # of each item's own text, without the dash


def find_list(text: str, key: str) -> ListLayout:
    """Return the list under *key*, one of the keys of the document; the text has been parsed and holds the key."""
    document: Any = yaml.compose(text, Loader=LOADER)
    name, node = next(pair for pair in document.value if pair[0].value == key)
    colon = text.index(":", name.end_mark.index) + 1
    if not isinstance(node, yaml.SequenceNode):
        return ListLayout(colon)
    items = [(item.start_mark.index, _end(item)) for item in node.value]
    return ListLayout(colon, node.start_mark.index, node.end_mark.index, bool(node.flow_style), items)


def _end(node: Any) -> int:
    """Return where a node's own text ends: the mark of a block stands behind the comments after it."""
    if isinstance(node, yaml.ScalarNode):
        return int(node.end_mark.index) - (node.style in ("|", ">"))
    if node.flow_style or not node.value:
        return int(node.end_mark.index)
    last = node.value[-1]
    return _end(last[1] if isinstance(last, tuple) else last)


def column(text: str, offset: int) -> int:
    """Return how many characters of its line stand before *offset*."""
    return offset - text.rfind("\n", 0, offset) - 1


def dash_line(text: str, found: ListLayout, start: int) -> int:
    """Return where the line begins that holds the dash of the item at *start*."""
    dash = re.compile(rf"^ {{{column(text, found.start)}}}-(?=\s|$)", re.MULTILINE)
    return max((match.start() for match in dash.finditer(text, 0, start + 1)), default=start)
