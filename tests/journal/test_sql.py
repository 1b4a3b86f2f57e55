"""What no SQL statement does: round, format or convert times, for which there is one place, in Python."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import weatherd

if TYPE_CHECKING:
    from collections.abc import Iterator

PACKAGE = Path(weatherd.__file__).parent
SOURCES = [
    *sorted((PACKAGE / "journal").rglob("*.py")),
    *sorted((PACKAGE / "journal").rglob("*.sql")),
    PACKAGE / "pipeline" / "forwarders" / "postgres.py",
]
# SQLite rounds 0.25 to 0.3 and 0.35 to 0.3, other databases and Python differ; local time depends on the machine.
FORBIDDEN = re.compile(
    r"\b(?:(?:round|printf|format|to_char|date|time|datetime|julianday|unixepoch|strftime|timediff|date_trunc|now)\s*\("
    r"|current_(?:date|time|timestamp)\b|localtime\b)",
    re.IGNORECASE,
)
# What SQLite has since version 3.33 or later: https://www.sqlite.org/changes.html
NEWER = re.compile(r"\b(?:STRICT|RETURNING|MATERIALIZED|DROP COLUMN|RIGHT JOIN|FULL JOIN|IS DISTINCT FROM)\b|->")


def find_texts(file: Path) -> Iterator[str]:
    """Yield the texts in a file: SQL statements, their parts in f-strings, and other texts."""
    if file.suffix == ".sql":
        yield re.sub("--.*", "", file.read_text())
        return
    nodes = list(ast.walk(ast.parse(file.read_text())))
    docstrings = {node.value for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docstrings:
            yield node.value


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: file.name)
def test_no_statement_rounds_or_converts_times(file: Path) -> None:
    """Values are stored and returned as they are; they are rounded once, where they are printed."""
    assert [found[0] for text in find_texts(file) for found in FORBIDDEN.finditer(text)] == []


def test_statements_are_found() -> None:
    """The search sees those in Python sources, also parts of f-strings, and the scripts."""
    text = "\n".join(statement for file in SOURCES for statement in find_texts(file))
    for part in (
        "INSERT OR REPLACE INTO cursor",
        "UPDATE gathered SET seq",
        "CREATE TABLE observation",
        "ON CONFLICT (",
    ):
        assert part in text
    assert FORBIDDEN.search("SELECT round(temperature, 1) FROM observation")
    assert FORBIDDEN.search("WHERE observed_at < CURRENT_TIMESTAMP")


def test_no_statement_needs_a_newer_sqlite() -> None:
    """Files can be opened with the oldest SQLite that check_version() accepts, which has no strict tables (3.37)."""
    text = "\n".join(statement for file in SOURCES if file.name != "postgres.py" for statement in find_texts(file))
    assert NEWER.findall(text) == []
    assert NEWER.findall("CREATE TABLE t (x) STRICT; DELETE FROM t RETURNING x; SELECT a -> 'b'") == [
        *("STRICT", "RETURNING", "->")
    ]
