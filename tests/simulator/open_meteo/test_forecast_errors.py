"""The simulated Open-Meteo rejects invalid requests with the real service's messages."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.simulator.open_meteo.requests import KIEL, NOW, rejection_reason
from weatherd.simulator.open_meteo.forecast import handle_forecast


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ({"latitude": ["999"]}, "Latitude must be in range of -90 to 90°. Given: 999.0."),
        ({"latitude": ["nan"]}, "Latitude must be in range of -90 to 90°. Given: nan."),
        ({"longitude": ["-181"]}, "Longitude must be in range of -180 to 180°. Given: -181.0."),
        (
            {"latitude": ["1,2"]},
            "Parameter 'latitude' and 'longitude' must have the same number of elements",
        ),
        ({"latitude": [], "longitude": []}, "Parameter 'latitude' and 'longitude' must not be empty"),
        (
            {"latitude": ["1," * 1001], "longitude": ["1," * 1001]},
            "Only up to 1000 locations can be requested at once",
        ),
        ({"timezone": ["Mars/Olympus"]}, "Invalid timezone"),
        ({"timezone": ["Europe"]}, "Invalid timezone"),
        ({"timezone": ["/etc/passwd"]}, "Invalid timezone"),
        ({"latitude": ["north"]}, "Cannot initialize Float from invalid String value north for key latitude"),
        (
            {"current": ["is_day,tempeture_2m"]},
            "Cannot initialize WeatherVariable from invalid String value tempeture_2m for key current",
        ),
        ({"forecast_days": ["17"]}, "Forecast days is invalid. Allowed range 0 to 16. Given 17."),
        (
            {"wind_speed_unit": ["bft"]},
            "Cannot initialize WindspeedUnit from invalid String value bft for key wind_speed_unit",
        ),
        ({"elevation": ["1", "2"]}, "Parameter 'elevation' must have the same number of elements as coordinates"),
    ],
)
def test_rejected_requests(query: dict[str, list[str]], expected: str) -> None:
    """An invalid parameter is rejected with the service's message; one invalid location fails the whole list."""
    assert rejection_reason(**query) == expected


@pytest.mark.parametrize("form", ["flatbuffers", "csv", "xlsx"])
def test_other_formats_are_rejected(form: str) -> None:
    """A format that is not simulated is rejected by name, and never sent as JSON."""
    assert form in rejection_reason(current=["is_day"], format=[form])


def test_time_ranges_are_rejected() -> None:
    """A parameter for a time range is rejected by name, because ignoring it would return another range."""
    assert "start_date" in rejection_reason(start_date=["2026-01-01"], end_date=["2026-01-02"])


@given(
    st.dictionaries(
        st.sampled_from(
            ["latitude", "timezone", "elevation", "current", "daily", "forecast_days", "timeformat", "wind_speed_unit"]
        ),
        st.lists(st.text(), max_size=2),
    )
)
def test_any_query_gets_a_response(query: dict[str, list[str]]) -> None:
    """Any query gets a result or a reason, never an exception."""
    status, body = handle_forecast(KIEL | query, NOW)
    assert (status == 200) != (status == 400 and bool(body["reason"]))
