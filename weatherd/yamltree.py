"""The events of a YAML parser put together as values that know their places."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import yaml

from weatherd.scalars import plain

if TYPE_CHECKING:
    from collections.abc import Iterator

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C one is 20 times faster, and not everywhere

_DEEPEST = 50
_MOST_ALIASED = 100_000  # values that aliases may repeat: ten aliases of ten aliases of … fill any memory
_TAGS = (None, "!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")

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


class MisplacedError(Exception):
    """What is wrong with the document, and where."""

    def __init__(self, message: str, place: Place) -> None:
        super().__init__(message)
        self.place = place


class _Anchors:
    """What aliases may refer to, and how much they have repeated."""

    def __init__(self) -> None:
        self.count = 0  # of values so far, those that aliases repeat included
        self._named: dict[str, tuple[Any, int]] = {}
        self._aliased = 0

    def define(self, name: str | None, value: Any, size: int) -> None:
        if name:
            self._named[name] = (value, size)

    def resolve(self, name: str | None, place: Place) -> Any:
        if name is None or name not in self._named:
            raise MisplacedError(
                "begins with '*', which makes it an alias of an '&' that is not before it; put the text in quotes",
                place,
            )
        value, size = self._named[name]
        self._aliased += size
        self.count += size
        if self._aliased > _MOST_ALIASED:
            raise MisplacedError("repeats too much by aliases", place)
        return value


def build(events: Iterator[yaml.Event]) -> Any:
    """Put the document together; more than 50 levels are refused, before anything recurses into them."""
    top = Sequence((1, 1))
    open_nodes: list[tuple[Mapping | Sequence, str | None, int]] = [(top, None, 0)]
    keys: list[str | None] = [None]  # for each open node, the key whose value comes next
    anchors = _Anchors()
    for event in events:
        mark: Any = event.start_mark  # the parser always sets it
        place = (mark.line + 1, mark.column + 1)
        match event:
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                _check_tag(event, place)
                if len(open_nodes) > _DEEPEST:
                    raise MisplacedError(f"is nested more than {_DEEPEST} deep", place)
                kind = Mapping if isinstance(event, yaml.MappingStartEvent) else Sequence
                open_nodes.append((kind(place), event.anchor, anchors.count))
                keys.append(None)
                continue
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                value, anchor, before = open_nodes.pop()
                anchors.count += 1
                anchors.define(anchor, value, anchors.count - before)
                keys.pop()
                place = value.place
            case yaml.ScalarEvent():
                value = _scalar(event, place)
                anchors.count += 1
                anchors.define(event.anchor, value, 1)
            case yaml.AliasEvent():
                value = anchors.resolve(event.anchor, place)
            case _:
                continue
        keys[-1] = _attach(open_nodes[-1][0], keys[-1], value, event, place)
    if len(top) > 1:
        raise MisplacedError("holds a second document (after '---'); one is expected", top.places[1])
    return top[0] if top else None


def _attach(parent: Mapping | Sequence, key: str | None, value: Any, event: yaml.Event, place: Place) -> str | None:
    """Add a finished value to its parent; the return is the key that then waits for its value."""
    if isinstance(parent, Sequence):
        parent.append(value)
        parent.places.append(place)
        return None
    if key is None:
        if not isinstance(event, yaml.ScalarEvent):
            raise MisplacedError("a key must be a word", place)
        if event.value in parent:
            first = parent.key_places[event.value][0]
            raise MisplacedError(f"the key stands here twice; first at line {first}", place)
        parent.key_places[event.value] = place
        return str(event.value)
    parent[key] = value
    parent.places[key] = place
    return None


def _scalar(event: yaml.ScalarEvent, place: Place) -> Any:
    _check_tag(event, place)
    if event.style or event.tag:  # quoted, or a block of text
        return event.value
    try:
        return plain(event.value)
    except ValueError as error:
        raise MisplacedError(str(error), place) from None


def _check_tag(event: Any, place: Place) -> None:
    if event.tag not in _TAGS:
        raise MisplacedError("begins with '!', which makes it a tag; put the text in quotes", place)
