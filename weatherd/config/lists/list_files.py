"""The files of a city list and their formats."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weatherd.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_YAML_SUFFIXES = (".yaml", ".yml")
_CSV_SUFFIXES = (".csv",)
_JSON_LINES_SUFFIXES = (".jsonl", ".ndjson")
_SUFFIXES = (*_YAML_SUFFIXES, *_CSV_SUFFIXES, *_JSON_LINES_SUFFIXES)


def list_files(paths: Iterable[Path]) -> Iterator[Path]:
    """Yield the files of a list: each path itself or, if it is a folder, its lists in name order, except hidden ones.

    Raises ConfigError if a folder cannot be read or has no list.
    """
    for path in paths:
        yield from _list_folder(path)


def is_yaml(name: str) -> bool:
    """Return whether a file is read as YAML, which a file is by default."""
    return not name.lower().endswith((*_CSV_SUFFIXES, *_JSON_LINES_SUFFIXES))


def is_csv(name: str) -> bool:
    """Return whether a file is read as CSV."""
    return name.lower().endswith(_CSV_SUFFIXES)


def _list_folder(path: Path) -> list[Path]:
    try:
        if not path.is_dir():
            return [path]
        found = [file for file in path.iterdir() if file.suffix.lower() in _SUFFIXES and file.name[0] != "."]
    except OSError as error:
        raise ConfigError(Problem(str(path), f"cannot be read: {error.strerror}")) from None
    if not found:
        raise ConfigError(Problem(str(path), "is a folder without a *.yaml, *.csv or *.jsonl file"))
    return sorted(found)
