"""YAML rows of one line: the pattern gives the cities, the quarantined rows and the errors of the parser."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from weatherd.city import KEYS, City, build_city, is_plain_city
from weatherd.config.city_list import CityList, parse_cities
from weatherd.config.lists.city_row import validate_city
from weatherd.config.lists.yaml_lines import LONG_LIST, UnusualLayoutError, add_yaml_lines
from weatherd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Sequence

PROVIDERS = ["open-meteo", "met-norway"]
GENERAL = {"interval": 90.0, "providers": ("met-norway",), "timezone": "Europe/Paris", "warnings": "auto"}
NAMES = [
    "Kiel", '"Ulm, Donau"', "'São Paulo'", "Val-d'Or", "true", "Null", "5 Points", "'a: b'", '"a\\tb"', "' x'", "a #b",
    "東京", "x" * 201, "a\u202eb", '"\u00a0x"', "~", "*a", "&a Kiel", "''", "Brighton & Hove",
]  # fmt: skip
NUMBERS = ["54.3", "-10.1", "0", "-0", "-0.0", "007", "90", "90.1", "181", "1e1", ".5", "5.", "0x10", ".nan", "'5'", ""]
IDS = ["a", "'2911298'", "7", "null", "true-", '"B"', "x" * 65, "1e5", "-"]
OTHERS = [
    "interval: 5m", "interval: 600", "interval: 0.5s", "interval: 1e400", f"interval: {'9' * 41}", "interval: ",
    "timezone: Europe/Berlin", "timezone: Mars", "timezone: null", "timezone: ''", "providers: [open-meteo]",
    "providers: [met-norway, open-meteo]", "providers: [met-norway, met-norway]", "providers: [null]", "providers: []",
    "altitude: 5", "altitude: -3.5", "altitude: 9999", "altitude: 05", "altitude: '5'", "altitude: ",
    "tags: {region: north}", "tags: {region: New South Wales, kind: true}", "tags: {a: b, a: c}", "tags: {}",
    "tags: []", "tags: {region: 'north'}", "tags: {region: }", "tags: {größe: groß}", "tags: {1: x}", "tags: {a: ~}",
    "tags: {a=b: c}", "tags: {a: b#c, d: Val-d'Or}", "tags: north", "lta: 5", "lat: 5", "plugins: {x: {y: 1}}",
    "warnings: auto", "warnings: off", "warnings: nws", "warnings: [nws, bright-sky]", "warnings: [auto]",
    "warnings: []", "warnings: [nws, nws]", "warnings: true", "warnings: ", "warnings: [open-meteo]", "warnings: 'off'",
    "warnings: [off]", "compare: [open-meteo]", "compare: [met-norway, open-meteo]", "compare: []", "compare: [Mars]",
    "compare: [met-norway, met-norway]", "compare: ", "compare: open-meteo",
]  # fmt: skip
LINES = [
    "", "# comment: x", "    # [", "  - name: Bonn\n    lat: 50\n    lon: 7", "  - name: Bonn\n    lat: 50", "  -",
    "  - |", "  - {name: Bonn,\n    lat: 50.5, lon: 7.5}", '  - {name: "Bonn', '    x", lat: 1.5, lon: 1.5}',
    "  - Kiel", " - Kiel", "- {name: A, lat: 1.5, lon: 1.5}", "    - {name: A, lat: 1.5, lon: 1.5}",
    "  - &x {name: C, lat: 1.5, lon: 1.5}", "  - *x", "towns: []", "cities:", "---", "...", "  - {", "  }", "\t",
    "%YAML 1.2", "  - 'a\u0085b'", "  - [", "  - ? a", "  - {name: D, lat: 1.5, lon: 1.5} # x",
    "  - {name: E, lat: 1.5, lon: 1.5}#x", "  -  {name: F, lat: 1.5, lon: 1.5}", "    text", "  - >\n    {name: G}",
]  # fmt: skip
ALPHABET = " -{}[],:#'\"\\&*!|>%@`?~\t\r\n\u0085\u2028\ufeff\ud800\x00a0.e東"


LONG = f"cities: # {'x' * LONG_LIST}"  # so long that the pattern is used
FIRST = "  - {name: First, lat: 1.5, lon: 2.5}"
ODD_PAIRS = [
    *(f"name: {text}" for text in NAMES),
    *(f"{key}: {text}" for text in NUMBERS for key in ("lat", "lon")),
    *(f"id: {text}" for text in IDS),
    *OTHERS,
]


def make_row(odd: str) -> str:
    """Return a row that is valid but for the pair *odd*."""
    pairs = ["name: Xanten", "lat: 54.25", "lon: -10.5", odd]
    return f"  - {{{', '.join({pair.partition(':')[0]: pair for pair in pairs}.values())}}}"


@st.composite
def draw_row(draw: st.DrawFn) -> str:
    """Draw a row of one line, valid but for one or two pairs, with its keys in any order."""
    name = draw(st.from_regex(r"[A-Z][a-z]{0,9}", fullmatch=True))
    odd = draw(st.lists(st.sampled_from(ODD_PAIRS), max_size=2))
    pairs = [f"name: {name}", "lat: 54.25", "lon: -10.5", *odd]
    unique = {pair.partition(":")[0]: pair for pair in pairs}.values()
    return f"  - {{{', '.join(draw(st.permutations(list(unique if draw(st.integers(0, 9)) else pairs))))}}}"


@st.composite
def draw_list(draw: st.DrawFn) -> str:
    """Draw the text after ``cities:``, with mutated characters."""
    lines = draw(st.lists(draw_row(), min_size=1, max_size=6))
    for odd in draw(st.lists(st.sampled_from(LINES), max_size=2)) if draw(st.booleans()) else ():
        lines.insert(draw(st.integers(0, len(lines))), odd)
    text = "\n".join([FIRST, *lines, *draw(st.sampled_from([[], [""]]))])
    for _ in range(draw(st.sampled_from([0, 0, 1, 2]))):
        index, cut = draw(st.integers(0, len(text))), draw(st.integers(0, 2))
        text = text[:index] + draw(st.sampled_from(["", *ALPHABET])) + text[index + cut :]
    return text.replace("\n", "\r\n") if draw(st.integers(0, 9)) == 0 else text


def load(text: str) -> CityList | list[str]:
    """Return the list, or the problems of the file."""
    try:
        return parse_cities([("f.yaml", text)], PROVIDERS, GENERAL)
    except ConfigError as error:
        return [str(problem) for problem in error.problems]


def read_both_ways(text: str) -> tuple[str, str]:
    """Return what the pattern and what the parser make of the rows in *text*.

    A tab in the comment after ``cities:`` is beyond the pattern, so that the parser reads the same list.
    """
    with pytest.raises(UnusualLayoutError):
        add_yaml_lines(f"cities: #\t\n{text}", Rows())
    return repr(load(f"{LONG}\n{text}")), repr(load(f"cities: #\t\n{text}"))


def count_pattern_rows(text: str) -> int:
    """Return the number of rows in *text* that the pattern reads."""
    rows = Rows()
    with contextlib.suppress(UnusualLayoutError, ConfigError):
        add_yaml_lines(f"cities:\n{text}", rows)
    return len(rows.plain)


@pytest.mark.once
def test_the_pattern_and_the_parser_agree() -> None:
    """For any mutated list the cities, and file, line, column and text of every problem, are those of the parser.

    The pattern reads rows of at least half of the lists, or the test would prove nothing.
    """
    rows = []

    @settings(max_examples=400)
    @given(draw_list())
    @example('  - {name: A, lat: 1.5, lon: 1.5}\n  - {name: "B\n  - {name: C, lat: 1.5, lon: 1.5}\n  "}\n')
    @example("  - {name: A, lat: 1.5, lon: 1.5}\n  - |\n    x\n  - {name: A, lat: 1.5, lon: 1.5}")
    @example("  - {name: A, lat: 1.5, lon: 1.5}\n  - {name: B, lat: 91.5, lon: 1.5}\n  - {name: A, lat: 1.5, lon: 1.5}")
    @example(
        "  - {name: A, lat: 1.5, lon: 1.5}\n  - &x {name: B, lat: 1.5, lon: 1.5}\n"
        "  - {name: C, lat: 1.5, lon: 1.5}\n  - *x"
    )
    @example("  - {name: A, lat: 1.5, lon: 1.5}\n  - 'a\u0085'\n  - {name: B, lat: 91.5, lon: 1.5}")
    @example("  - {name: A, lat: 1.5, lon: 1.5}\n - {name: B, lat: 1.5, lon: 1.5}")
    def compare(text: str) -> None:
        pattern, parser = read_both_ways(text)
        assert pattern == parser
        rows.append(count_pattern_rows(text))

    compare()
    assert sum(count > 0 for count in rows) > len(rows) / 2


@pytest.mark.parametrize("line", [*map(make_row, ODD_PAIRS), *LINES])
def test_the_pattern_and_the_parser_agree_on_a_line(line: str) -> None:
    """They agree on each odd value and each odd line alone, also on the rows with mistakes that follow."""
    text = f"{FIRST}\n{line}\n{FIRST}\n  - {{name: Z, lat: 99.5, lon: 2.5}}\n"
    pattern, parser = read_both_ways(text)
    assert pattern == parser
    assert count_pattern_rows(text) > 0


class Rows:
    """Collects the positions of the rows that the pattern reads; the parser's rows are at ``unusual``."""

    def __init__(self) -> None:
        self.plain: list[tuple[int, int]] = []
        self.unusual: list[tuple[int, int]] = []

    def validate(self, row: Any) -> City:
        """Validate a row with the general settings."""
        return validate_city(GENERAL | row, {"providers": PROVIDERS})

    def make_salt(self, *layout: str) -> int:
        """Return any salt."""
        return hash(layout)

    def find_city(self, key: int) -> City | None:
        """Know no row."""
        del key
        return None

    def reuse_equal(self, city: City) -> City:
        """Return the city itself."""
        return city

    def add_cities(self, cities: Sequence[City], keys: Sequence[int], position: tuple[int, int]) -> None:
        """Collect consecutive rows of the pattern."""
        for index, (city, key) in enumerate(zip(cities, keys, strict=True)):
            self.add_city(city, (position[0] + index, position[1]), key)

    def add_city(self, city: City, position: tuple[int, int], key: int = 0) -> None:
        """Collect a row of the pattern."""
        assert key
        assert city == self.validate({key: getattr(city, key) for key in KEYS})
        self.plain.append(position)

    def add_row(self, row: Any, position: tuple[int, int], shift: int = 0) -> None:
        """Collect a row of the parser."""
        del row, shift
        self.unusual.append(position)


def test_the_pattern_reads_usual_rows() -> None:
    """Rows with all keys but ``plugins``, in any order, are read by the pattern; only the others by the parser."""
    text = """# cities of mine
---
cities:

  # north
  - {name: Kiel, lat: 54.3, lon: 10.1}
  - {id: '2911298', lon: 10, lat: -53.5, name: "Hamburg, Elbe"} # home
  - {name: Oslo, lat: 59.9, lon: 10.7, interval: 5m, providers: [open-meteo, met-norway]}
  - name: Ulm
    lat: 48.4
  - {name: São Paulo, lat: -23.5, lon: -46.6, interval: '60'}
  - {name: Bonn, lat: 98.4, lon: 7.1}
"""
    found = Rows()
    add_yaml_lines(text, found)
    assert found.plain == [(6, 5), (7, 5), (8, 5), (11, 5)]
    assert found.unusual == [(9, 5), (12, 5)]


def test_a_list_with_other_rows_is_left_to_the_parser() -> None:
    """A list whose first row has several lines is not searched for rows of one line."""
    with pytest.raises(UnusualLayoutError):
        add_yaml_lines("cities:\n- name: Kiel\n  lat: 54.3\n  lon: 10.1\n", Rows())


@given(
    st.text(min_size=1, max_size=5).filter(lambda name: name == name.strip())
    | st.sampled_from(["x" * 200, "x" * 201, True, None]),
    st.sampled_from([54.3, 90.0, 90.1, -90.1, 0.0, -0.0]),
    st.sampled_from([10.1, 180.0, 180.1, -180.1]),
    st.sampled_from(["", "kiel"]),
    st.sampled_from([None, 0.0, 9000.5, -500.0, 34.5]),
)
def test_a_city_made_without_pydantic(name: Any, lat: float, lon: float, city_id: str, altitude: Any) -> None:
    """It is equal to that of pydantic and of the constructor. What pydantic rejects is not plain."""
    shared: dict[str, Any] = {"interval": 60.0, "providers": ("open-meteo",), "timezone": "Europe/Berlin"}
    shared |= {"tags": (("region", "north"),), "warnings": "auto", "backfill": 3600.0, "compare": ("nws",)}
    row = {"name": name, "lat": lat, "lon": lon, "id": city_id, "altitude": altitude, **shared}
    try:
        expected = validate_city(row)
    except ValidationError:
        expected = None
    is_plain = is_plain_city(name, lat, lon, altitude)
    assert is_plain == (expected is not None and name.isprintable())
    if is_plain:
        made = build_city(name, lat, lon, city_id, altitude, *shared.values())
        assert made == expected == City(**row)
        assert hash(made) == hash(City(**row))


def test_rollback_keeps_the_files_before() -> None:
    """If the end of a file makes the parser read the whole file again, its rows are not there twice."""
    row = "  - {name: %s, lat: 1.5, lon: 1.5}\n"
    second = f"{LONG}\n" + row % "B" + row % "A" + "  - &x {name: C, lat: 1.5, lon: 1.5}\n" + row % "D" + "  - *x\n"
    found = parse_cities([("a", f"{LONG}\n" + row % "A"), ("b", second)], PROVIDERS)
    assert [city.name for city in found.cities] == ["A", "B", "C", "D"]
    taken = [problem.where for problems in found.quarantined for problem in problems]
    assert taken == ["b:3:5", "b:6:5"]


def test_a_long_list_of_quoted_names() -> None:
    """Names as other programs write them, in JSON's quotes and with any letter, are read by the pattern."""
    names = ["Val-d'Or", "N'Djaména", "Łódź", "東京", "Foo (Bar) & Baz/Qux", "a, b", "100 Mile House"]
    rows = (f"- {{name: {json.dumps(name, ensure_ascii=False)}, lat: 1.5, lon: -1.5}}\n" for name in names)
    found = Rows()
    add_yaml_lines("cities:\n" + "".join(rows), found)
    assert (len(found.plain), found.unusual) == (len(names), [])
