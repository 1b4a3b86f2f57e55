"""The list of cities: valid rows are used in order, invalid ones are quarantined with position and reason."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weatherd.city import City, make_former_slug, make_slug
from weatherd.config.city_list import CityList, load_cities, parse_cities
from weatherd.config.loader import SHIPPED_SETTINGS
from weatherd.config.yaml.reader import parse_yaml
from weatherd.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

PROVIDERS = ["open-meteo", "openweathermap"]
KIEL = "{name: Kiel, lat: 54.3, lon: 10.1}"
NAMES = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=30)
VALUES = st.text() | st.floats() | st.none() | st.booleans() | st.lists(st.text())
CITIES = st.builds(
    City,
    name=NAMES,
    lat=st.floats(-90, 90),
    lon=st.floats(-180, 180),
    interval=st.floats(1, 1e6),
    providers=st.lists(st.sampled_from(PROVIDERS), min_size=1, unique=True).map(tuple),
    timezone=st.none() | st.sampled_from(["Europe/Berlin", "UTC"]),
    altitude=st.none() | st.floats(-500, 9000),
    tags=st.dictionaries(st.sampled_from(["region", "größe"]), NAMES).map(lambda tags: tuple(tags.items())),
    warnings=st.sampled_from(["auto", "off", ("nws",), ("bright-sky", "nws")]),
)


def rows(*texts: str) -> CityList:
    """Parse rows; the first one is at 2:3 of ``f.yaml``."""
    return parse_cities([("f.yaml", "cities:\n" + "".join(f"- {text}\n" for text in texts))], PROVIDERS)


def get_rejection(text: str) -> list[str]:
    """Return the problems of a file that is rejected as a whole."""
    with pytest.raises(ConfigError) as caught:
        parse_cities([("f.yaml", text)], PROVIDERS)
    return [str(problem) for problem in caught.value.problems]


def test_the_shipped_list() -> None:
    """It contains Kiel, Berlin and München, and nothing is quarantined."""
    found = load_cities([SHIPPED_SETTINGS.parent / "cities.yaml"], PROVIDERS)
    assert [(city.name, city.id, city.lat, city.lon) for city in found.cities] == [
        ("Kiel", "kiel", 54.305902, 10.123282),
        ("Berlin", "berlin", 52.521021, 13.381268),
        ("München", "munchen", 48.144049, 11.575928),
    ]
    assert found.quarantined == ()


@given(st.lists(CITIES, max_size=5, unique_by=lambda city: city.id))
def test_a_dumped_list_loads_unchanged(cities: list[City]) -> None:
    """Dumping and loading valid cities returns equal cities in the same order."""
    keys = ("id", "name", "lat", "lon", "interval", "providers", "timezone", "altitude", "warnings")
    rows = [{key: getattr(city, key) for key in keys} | {"tags": dict(city.tags)} for city in cities]
    text = json.dumps({"cities": rows}, ensure_ascii=False)
    assert parse_cities([("f", text)], PROVIDERS) == CityList(tuple(cities))


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("{name: X, lat: 91, lon: 1}", "2:18: 'X': 'lat' should be at most 90, not 91"),
        ("{name: X, lat: 1, lon: -180.5}", "2:26: 'X': 'lon' should be at least -180, not -180.5"),
        ("{name: X, lat: .nan, lon: 1}", "2:18: 'X': 'lat' should be a finite number, not nan"),
        ("{name: X, lat: 1, lon: -.inf}", "2:26: 'X': 'lon' should be a finite number, not -inf"),
        ("{name: X, lat: '54', lon: 1}", "2:18: 'X': 'lat' should be a number, without quotes, not '54'"),
        ("{name: X, lat: true, lon: 1}", "2:18: 'X': 'lat' should be a number, without quotes, not true"),
        ("{name: X, lat: , lon: 1}", "2:18: 'X': 'lat' should be a number, without quotes, not nothing"),
        ("{name: X, lat: 1}", "2:3: 'X': 'lon' is missing"),
        ("{lat: 1, lon: 1}", "2:3: 'name' is missing"),
        ("{name: '', lat: 1, lon: 1}", "2:10: '': 'name' should be text that is not empty, not ''"),
        ("{name: 5, lat: 1, lon: 1}", "2:10: 'name' should be text; put it in quotes, not 5"),
        ('{name: "a\\eb", lat: 1, lon: 1}', "2:10: 'a\\x1bb': 'name' should be one line of printable text"),
        ('{name: "a\\u202Eb", lat: 1, lon: 1}', "2:10: 'a\\u202eb': 'name' should be one line of printable text"),
        ("{name: X, lat: 1, lon: 1, lta: 5}", "2:29: 'X': unknown key 'lta'; did you mean 'lat'?"),
        ("{name: X, lat: 1, lon: 1, id: Kiel}", "2:33: 'X': 'id' should be lower-case letters"),
        ("{name: X, lat: 1, lon: 1, interval: 0.5s}", "2:39: 'X': 'interval' should be 1s or more"),
        (
            "{name: X, lat: 1, lon: 1, providers: [openmeteo]}",
            "2:41: 'X': 'providers.0' should be one of open-meteo, openweathermap, not 'openmeteo'; did you mean",
        ),
        ("{name: X, lat: 1, lon: 1, providers: []}", "2:40: 'X': 'providers' should name at least one provider"),
        ("{name: X, lat: 1, lon: 1, providers: open-meteo}", "2:40: 'X': 'providers' should be a list"),
        *(
            (
                f"{{name: X, lat: 1, lon: 1, timezone: {zone}}}",
                f"2:39: 'X': 'timezone' should be a time zone such as Europe/Berlin{hint}",
            )
            for zone, hint in (
                ("'+02:00'", ""),
                ("Kiel2", ""),
                ("UTC+2", "; did you mean 'UTC'?"),
                ("localtime", ""),  # that of this machine, and of another one after a move
                ("Factory", ""),
            )
        ),
        (
            "{name: X, lat: 1, lon: 1, timezone: Europa/Berlin}",
            "2:39: 'X': 'timezone' should be a time zone such as Europe/Berlin; did you mean 'Europe/Berlin'?",
        ),
        ("{name: X, lat: 1, lon: 1, altitude: 9001}", "2:39: 'X': 'altitude' should be at most 9,000"),
        (
            "{name: X, lat: 1, lon: 1, tags: north}",
            "2:35: 'X': 'tags' should be keys and values such as {region: north}",
        ),
        ("{name: X, lat: 1, lon: 1, tags: {a=b: c}}", "2:35: 'X': 'tags' has the key 'a=b': a key is printable text"),
        ("{name: X, lat: 1, lon: 1, tags: {a: }}", "2:35: 'X': 'tags' should have one line of printable text for 'a'"),
        (
            "{name: X, lat: 1, lon: 1, warnings: [nsw]}",
            "2:39: 'X': 'warnings' should be auto, off, or a list of nws, bright-sky, met-norway",
        ),
        ("Kiel", "2:3: this should be a city: {name: …, lat: …, lon: …}"),
        ("[Kiel, 54, 10]", "2:3: this should be a city: {name: …, lat: …, lon: …}"),
        ("", "2:2: this should be a city: {name: …, lat: …, lon: …}"),
        (f"{{name: {'x' * 201}, lat: 1, lon: 1}}", f"2:10: '{'x' * 39}…': 'name' should be text of at most 200"),
    ],
)
def test_an_invalid_row_is_quarantined(row: str, message: str) -> None:
    """The problem has file, line and column, the city's name and the accepted values; the other rows are used."""
    found = rows(row, KIEL, "{name: Ulm, lat: 48, lon: 10}")
    assert [city.id for city in found.cities] == ["kiel", "ulm"]
    assert [len(problems) for problems in found.quarantined] == [1]
    assert str(found.quarantined[0][0]).startswith(f"f.yaml:{message}")


def test_all_problems_of_a_row_are_reported() -> None:
    """All problems of a row are reported at once."""
    (problems,) = rows("{nmae: X, lat: 100, lon: east}").quarantined
    assert {problem.where for problem in problems} == {"f.yaml:2:3", "f.yaml:2:4", "f.yaml:2:18", "f.yaml:2:28"}


def test_the_second_of_two_rows_with_one_id_is_quarantined(tmp_path: Path) -> None:
    """This holds within a file and across files; the problem locates the first row."""
    (tmp_path / "a.yaml").write_text(f"cities:\n- {KIEL}\n- {{name: KIEL, lat: 1, lon: 1}}\n")
    (tmp_path / "b.yaml").write_text("cities:\n- {name: Kiel 2, id: kiel, lat: 1, lon: 1}\n")
    found = load_cities([tmp_path], PROVIDERS)
    assert [city.lat for city in found.cities] == [54.3]
    taken = f"the id 'kiel' is taken by {tmp_path}/a.yaml:2:3; give one of them an 'id'"
    assert [str(problem) for problems in found.quarantined for problem in problems] == [
        f"{tmp_path}/a.yaml:3:3: 'KIEL': {taken}",
        f"{tmp_path}/b.yaml:2:3: 'Kiel 2': {taken}",
    ]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "f.yaml:1:1: should have the key 'cities' with a list of cities"),
        ("- a", "f.yaml:1:1: should have the key 'cities' with a list of cities"),
        ("{}", "f.yaml:1:1: 'cities' should be a list"),
        ("cities:", "f.yaml:1:8: 'cities' should be a list"),
        ("cities: {Kiel: 1}", "f.yaml:1:9: 'cities' should be a list"),
        ("citys: []", "f.yaml:1:1: unknown key 'citys'; did you mean 'cities'?"),
        ("cities: [", "f.yaml:2:1: is not valid YAML"),
    ],
)
def test_a_file_without_a_list_is_rejected(text: str, message: str) -> None:
    """The whole file is rejected, and the problem has a position."""
    assert get_rejection(text)[0].startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (f"cities:\n- {KIEL}\n- {{name: Ulm, lat: [", "f.yaml:4:1: is not valid YAML"),
        (f"cities:\n- {KIEL}\n- {{name: X, lat: 99, lon: 1}}\ntowns: []", "f.yaml:4:1: unknown key 'towns'"),
        (f"cities:\n- {KIEL}\n---\ncities: []", "f.yaml:4:1: contains a second document"),
        (f"cities:\n- {KIEL}\ncities:\n- {KIEL}", "f.yaml:3:1: duplicate key; first defined at line 1"),
        (f"- cities:\n  - {KIEL}", "f.yaml:1:1: should have the key 'cities'"),
    ],
)
def test_an_error_after_valid_rows_rejects_the_file(text: str, message: str) -> None:
    """The problem of the file is reported, and not those of the rows before it."""
    (problem,) = get_rejection(text)
    assert problem.startswith(message)


def test_problems_have_positions_in_every_yaml_style() -> None:
    """In block style, in flow style and through an alias, the position is that of the value or of its row."""
    text = """\
cities:
  - name: A
    lat: 1
    lon: 181
  - &x {name: B, lat: 1, lon: 1, id: b}
  - *x
  - name: C
    lat: &y 2
    lon: *y
  - 5
"""
    found = parse_cities([("f.yaml", text)], PROVIDERS)
    assert [(city.id, city.lat, city.lon) for city in found.cities] == [("b", 1, 1), ("c", 2, 2)]
    assert [str(problem) for (problem,) in found.quarantined] == [
        "f.yaml:4:10: 'A': 'lon' should be at most 180, not 181",
        "f.yaml:6:5: 'B': the id 'b' is taken by f.yaml:5:5; give one of them an 'id'",
        "f.yaml:10:5: this should be a city: {name: …, lat: …, lon: …}, not 5",
    ]


def test_missing_and_empty_keys_get_defaults() -> None:
    """Rows without an interval, providers or time zone get the defaults, and share one tuple of providers."""
    general = {"interval": 90.0, "providers": ("openweathermap", "open-meteo"), "timezone": "Asia/Tokyo"}
    ulm = "name: Ulm, lat: 48, lon: 10, interval: , providers: , timezone: "
    bonn = "name: Bonn, lat: 50, lon: 7, interval: 5m, timezone: Europe/Berlin"
    text = f"cities: [{KIEL}, {{{ulm}}}, {{{bonn}}}]"
    cities = parse_cities([("f", text)], PROVIDERS, general).cities
    assert [city.interval for city in cities] == [90.0, 90.0, 300.0]
    assert [city.timezone for city in cities] == ["Asia/Tokyo", "Asia/Tokyo", "Europe/Berlin"]
    assert {city.providers for city in cities} == {("openweathermap", "open-meteo")}
    assert len({id(city.providers) for city in cities}) == 1


def test_tags_are_texts_and_shared() -> None:
    """Numbers and truth values become texts; cities with the same tags share one object."""
    row = "{{name: {}, lat: 48, lon: 10, tags: {{floor: 3, open: true, region: north}}}}"
    ulm, bonn = rows(row.format("Ulm"), row.format("Bonn")).cities
    assert dict(ulm.tags) == {"floor": "3", "open": "true", "region": "north"}
    assert ulm.tags is bonn.tags
    assert hash(ulm)


def test_a_reload_reuses_equal_cities() -> None:
    """Equal cities are the same objects as before; changed and added ones are new objects."""
    known = rows(KIEL, "{name: Ulm, lat: 48, lon: 10}").rows
    before = known.cities
    text = f"cities:\n- {{name: Bonn, lat: 50, lon: 7}}\n- {{name: Ulm, lat: 48.1, lon: 10}}\n- {KIEL}\n"
    after = parse_cities([("f.yaml", text)], PROVIDERS, reuse=known).cities
    assert [city.id for city in after] == ["bonn", "ulm", "kiel"]
    assert after[2] is before[0]
    assert after[1] != before[1]
    assert rows(KIEL).cities[0] is not before[0]


def test_all_unknown_keys_of_a_file_are_reported() -> None:
    """They are reported at once."""
    assert [message.split(": ")[0] for message in get_rejection("a: 1\ncities: []\nb: 2")] == [
        "f.yaml:1:1",
        "f.yaml:3:1",
    ]


def test_an_empty_list_is_valid() -> None:
    """It has no cities and no problems."""
    assert parse_cities([("f", "cities: []")], PROVIDERS) == CityList(())


def test_a_folder_is_read_in_the_order_of_file_names(tmp_path: Path) -> None:
    """``*.yaml`` and ``*.yml`` files are read; hidden files, backups and others are not."""
    for name in ("b.yml", "a.yaml", "10.yaml", ".hidden.yaml", "c.yaml~", "d.txt", "..data"):
        (tmp_path / name).write_text(f"cities: [{{name: '{name}', lat: 1, lon: 1}}]")
    assert [city.name for city in load_cities([tmp_path], PROVIDERS).cities] == ["10.yaml", "a.yaml", "b.yml"]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("", "is a folder without a *.yaml, *.csv or *.jsonl file"),
        ("nope.yaml", "cannot be read: No such file or directory; weatherd cities add NAME creates it"),
        ("nope.csv", "cannot be read: No such file or directory"),
        ("n" * 5000, "cannot be read: File name too long"),
    ],
)
def test_a_missing_list_is_an_error(tmp_path: Path, name: str, message: str) -> None:
    """The problem names the path."""
    with pytest.raises(ConfigError) as caught:
        load_cities([tmp_path / name], PROVIDERS)
    assert str(caught.value) == f"{tmp_path / name}: {message}"


def test_a_folder_instead_of_a_file_is_an_error(tmp_path: Path) -> None:
    """This holds even if the name of the folder ends in .yaml."""
    (tmp_path / "a.yaml").mkdir()
    with pytest.raises(ConfigError, match=r"a\.yaml: cannot be read: Is a directory"):
        load_cities([tmp_path], PROVIDERS)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Kiel", "kiel"),
        ("München", "munchen"),
        ("Gießen", "giessen"),
        ("São Paulo", "sao-paulo"),
        ("Tromsø", "tromso"),
        ("Łódź", "lodz"),
        ("L'Aquila", "l-aquila"),
        ("  a  --  b  ", "a-b"),
        ("10 Downing St.", "10-downing-st"),
        ("x" * 200, "x" * 64),
        ("x" * 63 + " y", "x" * 63),
        ("İstanbul", "istanbul"),
        ("Москва", "moskva"),
        ("東京", "dongjing"),
        ("Αθήνα", "athina"),
        ("北京 2", "beijing-2"),
        ("Москва (Moscow)", "moscow"),
        ("И\u0306ошкар-Ола", "yoshkar-ola"),
        ("🌧", "cloud-rain"),
        ("2", "2"),
    ],
)
def test_an_id_is_derived_from_the_name(name: str, expected: str) -> None:
    """Accents are removed, ligatures are split, other scripts transliterated; other characters become one dash."""
    assert make_slug(name) == expected


@given(st.text())
def test_every_name_has_a_valid_id(name: str) -> None:
    """An id is 1 to 64 characters of lower-case ASCII, stable, and accepted as an ``id``."""
    made = make_slug(name)
    assert make_slug(name) == made
    assert City(name="X", lat=0, lon=0, id=made).id == made


def test_names_in_other_scripts_have_distinct_ids() -> None:
    """Transliteration distinguishes Tokyo and Osaka; emoji and the joiners that scripts need are allowed in a name."""
    names = ["東京", "大阪", "Киев", "خرم\u200cآباد", "🌧", "👨\u200d👩\u200d👧", "Ville\u00a0Neuve"]
    found = rows(*(f"{{name: {name}, lat: 1, lon: 1}}" for name in names))
    assert [city.name for city in found.cities] == names
    assert len({city.id for city in found.cities}) == len(names)
    assert not [city.id for city in found.cities if city.id.startswith("city-")]


@given(st.text(), st.sampled_from("abcxyzäéñøß"), st.text())
def test_ids_of_latin_names_are_those_of_earlier_releases(before: str, letter: str, after: str) -> None:
    """Only names without a Latin letter have new ids, so that the others keep their history."""
    name = before + letter + after
    assert make_slug(name) == make_former_slug(name)
    assert make_former_slug("Москва") == "city-2b706e6a"


def test_a_long_list_loads() -> None:
    """Every valid row is used, also with time zones and invalid rows in between."""
    row = "- {{name: Place {n}, lat: {lat}, lon: 1.5, timezone: {zone}}}\n"
    lines = [
        row.format(n=n, lat=n % 91, zone="Europa/Berlin" if n % 100 == 0 else "Europe/Berlin") for n in range(20_000)
    ]
    found = parse_cities([("f", "cities:\n" + "".join(lines))], PROVIDERS)
    assert (len(found.cities), len(found.quarantined)) == (19_800, 200)
    assert found.cities[-1].id == "place-19999"


@given(st.dictionaries(st.sampled_from(["name", "lat", "lon", "id", "providers", "timezone"]), VALUES))
def test_any_row_is_used_or_quarantined(row: dict[str, Any]) -> None:
    """A row is either used or quarantined, its neighbour is used, and coordinates are valid."""
    text = json.dumps(
        {"cities": [row, {"name": "Kiel", "lat": 54.3, "lon": 10.1, "id": "neighbour"}]}, ensure_ascii=False
    )
    try:
        parse_yaml(text, "f")
    except ConfigError:
        return  # JSON may hold characters that YAML does not allow
    found = parse_cities([("f", text)], PROVIDERS)
    assert len(found.cities) + len(found.quarantined) == 2
    assert found.cities[-1].id == "neighbour"
    assert all(math.isfinite(city.lat) and abs(city.lat) <= 90 for city in found.cities)


MERGE = (
    "unknown key '<<'; merge keys (<<) are not read: write out the keys, or use the general settings in weatherd.yaml"
)


def test_merge_keys_are_not_read() -> None:
    """The problem names the row or the file, and what to do instead."""
    text = "cities:\n- &a {name: A, lat: 1, lon: 1}\n- {<<: *a, name: B}\n"
    found = parse_cities([("f.yaml", text)], ["open-meteo"])
    assert [city.name for city in found.cities] == ["A"]
    assert [[str(problem) for problem in row] for row in found.quarantined] == [[f"f.yaml:3:4: 'B': {MERGE}"]]
    with pytest.raises(ConfigError) as error:
        parse_cities([("f.yaml", "x-base: &a {lat: 1}\n<<: {}\ncities: []\n")], [])
    x_key = "keys that begin with x- are not ignored: put an anchor (&) at the first value that it stands for"
    assert str(error.value) == f"f.yaml:1:1: unknown key 'x-base'; {x_key}\nf.yaml:2:1: {MERGE}"


def test_an_anchor_repeats_a_value() -> None:
    """Aliases of values are read."""
    text = "cities:\n- {name: A, lat: 1, lon: 1, providers: &p [nws]}\n- {name: B, lat: 1, lon: 1, providers: *p}\n"
    assert [city.providers for city in parse_cities([("f.yaml", text)], ["nws"]).cities] == [("nws",), ("nws",)]
