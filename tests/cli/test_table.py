"""Tables at every width of the terminal."""

from __future__ import annotations

import io

import pytest
from rich.cells import cell_len
from rich.console import Console

from weatherd.cli.table import Column, build_table, pad_text

NAME = "Villingen-Schwenningen im Schwarzwald"


def draw(width: int, name: str = NAME) -> list[str]:
    """Return the lines of a table with a city in a terminal of that width."""
    columns = [
        Column("city", [name, "Kiel"], is_wrapped=True),
        Column("state", ["waiting", "fresh"]),
        Column("weather", ["thunderstorm with slight hail", "fog"], rank=1, is_wrapped=True),
        Column("provider", ["openweathermap", "open-meteo"], rank=2),
    ]
    stream = io.StringIO()
    Console(file=stream, width=width, markup=False).print(build_table(columns, width), soft_wrap=True)
    return stream.getvalue().splitlines()


@pytest.mark.parametrize("width", [30, 40, 60, 80, 120])
def test_a_table_fits_and_cuts_off_nothing(width: int) -> None:
    """Every character of the first columns is shown at every width."""
    lines = draw(width)
    assert max(map(cell_len, lines)) <= width
    assert "…" not in "".join(lines)
    city = "".join(line[: lines[0].index("state")] for line in lines[1:-1])
    assert "".join(city.split()) == NAME.replace(" ", "")


def test_the_least_important_columns_are_omitted_first() -> None:
    """By their rank; a column of rank 0 is never omitted."""
    headings = {width: draw(width)[0].split() for width in (26, 40, 80)}
    assert headings == {
        26: ["city", "state"],
        40: ["city", "state", "weather"],
        80: ["city", "state", "weather", "provider"],
    }


def test_a_name_has_room_before_other_columns_have() -> None:
    """At 80 columns the name of a city is on one line."""
    assert draw(80)[1].startswith(NAME)


@pytest.mark.parametrize("text", ["Kiel", "東京", "🌧 Bergen"])
def test_padding_counts_cells(text: str) -> None:
    """Emoji and CJK characters are two cells wide, so that columns are aligned."""
    assert cell_len(pad_text(text, 24)) == 24
