"""``weatherd NAME``: one city's weather on a card."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len

from weatherd.city import City
from weatherd.cli.card.art import ART_WIDTH, draw_weather
from weatherd.cli.card.colors import choose_color
from weatherd.cli.card.current_weather import CurrentWeather
from weatherd.cli.card.layout import format_card
from weatherd.cli.card.lookup import build_weather
from weatherd.daemon.status import CityState
from weatherd.formatting import to_dict
from weatherd.observation import Observation
from weatherd.text.control_characters import CONTROLS
from weatherd.text.display import Display
from weatherd.web.schemas import CityDetail, ObservationModel
from weatherd.wmo import DESCRIPTIONS

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Weatherd

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
KIEL = City(name="Kiel", lat=54.3, lon=10.1, timezone="Europe/Berlin")
RAIN = Observation(
    "kiel", "open-meteo", NOW - timedelta(minutes=4), NOW, 6.4, "rain", 63, "", 3.2, 81.0, 1013.2, 5.1, 225.0, 9.0, 0.2
)
DAY = [(NOW - timedelta(hours=24 - hour), float(hour % 12)) for hour in range(24)]


def card(weather: CurrentWeather, width: int | None = 60, display: Display | None = None) -> list[str]:
    """Return the lines of a card as plain text."""
    return [line.plain for line in format_card(weather, display or Display(), NOW, width)]


@pytest.fixture(autouse=True)
def _no_daemon(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """Switch the HTTP interface off, because a daemon of this machine's user may listen at the usual port."""
    assert folder.is_dir()
    monkeypatch.setenv("WEATHERD_HTTP__ENABLED", "false")
    monkeypatch.setenv("WEATHERD_STATE", str(folder / "state"))


def test_a_card_has_what_people_look_for() -> None:
    """It has the value, feels like, wind with its arrow, rain, humidity, low and high with local times, and the age."""
    text = "\n".join(card(CurrentWeather(KIEL, RAIN, history=DAY)))
    for part in (
        "Kiel", "6 °C", "rain", "feels like 3 °C", "wind ↗ SW 5.1 m/s", "gusts 9.0 m/s", "rain 0.2 mm", "humidity 81 %",
        "low 0 °C at 13:00", "high 11 °C at 00:00", "observed 4m ago (12:56 CET) by open-meteo",
    ):  # fmt: skip
        assert part in text
    assert "stale" not in text


def test_units_and_words_are_the_readers() -> None:
    """With us units and German, every value and the words change."""
    text = "\n".join(card(CurrentWeather(KIEL, RAIN, history=DAY), display=Display("us", "de")))
    assert "44 °F" in text
    assert "Regen" in text
    assert "°C" not in text


def test_a_stale_card_says_so_and_why() -> None:
    """Old weather is marked, with the reason why there is no newer one."""
    text = "\n".join(card(CurrentWeather(KIEL, RAIN, is_stale=True, problem="status 503")))
    assert "stale: observed 4m ago" in text
    assert "status 503" in text


def test_suspect_values_are_marked() -> None:
    """With a question mark each, and the tests that they failed below the values."""
    doubt = RAIN._replace(quality="suspect: temperature step, wind_gust consistency")
    text = "\n".join(card(CurrentWeather(KIEL, doubt)))
    for part in ("6 °C? ", "gusts 9.0 m/s?", "wind ↗ SW 5.1 m/s ", doubt.quality):
        assert part in text
    assert "?" not in "\n".join(card(CurrentWeather(KIEL, RAIN)))


@pytest.mark.parametrize(
    ("state", "is_stale", "has_problem"), [("fresh", False, False), ("stale", True, True), ("down", False, True)]
)
def test_only_weather_that_exceeds_its_age_is_stale(state: str, *, is_stale: bool, has_problem: bool) -> None:
    """While the polls of a city fail, its last weather is shown with the reason, but it may be minutes old."""
    detail = CityDetail(
        id="kiel", name="Kiel", lat=54.3, lon=10.1, state=CityState(state), failure="open-meteo: status 503", next=None,
        observation=None, providers=["open-meteo"], interval=600.0, phase=0.0, budget=7200.0, attempt=None,
    )  # fmt: skip
    weather = build_weather(detail, ObservationModel(**to_dict(RAIN)), DAY)
    assert (weather.is_stale, weather.build_document()["stale"]) == (is_stale, is_stale)
    assert (weather.problem == "open-meteo: status 503") == has_problem


@pytest.mark.parametrize("width", [24, 40, 60, 80, 200])
@pytest.mark.parametrize(
    "name", ["Kiel", "東京都千代田区" * 6, "القاهرة", "Llanfair" * 20, "👩‍👩‍👧‍👦 Kiel", "evil\x1b[2J\u202e"]
)
def test_no_line_is_wider_than_the_terminal(width: int, name: str) -> None:
    """In cells, not in characters; control characters of a name are shown, not executed."""
    weather = CurrentWeather(City(name="x", lat=1, lon=1), RAIN, history=DAY, region=name)
    object.__setattr__(weather.city, "name", name)
    lines = card(weather, width)
    assert max(map(cell_len, lines)) <= width
    assert not any(map(CONTROLS.search, lines))


def test_a_right_to_left_name_is_alone_on_its_line() -> None:
    """A terminal reorders a line that has one, so that no number may stand beside it."""
    cairo = replace(KIEL, name="القاهرة", id="cairo")
    (line,) = [line for line in card(CurrentWeather(cairo, RAIN)) if "القاهرة" in line]
    assert line.strip() == "القاهرة"


@pytest.mark.parametrize("is_day", [True, False])
@pytest.mark.parametrize("code", [*DESCRIPTIONS])
def test_every_condition_has_a_picture(code: int, *, is_day: bool) -> None:
    """Each has five lines of 13 cells in plain ASCII; a clear sky has another picture at night."""
    rows = [row.plain for row in draw_weather(code, is_day=is_day)]
    assert [cell_len(row) for row in rows] == [ART_WIDTH] * 5
    assert "".join(rows).isascii()
    assert "".join(rows).strip()
    if code in (0, 1, 2, 80, 95 - 10):
        assert rows != [row.plain for row in draw_weather(code, is_day=not is_day)]


def test_weather_without_a_code_has_no_picture() -> None:
    """The values begin at the left then."""
    assert draw_weather(None, is_day=True) == []
    assert any(line.startswith("  6 °C") for line in card(CurrentWeather(KIEL, RAIN._replace(code=None))))


def test_the_color_follows_the_scale() -> None:
    """The color is that of the nearest 5 °C, also below and above the scale."""
    assert choose_color(-60) == choose_color(-40) != choose_color(-35)
    assert choose_color(2.4) == choose_color(0) != choose_color(2.6)
    assert choose_color(60) == choose_color(45)


def test_a_city_of_the_list_is_polled_without_a_daemon(weatherd: Weatherd) -> None:
    """A name alone is the command now; case does not matter."""
    code, text, _ = weatherd("kiel")
    assert code == 0
    assert text.splitlines()[0].strip() == "Kiel"
    assert weatherd("now", "kiel")[1].splitlines()[0].strip() == "Kiel"


def test_accents_and_spaces_may_be_typed_otherwise(weatherd: Weatherd, folder: Path) -> None:
    """A city is found by the words of its id, too: ``sao tome``, or a name in Latin letters."""
    (folder / "cities.yaml").write_text(
        "cities:\n  - {name: São Tomé, lat: 0.3, lon: 6.7}\n  - {name: Москва, lat: 55.8, lon: 37.6}\n"
    )
    for typed, name in (("Sao Tome", "São Tomé"), ("são tome", "São Tomé"), ("MOSKVA", "Москва")):
        assert weatherd("now", typed)[1].splitlines()[0].strip() == name


def test_a_place_that_is_not_listed_is_searched_for(weatherd: Weatherd) -> None:
    """The card says where it is; a name may have several words without quotes."""
    code, text, _ = weatherd("New", "York")
    assert code == 0
    assert [line.strip() for line in text.splitlines()[:2]] == ["New York", "New York, United States"]
    _, _, err = weatherd("Frankfurt")
    assert "weatherd cities search" in err  # because another place has that name


def test_the_formats_are_a_line_and_json(weatherd: Weatherd) -> None:
    """A line is that of console.format; JSON has the values in metric units and UTC, with low and high."""
    _, line, _ = weatherd("Kiel", "--format", "line")
    assert line.startswith("Kiel: ")
    assert line.count("\n") == 1
    _, text, _ = weatherd("Kiel", "-f", "json")
    document = json.loads(text)
    assert document["name"] == "Kiel"
    assert document["low"] <= document["temperature"] <= document["high"]


def test_an_unknown_name_gets_a_suggestion(weatherd: Weatherd) -> None:
    """A city of the list that is similar is suggested; a mistyped command is not taken for a place."""
    code, _, err = weatherd("Kil")
    assert (code, "did you mean 'Kiel'?" in err) == (69, True)
    code, _, err = weatherd("staus")
    assert (code, "Did you mean 'status'" in err, "weatherd now staus" in err) == (64, True, True)
