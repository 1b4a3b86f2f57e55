"""Where a list stands in a YAML text, and each of its items."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_OPEN = (yaml.MappingStartEvent, yaml.SequenceStartEvent)
_CLOSE = (yaml.MappingEndEvent, yaml.SequenceEndEvent)


@dataclass(slots=True)
class Found:
    """A list: character offsets from the start of the text."""

    colon: int  # behind the colon of its key
    start: int = 0  # its first bracket or dash
    end: int = 0  # behind its last bracket
    flow: bool = False
    items: list[tuple[int, int]] = field(default_factory=list)  # of each item's own text, without the dash


def find(text: str, key: str) -> Found:
    """Return the list under *key*, one of the keys of the document; the text has been parsed and holds the key."""
    events: Any = yaml.parse(text, Loader=_Loader)
    depth, is_key = 0, True
    for event in events:
        if isinstance(event, _CLOSE):
            depth -= 1
        if depth == 1 and isinstance(event, yaml.NodeEvent):
            if is_key and isinstance(event, yaml.ScalarEvent) and event.value == key:
                end: Any = event.end_mark
                return _list(events, Found(text.index(":", end.index) + 1))
            is_key = not is_key
        if isinstance(event, _OPEN):
            depth += 1
    raise LookupError(key)


def _list(events: Any, found: Found) -> Found:
    """Follow the events of one value. A block's end mark stands behind the comments after it, so it is not used."""
    first = next(events)
    if not isinstance(first, yaml.SequenceStartEvent):
        return found
    begin: Any = first.start_mark
    found.start, found.flow = begin.index, bool(first.flow_style)
    depth = 0
    for event in events:
        closes = isinstance(event, _CLOSE)
        depth -= closes
        if depth < 0:
            found.end = event.end_mark.index
            break
        if depth == 0 and not closes:
            found.items.append((event.start_mark.index, 0))
        if not (closes and event.end_mark.index == event.start_mark.index):  # not the end of a block
            found.items[-1] = (found.items[-1][0], _end(event))
        depth += isinstance(event, _OPEN)
    return found


def _end(event: Any) -> int:
    """Return where the text of an event ends; the mark of a block of text stands behind its last line break."""
    index: int = event.end_mark.index
    return index - (isinstance(event, yaml.ScalarEvent) and event.style in ("|", ">"))


def column(text: str, offset: int) -> int:
    """Return how many characters of its line stand before *offset*."""
    return offset - text.rfind("\n", 0, offset) - 1


def dash_line(text: str, found: Found, start: int) -> int:
    """Return where the line begins that holds the dash of the item at *start*."""
    dash = re.compile(rf"^ {{{column(text, found.start)}}}-(?=\s|$)", re.MULTILINE)
    return max((match.start() for match in dash.finditer(text, 0, start + 1)), default=start)
