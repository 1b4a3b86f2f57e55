"""Computed quantities: published values, and nothing outside the range of a formula."""

from __future__ import annotations

import math

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.support.fakes import observation
from weatherd.alerts.language.compiler import compile_expression
from weatherd.alerts.language.known_names import CityFacts
from weatherd.alerts.weather_formulas import dew_point, frost_point, heat_index, wet_bulb, wind_chill

TEMPERATURES = st.floats(-100, 80)
HUMIDITIES = st.floats(0, 120)
SPEEDS = st.floats(0, 100)


@pytest.mark.parametrize(
    ("fahrenheit", "humidity", "index"),
    [
        (90, 40, 91), (90, 50, 95), (100, 40, 109), (110, 40, 136),
        (86, 90, 105), (96, 50, 108), (88, 75, 103), (84, 70, 90),
    ],
)  # fmt: skip
def test_heat_index_chart(fahrenheit: float, humidity: float, index: float) -> None:
    """The chart of the US National Weather Service, in °F."""
    result = heat_index((fahrenheit - 32) / 1.8, humidity)
    assert result is not None
    assert round(result * 1.8 + 32) == index


@pytest.mark.parametrize(
    ("celsius", "speed", "chill"),
    [(5, 5, 4), (0, 10, -3), (-10, 20, -18), (-25, 30, -39), (-40, 60, -64), (-50, 80, -81)],
)
def test_wind_chill_chart(celsius: float, speed: float, chill: float) -> None:
    """The chart of Environment Canada, in °C and km/h."""
    result = wind_chill(celsius, speed / 3.6)
    assert result is not None
    assert round(result) == chill


@pytest.mark.parametrize(
    ("dry", "wet", "humidity"),
    [(20, 15, 59), (10, 7, 65), (30, 25, 67), (25, 15, 33), (15, 13, 80)],
)
def test_psychrometric_table(dry: float, wet: float, humidity: float) -> None:
    """The table of relative humidity by dry and wet bulb, in °C at 1013 hPa; it rounds to one percent."""
    low, high = wet_bulb(dry, humidity - 1.0), wet_bulb(dry, humidity + 1.0)
    assert low is not None
    assert high is not None
    assert low < wet < high


@pytest.mark.parametrize(
    ("celsius", "humidity", "point"), [(20, 50, 9.3), (30, 70, 23.9), (0, 100, 0.0), (-10, 80, -12.8)]
)
def test_dew_point_values(celsius: float, humidity: float, point: float) -> None:
    """The values of WMO's formula to a tenth."""
    assert dew_point(celsius, humidity) == pytest.approx(point, abs=0.06)


def test_edges_of_the_ranges() -> None:
    """A calm has no wind chill, warm air none either, cool air no heat index; dry air has no dew point."""
    assert [wind_chill(-10, 0), wind_chill(-10, 0.5), wind_chill(10.1, 9), wind_chill(35, 0)] == [None] * 4
    assert wind_chill(10, 4.9 / 3.6) is not None
    assert [heat_index(20.0, 50), heat_index(20.1, 50), heat_index(26.9, 90), heat_index(51, 20)] == [None] * 4
    assert heat_index(27, 40) is not None
    assert [dew_point(20, 0), frost_point(20, 0), dew_point(20, -5), wet_bulb(20, -5)] == [None] * 4
    assert wet_bulb(20, 0) is not None
    assert [dew_point(61, 50), wet_bulb(61, 50), dew_point(-46, 50), wet_bulb(-46, 50)] == [None] * 4
    assert frost_point(10, 90) is None
    assert wind_chill(-10, 5.56) == pytest.approx(-10 - 7.86, abs=0.05)


def test_steps_at_the_edges_of_the_wind_chill() -> None:
    """At the least wind it is up to some kelvins below the air's temperature, which a rule has to know of."""
    least = 4.8001 / 3.6
    assert wind_chill(-10, least) == pytest.approx(-10 - 2.8, abs=0.05)
    assert wind_chill(10, least) == pytest.approx(10, abs=0.6)
    assert wind_chill(-40, least) == pytest.approx(-40 - 6.8, abs=0.1)


def test_unknown_wind_chill_in_rules() -> None:
    """In a calm the wind chill is unknown, not the temperature of the air; the documented rule fires and ends."""
    when = compile_expression("wind_chill < -15 or temperature < -15")
    until = compile_expression("wind_chill > -13 or temperature > 0")
    for temperature, wind, fires, ends in (
        (-10.0, 8.0, True, False), (-20.0, 0.0, True, None), (-5.0, 0.0, None, None), (5.0, 0.0, None, True),
        (20.0, 8.0, None, True),
    ):  # fmt: skip
        seen = observation(temperature=temperature, wind_speed=wind)
        assert (when.evaluate(seen, CityFacts()), until.evaluate(seen, CityFacts())) == (fires, ends)


def test_fog_counts_as_saturated() -> None:
    """Humidity above 100 % is 100 %: dew point, wet bulb and air are equal."""
    assert dew_point(8, 103) == dew_point(8, 100) == pytest.approx(8)
    assert wet_bulb(8, 103) == wet_bulb(8, 100) == pytest.approx(8)


@given(TEMPERATURES, HUMIDITIES)
def test_order_of_temperatures(temperature: float, humidity: float) -> None:
    """Dew point and wet bulb are not above the air, and the wet bulb is not below the dew point."""
    dew, wet, frost = (formula(temperature, humidity) for formula in (dew_point, wet_bulb, frost_point))
    for value in (dew, wet, frost, heat_index(temperature, humidity)):
        assert value is None or math.isfinite(value)
    if dew is not None and wet is not None:
        assert dew - 0.001 <= wet <= temperature
    if dew is not None and frost is not None:
        assert dew <= frost + 0.001


@given(TEMPERATURES, SPEEDS)
def test_wind_chill_is_not_above_the_air(temperature: float, speed: float) -> None:
    """Wind never warms, and more of it never chills less."""
    chill = wind_chill(temperature, speed)
    assume(chill is not None)
    stronger = wind_chill(temperature, speed + 1)
    assert stronger is not None
    assert chill is not None
    assert stronger <= chill <= temperature


@given(st.floats(27, 50), st.floats(40, 99))
def test_heat_index_grows_with_humidity(temperature: float, humidity: float) -> None:
    """Air that is more humid does not feel cooler, except for the two steps of the official formula, below 1 K."""
    drier, damper = heat_index(temperature, humidity), heat_index(temperature, humidity + 1)
    assert drier is not None
    assert damper is not None
    assert damper > drier - 1
