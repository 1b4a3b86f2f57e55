"""Output of the commands, with control characters escaped."""

from __future__ import annotations

import typer

from weatherd.text.control_characters import escape_controls


def print_text(text: str = "", *, err: bool = False) -> None:
    r"""Print *text* and a line break on standard output, or on standard error if *err*.

    Control characters, except line breaks, are shown as ``\u001b``, because names and messages come from files,
    services and plug-ins and could otherwise move the cursor, change colors, or reorder the text. JSON stays valid.
    """
    typer.echo("\n".join(map(escape_controls, text.split("\n"))), err=err)
