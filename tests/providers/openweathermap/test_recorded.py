"""Recorded responses of OpenWeatherMap. They belong to others: they are read in place, and skipped if missing."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.fakes import KIEL
from weatherd.errors import Failure, ProviderError
from weatherd.http.response import Response
from weatherd.observation import Observation
from weatherd.providers.openweathermap.client import parse_openweathermap

if TYPE_CHECKING:
    from pathlib import Path

NOW = datetime(2026, 10, 4, 12, tzinfo=UTC)
NAMES = (
    "temperature",
    "apparent_temperature",
    "relative_humidity",
    "pressure_msl",
    "wind_speed",
    "wind_direction",
    "wind_gust",
    "precipitation",
    "cloud_cover",
    "visibility",
)
DRIZZLE = (1544194800, 51, "light intensity drizzle")
# dt, code, description; then, in the order of NAMES: °C, °C, %, hPa, m/s, °, m/s, mm, %, m
WEATHER: dict[str, tuple[Any, ...]] = {
    "docexample_current_zocca.json": (
        *(1661870592, 63, "moderate rain"),
        *(25.33, 25.59, 64, 1015, 0.62, 349, 1.18, 3.16, 100, 10000),
    ),
    "multi_brixton_mist_fog_no_deg.json": (
        *(1539629400, 10, "mist"),
        *(13.87, None, 93, 1014, 1.5, None, None, 0.0, 90, 1100),
    ),
    "multi_hyderabad_mist_rain_gust.json": (
        *(1663017254, 10, "mist"),
        *(23.73, 24.61, 94, 1007, 4.12, 240, 9.26, 0.21, 100, 5000),
    ),
    "multi_moscow_drizzle_mist_snow.json": (
        *(1613925433, 51, "light intensity drizzle"),
        *(-6.88, -11.86, 93, 1015, 3, 100, None, 0.34, 90, 2800),
    ),
    "owmphp_current_lisbon_doctored_rain_and_snow.json": (
        *(1687949133, 0, "clear sky"),
        *(27.12, 28.16, 59, 1013, 9.26, 360, 2.34, 0.31, 0, 10000),
    ),
    "owmphp_current_lisbon_scattered_clouds_day.json": (
        *(1785573885, 2, "scattered clouds"),
        *(22.55, 22.87, 77, 1016, 4.47, 190, 7.6, 0.0, 48, 10000),
    ),
    "pyowm_observation_london_kelvin_2013.json": (
        *(1378895177, 3, "overcast clouds"),
        *(15.29, None, 75, 1022, 1.54, 31, 2.57, 0.0, 92, None),
    ),
    "telegraf_drizzle_no_rain_object.json": (
        *DRIZZLE,
        *(9.25, 8.25, 87, 1007, 8.7, 290, None, 0.0, None, 10000),
    ),
    "telegraf_london_overcast_night.json": (
        *(1556444155, 3, "overcast clouds"),
        *(8.94, 7.91, 90, 997, 2.06, 250, None, 0.0, 100, 10000),
    ),
    "telegraf_paris_drizzle_no_cod.json": (*DRIZZLE, *(9.25, 8.25, 87, 1007, 8.7, 290, None, 0.0, 0, 10000)),
    "telegraf_rain_1h_and_3h.json": (*DRIZZLE, *(9.25, 8.25, 87, 1007, 8.7, 290, None, 1.3, None, 10000)),
    "telegraf_rain_1h_no_coord_no_clouds.json": (*DRIZZLE, *(9.25, 8.25, 87, 1007, 8.7, 290, None, 1.0, None, 10000)),
    "telegraf_rain_3h_only.json": (*DRIZZLE, *(9.25, 8.25, 87, 1007, 8.7, 290, None, None, None, 10000)),
    "telegraf_snow_1h.json": (*DRIZZLE, *(9.25, 8.25, 87, 1007, 8.7, 290, None, 1.0, None, 10000)),
    "telegraf_snow_1h_and_3h.json": (*DRIZZLE, *(9.25, 8.25, 87, 1007, 8.7, 290, None, 1.3, None, 10000)),
    "telegraf_snow_3h_only.json": (*DRIZZLE, *(9.25, 8.25, 87, 1007, 8.7, 290, None, None, None, 10000)),
    "vcr_london_light_rain_night_1h.json": (
        *(1588044368, 61, "light rain"),
        *(9.42, 4.58, 81, 1005, 5.7, 70, None, 0.51, 100, 10000),
    ),
    "vcr_london_moderate_rain_day_lat_lon.json": (
        *(1588048665, 63, "moderate rain"),
        *(8.93, 4.22, 87, 1005, 5.7, 90, None, 1.52, 75, 8000),
    ),
    "vcr_moscow_lang_ru_clear.json": (
        *(1588338706, 0, "ясно"),
        *(12, 7.15, 27, 1014, 3, 90, None, 0.0, 0, 10000),
    ),
    "vcr_new_york_wind_without_deg_kelvin.json": (
        *(1588045785, 3, "overcast clouds"),
        *(6.71, 3.67, 75, 1019, 2.1, None, None, 0.0, 90, 16093),
    ),
}
ADVICE = " (check openweathermap.api_key; a new key takes up to two hours to work)"
NOT_ONE = (200, "the response is not the current weather of one place", Failure.MALFORMED)
BLOCKED = (
    429,
    (
        "429: Your account is temporary blocked due to exceeding of requests limitation of your subscription type."
        " Please choose the proper subscription http://openweathermap.org/price"
    ),
    Failure.RATE_LIMITED,
)
FAILURES: dict[str, tuple[int, str, Failure]] = {
    "error_401_onecall_subscription_required.json": (
        401,
        (
            "401: Please note that using One Call 3.0 requires a separate subscription to the One Call by Call plan."
            " Learn more here https://openweathermap.org/price. If you have a valid subscription to the One Call by"
            f"{ADVICE}"
        ),
        Failure.DENIED,
    ),
    "find_london_five_rain_null_snow_null.json": NOT_ONE,
    "issue_error_429_account_blocked.json": BLOCKED,
    "issue_error_500_plain_text.txt": (500, "the service responded with status 500", Failure.BROKEN),
    "owmphp_error_400_wrong_latitude.json": (400, "400: wrong latitude", Failure.REJECTED),
    "owmphp_error_404_generic.json": (404, "404: not found", Failure.REJECTED),
    "owmphp_onecall3_lisbon_full.json": NOT_ONE,
    "owmphp_onecall4_current_rain.json": NOT_ONE,
    "owmphp_onecall4_current_snow_alert_urn.json": NOT_ONE,
    "pyowm_bbox_two_cities_list.json": NOT_ONE,
    "pyowm_error_404_no_data.json": (404, "404: no data", Failure.REJECTED),
    "pyowm_error_404_not_found_city.json": (404, "404: Error: Not found city", Failure.REJECTED),
    "pyowm_find_no_results_count0.json": NOT_ONE,
    "pyowm_find_two_cities_list.json": NOT_ONE,
    "pyowm_onecall_error_400.json": (400, "400: Nothing to geocode", Failure.REJECTED),
    "pyowm_onecall_error_404.json": (404, "404: Not found", Failure.REJECTED),
    "pyowm_onecall_error_413.json": (413, "413: entity too large", Failure.REJECTED),
    "pyowm_onecall_error_429.json": BLOCKED,
    "pyowm_onecall_two_weather_entries_rain_and_mist.json": NOT_ONE,
    "vcr_error_401_invalid_key.json": (
        401,
        f"401: Invalid API key. Please see http://openweathermap.org/faq#error401 for more info.{ADVICE}",
        Failure.DENIED,
    ),
    "vcr_group_three_cities_no_cod.json": NOT_ONE,
    "vcr_onecall_error_400_out_of_range.json": (
        400,
        "400: requested time is out of allowed range of 5 days back",
        Failure.REJECTED,
    ),
    "../generic/nginx_502_bad_gateway.html": (502, "the service responded with status 502", Failure.UNAVAILABLE),
}


def test_every_file_has_an_expectation(recorded: Path) -> None:
    """Each recorded file has an expected result."""
    names = {file.name for file in (recorded / "openweathermap").iterdir()}
    names |= {f"../generic/{file.name}" for file in (recorded / "generic").iterdir()}
    assert names == WEATHER.keys() | FAILURES.keys()


@pytest.mark.parametrize("name", WEATHER)
def test_current_weather(recorded: Path, name: str) -> None:
    """Each value is parsed: kelvin is recognized, missing values are None, the first condition counts."""
    dt, code, description, *values = WEATHER[name]
    expected = Observation(
        city=KIEL.id,
        provider="openweathermap",
        observed_at=datetime.fromtimestamp(dt, UTC),
        fetched_at=NOW,
        code=code,
        description=description,
        **dict(zip(NAMES, values, strict=True)),
    )
    body = (recorded / "openweathermap" / name).read_bytes()
    assert parse_openweathermap(KIEL, Response(200, body), NOW) == expected


@pytest.mark.parametrize(("name", "expected"), FAILURES.items())
def test_no_current_weather(recorded: Path, name: str, expected: tuple[int, str, Failure]) -> None:
    """Any other response is an error with the service's own reason and the right kind of failure."""
    status, reason, failure = expected
    body = (recorded / "openweathermap" / name).read_bytes()
    with pytest.raises(ProviderError) as caught:
        parse_openweathermap(KIEL, Response(status, body), NOW)
    assert (str(caught.value), caught.value.failure) == (reason, failure)


@pytest.mark.parametrize("name", [name for name in FAILURES if name.endswith(".json")])
def test_a_json_error_under_status_200(recorded: Path, name: str) -> None:
    """The status in the body, a number or a text, counts as the HTTP status does."""
    _, reason, failure = FAILURES[name]
    body = (recorded / "openweathermap" / name).read_bytes()
    with pytest.raises(ProviderError) as caught:
        parse_openweathermap(KIEL, Response(200, body), NOW)
    assert (str(caught.value), caught.value.failure) == (reason, failure)


@pytest.mark.parametrize("name", [name for name in FAILURES if not name.endswith(".json")])
def test_no_json_under_status_200(recorded: Path, name: str) -> None:
    """An HTML page or plain text is a malformed response."""
    body = (recorded / "openweathermap" / name).read_bytes()
    with pytest.raises(ProviderError, match=r"^the response is (not JSON|an HTML page)$") as caught:
        parse_openweathermap(KIEL, Response(200, body), NOW)
    assert caught.value.failure is Failure.MALFORMED
