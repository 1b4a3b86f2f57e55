"""A strict YAML 1.2 reader that records the position of every value, so that errors can name line and column.

Errors never quote the text of the file: a password that begins with ``!`` or ``*`` is a tag or an alias in YAML, and
an error about it would show the password.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import yaml

from weatherd.config.paths import read_regular_file
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
_GZIP = b"\x1f\x8b"  # the first bytes of a compressed file (RFC 1952), such as OpenWeatherMap's city list
_FORBIDDEN = re.compile("[^\t\n\r -~\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read_text(path: Path) -> str:
    """Return the text of a UTF-8 file. Raises ConfigError with the file's name and the position of an invalid byte."""
    try:
        return read_regular_file(path).decode()
    except OSError as error:
        raise ConfigError(Problem(str(path), f"cannot be read: {error.strerror}")) from None
    except UnicodeDecodeError as error:
        if error.object.startswith(_GZIP):
            raise ConfigError(Problem(str(path), "is compressed by gzip: decompress it first")) from None
        before = error.object[: error.start].decode().removeprefix(BOM)
        raise ConfigError(Problem(format_position(str(path), _position_after(before)), "is not UTF-8 text")) from None


def parse_yaml(text: str, name: str, on_item: ItemCallbacks = NO_CALLBACKS) -> Any:
    """Parse the single document in *text* into a YamlMapping, YamlSequence or scalar; None if it is empty.

    *on_item* receives the items of long lists; see :func:`weatherd.config.yaml.builder.build_document`. Raises
    ConfigError with *name*, line and column.
    """
    text = text.removeprefix(BOM)
    if invalid := _FORBIDDEN.search(text):
        where = format_position(name, _position_after(text[: invalid.start()]))
        raise ConfigError(Problem(where, "contains a character that YAML does not allow"))
    try:
        return build_document(yaml.parse(text, Loader=LOADER), on_item)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        position = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        message = ", ".join(filter(None, (error.context, error.problem)))
        raise ConfigError(Problem(format_position(name, position), f"is not valid YAML: {message}")) from None
    except PositionedError as error:
        raise ConfigError(Problem(format_position(name, error.position), str(error))) from None


def format_position(name: str, position: Position) -> str:
    """Format a position as ``file:line:column``, which editors and terminals recognize as a link."""
    return f"{name}:{position[0]}:{position[1]}"


def find_position(document: Any, path: tuple[str | int, ...], *, key: bool = False) -> Position:
    """Return the position of the value at *path* (with *key*, of its key), or of the nearest node that contains it."""
    position: Position = getattr(document, "position", (1, 1))
    for number, step in enumerate(path, 1):
        try:
            if key and number == len(path):
                position = document.key_positions[step]
            else:
                position, document = document.value_positions[step], document[step]
        except (AttributeError, LookupError, TypeError):
            return position
    return position


def _position_after(text: str) -> Position:
    return text.count("\n") + 1, len(text) - text.rfind("\n")
