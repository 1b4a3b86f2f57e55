"""Construction of YAML documents from parser events, as values with their positions in the file."""

from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING, Any

import yaml
from yaml import AliasEvent, MappingEndEvent, MappingStartEvent, ScalarEvent, SequenceEndEvent, SequenceStartEvent

from weatherd.config.yaml.scalars import parse_scalar

if TYPE_CHECKING:
    import collections.abc
    from collections.abc import Callable, Iterator

    ItemCallback = Callable[[Any, "Position"], None]  # called with an item of a list and its position
    ItemCallbacks = collections.abc.Mapping[str, ItemCallback]

LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # the C parser is 20 times faster, but not part of every PyYAML

_MAX_DEPTH = 50
# Values that aliases may repeat, because nested aliases ("billion laughs") would fill the memory
_MAX_ALIASED = 100_000
_TAGS = (None, "!", "tag:yaml.org,2002:str", "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq")
_SCHEMA_TAGS = {"null", "bool", "int", "float", "binary", "timestamp", "omap", "pairs", "set", "merge"}
_NODES = (ScalarEvent, AliasEvent, MappingStartEvent, SequenceStartEvent)  # the events that start a node

Position = tuple[int, int]  # line and column, from 1
NO_CALLBACKS: ItemCallbacks = MappingProxyType({})


class YamlMapping(dict[str, Any]):
    """A mapping with its position and those of its keys and values.

    It keeps the parser's marks and converts them on demand, because only errors need positions.
    """

    __slots__ = ("key_marks", "marks", "position")

    def __init__(self, position: Position) -> None:
        self.position = position
        self.key_marks: dict[str, Any] = {}
        self.marks: dict[str, Any] = {}

    @property
    def value_positions(self) -> dict[str, Position]:
        """The position of each value, by its key."""
        return {key: _position(mark) for key, mark in self.marks.items()}

    @property
    def key_positions(self) -> dict[str, Position]:
        """The position of each key."""
        return {key: _position(mark) for key, mark in self.key_marks.items()}


class YamlSequence(list[Any]):
    """A sequence with its position and those of its values."""

    __slots__ = ("position", "value_positions")

    def __init__(self, position: Position) -> None:
        self.position = position
        self.value_positions: list[Position] = []

    def append_at(self, value: Any, position: Position) -> None:
        """Append a value with its position."""
        self.append(value)
        self.value_positions.append(position)


class PositionedError(Exception):
    """A problem with the document, and its position."""

    def __init__(self, message: str, position: Position) -> None:
        super().__init__(message)
        self.position = position


def build_document(events: Iterator[yaml.Event], on_item: ItemCallbacks = NO_CALLBACKS) -> Any:
    """Build the document. More than 50 levels are rejected, to limit the recursion.

    If *on_item* has a callback for a top-level key, the items of the list under that key are passed to the callback as
    soon as each is complete, and the list stays empty, so that 200,000 rows are never in memory at once. An error later
    in the document is therefore raised after callbacks have run. Raises PositionedError.
    """
    top, builder = YamlSequence((1, 1)), _Builder(events, on_item)
    for event in events:
        if isinstance(event, _NODES) and not _is_empty(event):  # as after a '---' at the end of the file
            top.append_at(builder.build_node(event), _position(event.start_mark))
    if len(top) > 1:
        raise PositionedError("contains a second document (after '---'); one is expected", top.value_positions[1])
    return top[0] if top else None


def _is_empty(event: yaml.Event) -> bool:
    """Return whether the event is the value of a document without text."""
    return isinstance(event, ScalarEvent) and not (event.value or event.style or event.anchor or event.tag)


def _explain_tag(tag: str) -> str:
    """Return a message that shows the tags of YAML's schemas only, because another text after ``!`` may be a secret."""
    name = tag.removeprefix("tag:yaml.org,2002:")
    if name in _SCHEMA_TAGS:
        return f"the tag !!{name} is not read; write the value without it"
    return "begins with '!', which makes it a tag; put the text in quotes"


class _Builder:
    """The state of a document during parsing. Each method consumes the events up to the end of a node."""

    def __init__(self, events: Iterator[yaml.Event], on_item: ItemCallbacks) -> None:
        self._events: Iterator[Any] = events
        self._on_item = on_item
        self._depth = 0
        self._count = 0  # values so far, including those that aliases repeat
        self._anchors = _Anchors()

    def build_node(self, event: Any, on_item: ItemCallback | None = None) -> Any:
        """Return the value that starts with *event*."""
        position, before = _position(event.start_mark), self._count
        if isinstance(event, AliasEvent):
            value, size = self._anchors.resolve(event.anchor, position)
            self._count += size
            return value
        if event.tag not in _TAGS:
            raise PositionedError(_explain_tag(event.tag), position)
        value = _scalar(event) if isinstance(event, ScalarEvent) else self._collection(event, position, on_item)
        self._count += 1
        if event.anchor is not None:
            self._anchors.define(event.anchor, value, self._count - before)
        return value

    def _collection(self, event: Any, position: Position, on_item: ItemCallback | None) -> YamlMapping | YamlSequence:
        if self._depth == _MAX_DEPTH:
            raise PositionedError(f"is nested more than {_MAX_DEPTH} levels deep", position)
        self._depth += 1
        try:
            return (
                self._mapping(position) if isinstance(event, MappingStartEvent) else self._sequence(position, on_item)
            )
        finally:
            self._depth -= 1

    def _mapping(self, position: Position) -> YamlMapping:
        """Build a mapping. Plain scalars, by far the most frequent values, are parsed inline, which is faster."""
        node, events = YamlMapping(position), self._events
        on_item = self._on_item if self._depth == 1 else NO_CALLBACKS
        for event in events:
            if type(event) is MappingEndEvent:
                break
            key, value = self._key(event, node), next(events)
            if type(value) is ScalarEvent and value.tag is None and value.anchor is None:
                try:
                    node[key] = value.value if value.style else parse_scalar(value.value)
                except ValueError as error:
                    raise PositionedError(str(error), _position(value.start_mark)) from None
                self._count += 1
            else:
                node[key] = self.build_node(value, on_item.get(key))
            node.marks[key] = value.start_mark
        return node

    def _sequence(self, position: Position, on_item: ItemCallback | None) -> YamlSequence:
        node = YamlSequence(position)
        on_item = on_item or node.append_at
        for event in self._events:
            if type(event) is SequenceEndEvent:
                break
            on_item(self.build_node(event), _position(event.start_mark))
        return node

    def _key(self, event: Any, node: YamlMapping) -> str:
        if type(event) is ScalarEvent and event.tag is None and event.anchor is None:
            self._count += 1
        else:
            self.build_node(event)
            if type(event) is not ScalarEvent:
                raise PositionedError("a key must be a plain word", _position(event.start_mark))
        key: str = event.value
        first = node.key_marks.setdefault(key, event.start_mark)
        if first is not event.start_mark:
            message = f"duplicate key; first defined at line {_position(first)[0]}"
            raise PositionedError(message, _position(event.start_mark))
        return key


class _Anchors:
    """The anchors of a document, and the number of values that aliases have repeated."""

    def __init__(self) -> None:
        self._named: dict[str, tuple[Any, int]] = {}
        self._aliased = 0

    def define(self, name: str, value: Any, size: int) -> None:
        self._named[name] = (value, size)

    def resolve(self, name: str | None, position: Position) -> tuple[Any, int]:
        """Return the anchored value and the number of values in it."""
        if name is None or name not in self._named:
            raise PositionedError(
                "begins with '*', which makes it an alias without a preceding '&' anchor; put the text in quotes",
                position,
            )
        value, size = self._named[name]
        self._aliased += size
        if self._aliased > _MAX_ALIASED:
            raise PositionedError("has too many YAML aliases", position)
        return value, size


def _position(mark: Any) -> Position:
    return mark.line + 1, mark.column + 1


def _scalar(event: Any) -> Any:
    if event.style or event.tag:  # a style means a quoted text or a block of text
        return event.value
    try:
        return parse_scalar(event.value)
    except ValueError as error:
        raise PositionedError(str(error), _position(event.start_mark)) from None
