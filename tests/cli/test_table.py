"""Tables and texts at every width of the terminal."""

from __future__ import annotations

import pytest
from rich.cells import cell_len

from weatherd.cli.screen import truncate_text, wrap_text
from weatherd.cli.table import Column, format_table

NAME = "Villingen-Schwenningen im Schwarzwald"
WIDTHS = [20, 30, 40, 60, 80, 120]


def draw(width: int | None, name: str = NAME) -> list[str]:
    """Return the lines of a table with a city in a terminal of that width."""
    columns = [
        Column("city", [name, "Kiel"], min_width=14),
        Column("state", ["waiting", "fresh"]),
        Column("weather", ["thunderstorm with slight hail", "fog"], rank=1, min_width=10),
        Column("provider", ["openweathermap", "open-meteo"], rank=2),
    ]
    return [line.plain for line in format_table(columns, width)]


@pytest.mark.parametrize("name", [NAME, "東京都の長い長い長い長い長い名前", "🌧 Bergen"])
@pytest.mark.parametrize("width", WIDTHS)
def test_a_table_has_one_line_per_row_at_every_width(width: int, name: str) -> None:
    """No line is wider than the terminal; columns are aligned in cells."""
    heading, *rows = draw(width, name)[:3]
    assert max(map(cell_len, draw(width, name))) <= width
    if width > 24:
        begin = heading.index("state")
        assert [cell_len(row[: row.index(state)]) for row, state in zip(rows, ("waiting", "fresh"), strict=True)] == [
            begin,
            begin,
        ]


def test_a_pipe_has_no_width() -> None:
    """Nothing is truncated or hidden."""
    assert draw(None) == draw(10_000)
    assert len(draw(None)) == 3
    assert NAME in draw(None)[1]
    assert "thunderstorm with slight hail" in draw(None)[1]


@pytest.mark.parametrize(
    ("width", "headings", "note"),
    [
        (26, ["city", "state"], "hidden at this width: weather, provider; widen the terminal or pipe to less -S"),
        (40, ["city", "state", "weather"], "hidden at this width: provider; widen the terminal or pipe to less -S"),
        (80, ["city", "state", "weather", "provider"], ""),
    ],
)
def test_a_note_names_the_hidden_columns(width: int, headings: list[str], note: str) -> None:
    """Columns with the highest rank are hidden first; a column of rank 0 is never hidden."""
    lines = draw(width)
    assert lines[0].split() == headings
    assert " ".join(line.strip() for line in lines[3:]) == note


def test_a_truncated_text_ends_with_an_ellipsis() -> None:
    """Its width in cells is the limit; a text that fits is unchanged."""
    assert truncate_text(NAME, len(NAME)) == NAME
    assert truncate_text(NAME, 10) == "Villingen…"
    assert cell_len(truncate_text("東京東京東京", 6)) <= 6


@pytest.mark.parametrize("text", [NAME, "two  words", "x" * 200, "東京" * 40, ""])
@pytest.mark.parametrize("width", WIDTHS)
def test_a_wrapped_text_loses_nothing(text: str, width: int) -> None:
    """Every character but the spaces is on a line, and no line is wider than the terminal."""
    lines = wrap_text(text, width, indent=4)
    assert max(map(cell_len, lines)) <= width
    assert "".join("".join(lines).split()) == "".join(text.split())
    assert wrap_text(text, None) == [text]
