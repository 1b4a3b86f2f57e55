"""Output of the commands: text, with control characters escaped, and CSV."""

from __future__ import annotations

import csv
from typing import TYPE_CHECKING, Any

import typer

from weatherd.text.control_characters import escape_lines

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import TextIO


def print_text(text: str = "", *, err: bool = False) -> None:
    r"""Print *text* and a line break on standard output, or on standard error if *err*.

    Control characters, except line breaks, are shown as ``\u001b``, because names and messages come from files,
    services and plug-ins and could otherwise move the cursor, change colors, or reorder the text. JSON stays valid.
    """
    typer.echo(escape_lines(text), err=err)


def print_formatted(line: str) -> None:
    """Print a line in the user's own format, whose control characters are wanted, such as tabs.

    Its values must have none: those of an observation and of a city of the list are checked when they are created.
    """
    typer.echo(line)


def write_csv(stream: TextIO, columns: Sequence[str], rows: Iterable[Mapping[str, Any]]) -> None:
    """Write a heading and *rows* as CSV, with ``true`` and ``false`` as in JSON.

    Lines end with LF, as in other text files here, not with CR LF (RFC 4180).
    """
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows([_format_flag(row.get(column)) for column in columns] for row in rows)


def _format_flag(value: Any) -> Any:
    return str(value).lower() if isinstance(value, bool) else value
