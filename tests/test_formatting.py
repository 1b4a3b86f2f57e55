"""Observations as text: a line in the user's format, and plain values for JSON and CSV."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fakes import KIEL, make_fetched, observation
from weatherd.city import City
from weatherd.config.settings import ConsoleSection
from weatherd.formatting import TEMPLATE_FIELDS, format_line, format_rfc3339, to_dict, validate_template
from weatherd.text.display import Display

NUMBERS = st.none() | st.floats(-1000, 1000)
FORMATS = st.lists(
    st.sampled_from([f"{{{name}}}" for name in TEMPLATE_FIELDS])
    | st.sampled_from(
        ["{temperature:.1f}", "{name:>20}", "{unit}", "{observed_at:%H:%M}", "{code!s:5}", "{code:03d}", "{{", "}}"]
    )
    | st.text("ab °%:", max_size=5),
    max_size=6,
).map("".join)


@pytest.mark.parametrize(
    ("template", "text"),
    [
        (ConsoleSection().format, "Kiel: 6 °C :: light rain"),
        ("{temperature:+.1f}|{temperature:6.1f}|{temperature}", "+6.0|   6.0|6.0"),
        ("{name:>6}|{name:<6}|{name!r}", "  Kiel|Kiel  |'Kiel'"),
        ("{{name}} {code} {city} {provider}", "{name} 61 kiel fake"),
        ("{wind_speed:.1f} {cloud_cover!r} {wind_gust!s:>9}", "– – –"),
        ("{fetched_at:%S} {unit}|{unit:>4}|{unit!r}", "01 °C|  °C|'°C'"),
        ("", ""),
    ],
)
def test_a_template_is_filled_in(template: str, text: str) -> None:
    """Fields accept Python's format specs; a dash replaces a missing value in any format."""
    assert format_line(validate_template(template), make_fetched()) == text


def test_times_are_in_the_time_zone_of_the_city() -> None:
    """The default is this machine's."""
    city = City(name="Tokyo", lat=35.7, lon=139.7, timezone="Asia/Tokyo")
    assert format_line("{observed_at:%H:%M %Z}", make_fetched(city)) == "09:00 JST"
    local = observation().observed_at.astimezone()
    assert format_line("{observed_at:%H:%M %Z}", make_fetched(KIEL)) == f"{local:%H:%M %Z}"


@pytest.mark.parametrize(
    ("display", "text"),
    [
        (Display(), "Kiel: 6 °C :: light rain"),
        (Display("us"), "Kiel: 43 °F :: light rain"),
        (Display("uk", "de"), "Kiel: 6 °C :: leichter Regen"),
        (Display("us", "fi"), "Kiel: 43 °F :: heikkoa vesisadetta"),
    ],
)
def test_the_line_is_in_the_units_and_language_of_the_reader(display: Display, text: str) -> None:
    """The default format shows the unit; the observation itself is not changed."""
    fetched = make_fetched()
    assert format_line(ConsoleSection().format, fetched, display) == text
    assert fetched == make_fetched()


def test_all_quantities_of_a_line_are_converted() -> None:
    """Every field has the unit of the reader's system, also after the observation has become stale."""
    template = "{temperature} {pressure_msl} {wind_speed} {precipitation} {visibility} {wind_gust}"
    fetched = make_fetched(pressure_msl=1000.0, wind_speed=10.0, precipitation=5.0, visibility=1000.0)
    assert format_line(template, fetched, Display("us")) == "42.8 29.53 22.4 0.2 0.6 –"
    assert format_line("", fetched._replace(stale=True), Display("us")).startswith(" (stale: of ")


@pytest.mark.parametrize(("degrees", "text"), [(-0.3, "0|   0|-0.3"), (-0.6, "-1|  -1|-0.6"), (-0.0, "0|   0|0.0")])
def test_zero_has_no_sign(degrees: float, text: str) -> None:
    """A value that rounds to zero has no minus sign."""
    assert format_line("{temperature:.0f}|{temperature:4.0f}|{temperature}", make_fetched(temperature=degrees)) == text


@pytest.mark.parametrize(
    ("template", "message"),
    [
        ("{temprature}", "should not contain {temprature}; did you mean 'temperature'?"),
        ("{temperature.__class__}", "should not contain {temperature.__class__}; did you mean 'temperature'?"),
        ("{name[0]}", "should not contain {name[0]}; did you mean 'name'?"),
        ("{}", "should not contain {}"),
        ("{0}", "should not contain {0}"),
        ("{name:{temperature}}", "should not contain a field inside a field"),
        ("{name:99999999999}", "should have widths and precisions below 1000, not '99999999999'"),
        ("{temperature:.99999f}", "should have widths and precisions below 1000, not '.99999f'"),
        ("{name", "is not a format string: expected '}' before end of string"),
        ("name}", "is not a format string: Single '}' encountered in format string"),
        ("{temperature:d}", "is not a format string: Unknown format code 'd' for object of type 'float'"),
        ("{visibility:d}", "is not a format string: Unknown format code 'd' for object of type 'float'"),
        ("{name:.1f}", "is not a format string: Unknown format code 'f' for object of type 'str'"),
        ("{name!z}", "is not a format string: Unknown conversion specifier z"),
        ("{code:c}{temperature:s}", "is not a format string: Unknown format code 's' for object of type 'float'"),
    ],
)
def test_an_invalid_template_is_rejected_at_startup(template: str, message: str) -> None:
    """The message names the field; a template that would fail for only some observations is rejected too."""
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - its text is compared below
        validate_template(template)
    assert str(caught.value) == message


@given(
    FORMATS,
    st.floats(-100, 70),
    st.fixed_dictionaries(dict.fromkeys(("wind_speed", "visibility"), NUMBERS)),
    st.none() | st.integers(0, 99),
)
def test_a_validated_template_formats_every_observation(
    template: str, temperature: float, numbers: dict[str, Any], code: int | None
) -> None:
    """A template that is accepted at startup never fails later."""
    assert isinstance(
        format_line(validate_template(template), make_fetched(temperature=temperature, code=code, **numbers)), str
    )


@given(st.text("{}!:.[]0123456789abcdefnxX%,+-<>^=# ", max_size=12) | st.text(max_size=8))
def test_any_template_works_or_is_a_value_error(template: str) -> None:
    """Nothing but ValueError is raised for any text in the file."""
    try:
        validate_template(template)
    except ValueError:
        return
    assert isinstance(format_line(template, make_fetched(visibility=0.1, temperature=-9.87)), str)


def test_plain_values_are_json_in_the_order_of_the_fields() -> None:
    """Times are strings, None stays None, and the names are those of templates."""
    values = to_dict(observation())
    assert tuple(values) == TEMPLATE_FIELDS[1:]
    assert values["observed_at"] == "2026-01-01T00:00:00Z"
    assert values["wind_speed"] is None
    assert json.loads(json.dumps(values)) == values


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 1, 31, 12, tzinfo=UTC), "2026-01-31T12:00:00Z"),
        (datetime(2026, 1, 31, 12, 0, 0, 123_999, tzinfo=UTC), "2026-01-31T12:00:00.123Z"),
        (datetime(2026, 1, 31, 12, tzinfo=timezone(timedelta(hours=5, minutes=30))), "2026-01-31T06:30:00Z"),
    ],
)
def test_times_are_rfc_3339_in_utc(moment: datetime, text: str) -> None:
    """Any timezone-aware time is written in UTC, with milliseconds unless they are zero."""
    assert format_rfc3339(moment) == text
