"""``weatherd cities remove``: which row."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Weatherd


def test_a_city_that_is_not_in_the_list_cannot_be_removed(weatherd: Weatherd) -> None:
    """The error suggests a similar name."""
    code, _, err = weatherd("cities", "remove", "Muenchen")
    assert (code, err) == (78, "config/cities.yaml: 'Muenchen' is not in the list; did you mean 'munchen'?\n")


def test_a_quarantined_row_can_be_removed(weatherd: Weatherd, rows: Path) -> None:
    """By name or id, whatever its problem is."""
    before = rows.read_text()
    for row, name in [("{name: X, lat: .nan}", "X"), ("{id: y}", "y"), ("{name: Z, id: [1]}", "Z")]:
        rows.write_text(f"{before}  - {row}\n")
        assert weatherd("cities", "remove", name)[0] == 0
        assert rows.read_text() == before


def test_an_ambiguous_name_is_removed_by_its_id(weatherd: Weatherd, rows: Path) -> None:
    """The error names all rows with that name."""
    before = rows.read_text()
    rows.write_text(f"{before}  - {{name: Kiel, id: kiel-2, lat: 1, lon: 1}}\n")
    code, _, err = weatherd("cities", "remove", "Kiel")
    places = "config/cities.yaml:2:5, config/cities.yaml:4:5"
    assert (code, err) == (
        78,
        f"config/cities.yaml: 'Kiel' is in the list more than once: {places}; use its id, or edit the file\n",
    )
    assert weatherd("cities", "remove", "kiel-2")[0] == 0
    assert rows.read_text() == before


def test_an_id_takes_precedence_over_the_name_of_another_row(weatherd: Weatherd, rows: Path) -> None:
    """A row is removed by its exact id although other rows have that name, and by its name in any case."""
    before = rows.read_text()
    for city_id in ("a-kiel", "z-kiel"):
        rows.write_text(f"{before}  - {{name: kiel, id: {city_id}, lat: 1, lon: 1}}\n")
        assert weatherd("cities", "remove", "kiel")[0] == 0
        assert f"id: {city_id}" in rows.read_text()
        assert weatherd("cities", "remove", "KIEL")[0] == 0
        assert [line.split()[0] for line in weatherd("cities", "list")[1].splitlines()] == ["id", "munchen"]
