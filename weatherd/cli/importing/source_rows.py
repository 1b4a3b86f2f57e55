"""Rows of a file to import, and the positions of their values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


class SourceRow(NamedTuple):
    """A row: its values by heading, and a function that returns where one of them is, as ``12:7``."""

    values: Mapping[str, Any]
    find_position: Callable[[str], str]


class BadRow(NamedTuple):
    """A row that cannot be imported."""

    position: str  # line and column, as ``12:7``
    reason: str


class FieldError(ValueError):
    """A value that cannot be imported, with its heading."""

    def __init__(self, heading: str, reason: str) -> None:
        super().__init__(reason)
        self.heading = heading
