"""Rows of JSON Lines files."""

from __future__ import annotations

import functools
import json
import re
from typing import TYPE_CHECKING

from weatherd.cli.importing.source_rows import BadRow, SourceRow

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


def read_json_rows(lines: Iterable[str]) -> Iterator[SourceRow | BadRow]:
    """Yield the objects of a JSON Lines file. Empty lines are skipped."""
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            document = json.loads(line.rstrip("\r\n"))
        except json.JSONDecodeError as error:
            yield BadRow(f"{number}:{error.colno}", f"is not JSON: {error.msg}")
        except (ValueError, RecursionError):  # a number of thousands of digits, or nested a thousand times
            yield BadRow(f"{number}:1", "is no JSON that can be read")
        else:
            if isinstance(document, dict):
                yield SourceRow(document, functools.partial(_find_position, number, line))
            else:
                yield BadRow(f"{number}:1", "should be a JSON object")


def _find_position(number: int, line: str, key: str) -> str:
    """Return line and column of a value; those of the object if it does not have the key."""
    match = re.search(rf"{re.escape(json.dumps(key))}\s*:\s*", line)
    return f"{number}:{match.end() + 1 if match else 1}"
