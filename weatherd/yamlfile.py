"""YAML in which every value knows its place, so that a complaint can name line and column.

Plain scalars are read by the YAML 1.2 core schema: ``no`` is a word and ``1:30`` is not ninety.
See https://yaml.org/spec/1.2.2/#103-core-schema
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from weatherd.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C one is 20 times faster, and not everywhere

_DEEPEST = 50
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}
_INT = re.compile(r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.inf|\.nan", re.IGNORECASE)

Place = tuple[int, int]  # line and column, from 1


class Mapping(dict[str, Any]):
    """A mapping that knows where it and each of its keys and values stand."""

    __slots__ = ("key_places", "place", "places")

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.key_places: dict[str, Place] = {}
        self.places: dict[str, Place] = {}


class Sequence(list[Any]):
    """A sequence that knows where it and each of its values stand."""

    __slots__ = ("place", "places")

    def __init__(self, place: Place) -> None:
        super().__init__()
        self.place = place
        self.places: list[Place] = []


def read(path: Path) -> str:
    """Return the text of a file; a ConfigError that names the file when it cannot be read."""
    try:
        return path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(Problem(str(path), f"cannot be read: {error.strerror}")) from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        column = error.start - error.object.rfind(b"\n", 0, error.start)
        raise ConfigError(Problem(f"{path}:{line}:{column}", "is not UTF-8 text")) from None


def parse(text: str, name: str) -> Any:
    """Return the one document in *text*: Mapping, Sequence or scalar; None when there is nothing in it.

    Raises ConfigError with *name*, line and column.
    """
    try:
        return _build(yaml.parse(text, Loader=_Loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        message = ", ".join(filter(None, (error.context, error.problem)))
        raise ConfigError(Problem(where(name, place), f"is not valid YAML: {message}")) from None
    except yaml.reader.ReaderError as error:
        before = text[: error.position]
        place = (before.count("\n") + 1, len(before) - before.rfind("\n"))
        raise ConfigError(Problem(where(name, place), "holds a character that YAML does not allow")) from None
    except _Misplaced as error:
        raise ConfigError(Problem(where(name, error.place), str(error))) from None


def where(name: str, place: Place) -> str:
    """Write a place as editors and terminals understand it: file:line:column."""
    return f"{name}:{place[0]}:{place[1]}"


def locate(document: Any, path: tuple[str | int, ...], *, key: bool = False) -> Place:
    """Return the place of the value at *path* (of its key, if asked), or of the nearest node above it."""
    place: Place = getattr(document, "place", (1, 1))
    for step in path:
        try:
            at_key = document.key_places[step] if key else place
            place, document = document.places[step], document[step]
        except (AttributeError, LookupError, TypeError):
            return place
        if key and step is path[-1]:
            return at_key
    return place


class _Misplaced(Exception):  # noqa: N818 - it never leaves this file
    def __init__(self, message: str, place: Place) -> None:
        super().__init__(message)
        self.place = place


def _build(events: Iterator[yaml.Event]) -> Any:
    """Put the document together without recursion: a hostile file may be nested a million deep."""
    top = Sequence((1, 1))
    open_nodes: list[tuple[Mapping | Sequence, str | None]] = [(top, None)]
    anchors: dict[str, Any] = {}
    keys: list[str | None] = [None]  # for each open mapping, the key whose value comes next
    for event in events:
        mark: Any = event.start_mark  # the parser always sets it
        place = (mark.line + 1, mark.column + 1)
        match event:
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                if len(open_nodes) > _DEEPEST:
                    raise _Misplaced(f"is nested more than {_DEEPEST} deep", place)
                kind = Mapping if isinstance(event, yaml.MappingStartEvent) else Sequence
                open_nodes.append((kind(place), event.anchor))
                keys.append(None)
                continue
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                value, anchor = open_nodes.pop()
                keys.pop()
                place = value.place
            case yaml.ScalarEvent():
                value, anchor = _scalar(event, place), event.anchor
            case yaml.AliasEvent():
                if event.anchor not in anchors:
                    raise _Misplaced(f"refers to '*{event.anchor}', which is not defined before", place)
                value, anchor = anchors[event.anchor], None
            case _:
                continue
        if anchor:
            anchors[anchor] = value
        keys[-1] = _attach(open_nodes[-1][0], keys[-1], value, event, place)
    if len(top) > 1:
        raise _Misplaced("holds a second document (after '---'); one is expected", top.places[1])
    return top[0] if top else None


def _attach(parent: Mapping | Sequence, key: str | None, value: Any, event: yaml.Event, place: Place) -> str | None:
    """Add a finished value to its parent; the return is the key that then waits for its value."""
    if isinstance(parent, Sequence):
        parent.append(value)
        parent.places.append(place)
        return None
    if key is None:
        if not isinstance(event, yaml.ScalarEvent):
            raise _Misplaced("a key must be a word", place)
        if event.value in parent:
            first = parent.key_places[event.value][0]
            raise _Misplaced(f"the key {event.value!r} stands here twice; first at line {first}", place)
        parent.key_places[event.value] = place
        return str(event.value)
    parent[key] = value
    parent.places[key] = place
    return None


def _scalar(event: yaml.ScalarEvent, place: Place) -> Any:
    text: str = event.value
    if event.tag not in (None, "!", "tag:yaml.org,2002:str"):
        raise _Misplaced(f"the tag {event.tag!r} is not supported here", place)
    if event.style or event.tag:  # quoted, or a block of text
        return text
    if (word := text if text == "~" else text.lower()) in _WORDS and text in (
        word,
        word.title(),
        word.upper(),
    ):
        return _WORDS[word]
    if _INT.fullmatch(text):
        if len(text) > 40:  # noqa: PLR2004 - Python refuses to read very long ones
            raise _Misplaced("the number is too long", place)
        return int(text, 0 if text[:2] in ("0o", "0x") else 10)
    if _FLOAT.fullmatch(text):
        return float(text.lower().replace(".inf", "inf").replace(".nan", "nan"))
    return text
