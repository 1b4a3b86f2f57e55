"""YAML in which every value knows its place, so that a complaint can name line and column.

Plain words are read as :mod:`weatherd.scalars` says. No text of the file is quoted in a complaint from here: a
password that begins with ``!`` or ``*`` is a tag or an alias to YAML.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from weatherd.config.yaml.builder import (
    LOADER,
    NO_CALLBACKS,
    Position,
    PositionedError,
    YamlMapping,
    YamlSequence,
    build_document,
)
from weatherd.errors import ConfigError, Problem

if TYPE_CHECKING:
    from pathlib import Path

    from weatherd.config.yaml.builder import ItemCallbacks

__all__ = [
    "BOM",
    "Position",
    "YamlMapping",
    "YamlSequence",
    "find_position",
    "format_position",
    "parse_yaml",
    "read_text",
]

BOM = "\ufeff"
_FORBIDDEN = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read_text(path: Path) -> str:
    """Return the text of a file; a ConfigError that names the file when it cannot be read."""
    try:
        return path.read_bytes().decode()
    except OSError as error:
        raise ConfigError(Problem(str(path), f"cannot be read: {error.strerror}")) from None
    except UnicodeDecodeError as error:
        before = error.object[: error.start].decode().removeprefix(BOM)
        raise ConfigError(Problem(format_position(str(path), _after(before)), "is not UTF-8 text")) from None


def parse_yaml(text: str, name: str, takers: ItemCallbacks = NO_CALLBACKS) -> Any:
    """Return the one document in *text*: Mapping, Sequence or scalar; None when there is nothing in it.

    *takers* are given the values of long lists, see :func:`weatherd.yamltree.build`. Raises ConfigError with *name*,
    line and column.
    """
    text = text.removeprefix(BOM)
    try:
        _check_characters(text)
        return build_document(yaml.parse(text, Loader=LOADER), takers)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        message = ", ".join(filter(None, (error.context, error.problem)))
        raise ConfigError(Problem(format_position(name, place), f"is not valid YAML: {message}")) from None
    except PositionedError as error:
        raise ConfigError(Problem(format_position(name, error.place), str(error))) from None


def format_position(name: str, place: Position) -> str:
    """Write a place as editors and terminals understand it: file:line:column."""
    return f"{name}:{place[0]}:{place[1]}"


def find_position(document: Any, path: tuple[str | int, ...], *, key: bool = False) -> Position:
    """Return the place of the value at *path* (of its key, if asked), or of the nearest node above it."""
    place: Position = getattr(document, "place", (1, 1))
    for number, step in enumerate(path, 1):
        try:
            if key and number == len(path):
                place = document.key_places[step]
            else:
                place, document = document.places[step], document[step]
        except (AttributeError, LookupError, TypeError):
            return place
    return place


def _check_characters(text: str) -> None:
    if bad := _FORBIDDEN.search(text):
        raise PositionedError("holds a character that YAML does not allow", _after(text[: bad.start()]))


def _after(text: str) -> Position:
    return text.count("\n") + 1, len(text) - text.rfind("\n")
