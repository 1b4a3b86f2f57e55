"""The events of a YAML parser put together as values that know their places."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import yaml
from yaml import AliasEvent, MappingEndEvent, MappingStartEvent, ScalarEvent, SequenceEndEvent, SequenceStartEvent

from weatherd.config.yaml.scalars import parse_scalar

if TYPE_CHECKING:
    import collections.abc
    from collections.abc import Callable, Iterator

    ItemCallback = Callable[[Any, "Position"], None]  # is given a value, and where it stands
    ItemCallbacks = collections.abc.Mapping[str, ItemCallback]

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C one is 20 times faster, and not everywhere

_DEEPEST = 50
_MOST_ALIASED = 100_000  # values that aliases may repeat: ten aliases of ten aliases of … fill any memory
_TAGS = (None, "!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
_NODES = (ScalarEvent, AliasEvent, MappingStartEvent, SequenceStartEvent)  # what a node begins with

Position = tuple[int, int]  # line and column, from 1
NO_CALLBACKS: ItemCallbacks = MappingProxyType({})


class YamlMapping(dict[str, Any]):
    """A mapping that knows where it and each of its keys and values stand.

    It keeps the parser's marks: nobody asks for the places of most.
    """

    __slots__ = ("key_marks", "marks", "place")

    def __init__(self, place: Position) -> None:
        self.place = place
        self.key_marks: dict[str, Any] = {}
        self.marks: dict[str, Any] = {}

    @property
    def places(self) -> dict[str, Position]:
        """Where its values stand."""
        return {key: _place(mark) for key, mark in self.marks.items()}

    @property
    def key_places(self) -> dict[str, Position]:
        """Where its keys stand."""
        return {key: _place(mark) for key, mark in self.key_marks.items()}


class YamlSequence(list[Any]):
    """A sequence that knows where it and each of its values stand."""

    __slots__ = ("place", "places")

    def __init__(self, place: Position) -> None:
        self.place = place
        self.places: list[Position] = []

    def take(self, value: Any, place: Position) -> None:
        """Add a value."""
        self.append(value)
        self.places.append(place)


class PositionedError(Exception):
    """What is wrong with the document, and where."""

    def __init__(self, message: str, place: Position) -> None:
        super().__init__(message)
        self.place = place


def build_document(events: Iterator[yaml.Event], takers: ItemCallbacks = NO_CALLBACKS) -> Any:
    """Put the document together; more than 50 levels are refused, before anything recurses into them.

    A list under one of the document's own keys is given to the taker of that key, if there is one, and stays empty: a
    value at a time, each as soon as it is complete, so that they never are in memory all at once. What is wrong with
    the document may turn up after values were given away.
    """
    top, tree = YamlSequence((1, 1)), _Tree(events, takers)
    for event in events:
        if isinstance(event, _NODES):
            top.take(tree.node(event), _place(event.start_mark))
    if len(top) > 1:
        raise PositionedError("holds a second document (after '---'); one is expected", top.places[1])
    return top[0] if top else None


class _Tree:
    """What is known of a document while it is being read: each method reads on to the end of a node."""

    def __init__(self, events: Iterator[yaml.Event], takers: ItemCallbacks) -> None:
        self._events: Iterator[Any] = events
        self._takers = takers
        self._depth = 0
        self._count = 0  # of values so far, those that aliases repeat included
        self._anchors = _Anchors()

    def node(self, event: Any, take: ItemCallback | None = None) -> Any:
        """Return the value that begins with *event*."""
        place, before = _place(event.start_mark), self._count
        if isinstance(event, AliasEvent):
            value, size = self._anchors.resolve(event.anchor, place)
            self._count += size
            return value
        if event.tag not in _TAGS:
            raise PositionedError("begins with '!', which makes it a tag; put the text in quotes", place)
        value = _word(event) if isinstance(event, ScalarEvent) else self._nested(event, place, take)
        self._count += 1
        if event.anchor is not None:
            self._anchors.define(event.anchor, value, self._count - before)
        return value

    def _nested(self, event: Any, place: Position, take: ItemCallback | None) -> YamlMapping | YamlSequence:
        if self._depth == _DEEPEST:
            raise PositionedError(f"is nested more than {_DEEPEST} deep", place)
        self._depth += 1
        try:
            return self._mapping(place) if isinstance(event, MappingStartEvent) else self._sequence(place, take)
        finally:
            self._depth -= 1

    def _mapping(self, place: Position) -> YamlMapping:
        """Read on to the end of a mapping. Simple words are nearly all of a long list: they are dealt with at once."""
        node, events = YamlMapping(place), self._events
        takers = self._takers if self._depth == 1 else NO_CALLBACKS
        for event in events:
            if type(event) is MappingEndEvent:
                break
            key, value = self._key(event, node), next(events)
            if type(value) is ScalarEvent and value.tag is None and value.anchor is None:
                node[key] = value.value if value.style else _plain(value)
                self._count += 1
            else:
                node[key] = self.node(value, takers.get(key))
            node.marks[key] = value.start_mark
        return node

    def _sequence(self, place: Position, take: ItemCallback | None) -> YamlSequence:
        node = YamlSequence(place)
        take = take or node.take
        for event in self._events:
            if type(event) is SequenceEndEvent:
                break
            take(self.node(event), _place(event.start_mark))
        return node

    def _key(self, event: Any, node: YamlMapping) -> str:
        if type(event) is ScalarEvent and event.tag is None and event.anchor is None:
            self._count += 1
        else:
            self.node(event)
            if type(event) is not ScalarEvent:
                raise PositionedError("a key must be a word", _place(event.start_mark))
        key: str = event.value
        first = node.key_marks.setdefault(key, event.start_mark)
        if first is not event.start_mark:
            said = f"the key stands here twice; first at line {_place(first)[0]}"
            raise PositionedError(said, _place(event.start_mark))
        return key


class _Anchors:
    """What aliases may refer to, and how much they have repeated."""

    def __init__(self) -> None:
        self._named: dict[str, tuple[Any, int]] = {}
        self._aliased = 0

    def define(self, name: str, value: Any, size: int) -> None:
        self._named[name] = (value, size)

    def resolve(self, name: str | None, place: Position) -> tuple[Any, int]:
        """Return a value, and of how many values it is made."""
        if name is None or name not in self._named:
            raise PositionedError(
                "begins with '*', which makes it an alias of an '&' that is not before it; put the text in quotes",
                place,
            )
        value, size = self._named[name]
        self._aliased += size
        if self._aliased > _MOST_ALIASED:
            raise PositionedError("repeats too much by aliases", place)
        return value, size


def _place(mark: Any) -> Position:
    return mark.line + 1, mark.column + 1


def _word(event: Any) -> Any:
    return event.value if event.style or event.tag else _plain(event)  # quoted, or a block of text


def _plain(event: Any) -> Any:
    try:
        return parse_scalar(event.value)
    except ValueError as error:
        raise PositionedError(str(error), _place(event.start_mark)) from None
