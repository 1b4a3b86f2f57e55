"""Output of the commands: foreign text is shown, never executed by the terminal."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.cells import cell_len

import weatherd.cli
from weatherd.cli.table import Column, format_table
from weatherd.cli.terminal import print_text, write_csv

EVIL = "\x1b[31m\x9b2J\u202ex\r\x07"
ESCAPED = r"\u001b[31m\u009b2J\u202ex\u000d\u0007"


def test_control_characters_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    """Line breaks, letters of any script, emoji and markup are printed unchanged; JSON has the same value."""
    print_text(f"{EVIL}\n[red]München[/red] 東京 👨\u200d👩 :sun: x\u0301")
    assert capsys.readouterr().out == f"{ESCAPED}\n[red]München[/red] 東京 👨\u200d👩 :sun: x\u0301\n"
    print_text(json.dumps([EVIL], ensure_ascii=False), err=True)
    err = capsys.readouterr().err
    assert err.removesuffix("\n").isprintable()
    assert json.loads(err) == [EVIL]


@pytest.mark.parametrize("width", [None, 20, 80])
def test_a_table_escapes_its_cells(width: int | None) -> None:
    """The escaped text counts for the width, and a line break does not add a line."""
    lines = format_table(
        [Column("city", [f"{EVIL}\n", "Halle [/Saale]"], min_width=8), Column("state", ["a", "b"])], width
    )
    assert len(lines) == 3
    assert all(line.plain.isprintable() for line in lines)
    assert max(cell_len(line.plain) for line in lines) <= (width or 80)


def test_flags_in_csv_are_those_of_json() -> None:
    """Not Python's True and False; numbers and empty cells stay."""
    write_csv(text := io.StringIO(), ["a", "b", "c", "d"], [{"a": True, "b": False, "c": 1}])
    assert text.getvalue() == "a,b,c,d\ntrue,false,1,\n"


def test_commands_print_only_escaped_text() -> None:
    """Commands print by ``print_text`` and ``print_lines``, so that no text is printed without escaping."""
    for file in Path(weatherd.cli.__file__).parent.rglob("*.py"):
        text = file.read_text()
        assert "typer.echo" not in text or file.name == "terminal.py", file
        assert "Console(" not in text or file.name == "screen.py", file
        assert not any(line.strip().startswith("print(") for line in text.splitlines()) or file.name == "client.py"
