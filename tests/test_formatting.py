"""Observations as text: a line in the user's format, and plain values for JSON and CSV."""

from __future__ import annotations

import json
import re
import string
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fakes import KIEL, make_fetched, observation
from weatherd.city import City
from weatherd.config.settings import ConsoleSection
from weatherd.formatting import TEMPLATE_FIELDS, LineTemplate, format_rfc3339, to_dict, validate_template
from weatherd.text.display import Display
from weatherd.text.local_zone import load_zone

if TYPE_CHECKING:
    from weatherd.observation import FetchedObservation

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
    assert LineTemplate(validate_template(template)).format(make_fetched()) == text


def test_times_are_in_the_time_zone_of_the_city() -> None:
    """The default is this machine's."""
    city = City(name="Tokyo", lat=35.7, lon=139.7, timezone="Asia/Tokyo")
    assert LineTemplate("{observed_at:%H:%M %Z}").format(make_fetched(city)) == "09:00 JST"
    local = observation().observed_at.astimezone()
    assert LineTemplate("{observed_at:%H:%M %Z}").format(make_fetched(KIEL)) == f"{local:%H:%M %Z}"


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
    assert LineTemplate(ConsoleSection().format, display).format(fetched) == text
    assert fetched == make_fetched()


def test_the_words_of_a_line_are_those_of_the_code() -> None:
    """All services say the same of the same weather; one without a code, or another field, changes no words."""
    fetched = make_fetched(description="slight rain", code=61)
    assert LineTemplate("{description}").format(fetched) == "light rain"
    assert LineTemplate("{description!r:>14}").format(fetched) == "  'light rain'"
    assert LineTemplate("{description}").format(make_fetched(description="frogs", code=None)) == "frogs"
    assert LineTemplate("{name}").format(fetched) == "Kiel"


def test_all_quantities_of_a_line_are_converted() -> None:
    """Every field has the unit of the reader's system, also after the observation has become stale."""
    template = "{temperature} {pressure_msl} {wind_speed} {precipitation} {visibility} {wind_gust}"
    fetched = make_fetched(pressure_msl=1000.0, wind_speed=10.0, precipitation=5.0, visibility=1000.0)
    assert LineTemplate(template, Display("us")).format(fetched) == "42.8 29.53 22.4 0.2 0.6 –"
    assert LineTemplate("", Display("us")).format(fetched._replace(stale=True)).startswith(" (stale: of ")


@pytest.mark.parametrize(
    ("degrees", "text"), [(-0.3, "0|   0|-0.3|-0.3"), (-0.6, "-1|  -1|-0.6|-0.6"), (-0.0, "0|   0|0.0|0.0")]
)
def test_zero_has_no_sign(degrees: float, text: str) -> None:
    """A value that rounds to zero has no minus sign."""
    line = LineTemplate("{temperature:.0f}|{temperature:4.0f}|{temperature}|{temperature!r}")
    assert line.format(make_fetched(temperature=degrees)) == text


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
    line = LineTemplate(validate_template(template))
    assert isinstance(line.format(make_fetched(temperature=temperature, code=code, **numbers)), str)


def format_by_field(template: str, fetched: FetchedObservation) -> str:
    """Format an observation by the rules in docs/configuration.md, field by field."""
    city, observed = fetched.city, fetched.observation
    zone = load_zone(city.timezone)
    line = ""
    for prefix, name, spec, conversion in string.Formatter().parse(template):
        line += prefix
        if name is not None:
            value = city.name if name == "name" else getattr(observed, name)
            if isinstance(value, datetime):
                value = value.astimezone(zone)
            line += "–" if value is None else format_value(value, spec or "", conversion)
    return line + (f" (stale: of {observed.observed_at.astimezone(zone):%d %b %H:%M %Z})" if fetched.stale else "")


def format_value(value: Any, spec: str, conversion: str | None) -> str:
    """Format a value; if all digits of a number are zero, format 0 instead."""
    text = format(string.Formatter().convert_field(value, conversion), spec)
    if isinstance(value, float) and value <= 0 and not re.search("[1-9]", text.partition("e")[0].partition("E")[0]):
        return format(string.Formatter().convert_field(0.0, conversion), spec)
    return text


ALIGNMENTS = st.sampled_from(["", "<", "^", ">", "=", "x<", "<<", "->", "=>", "+=", "z^", ":>"])
SPECS = st.builds(
    "".join,
    st.tuples(
        ALIGNMENTS,
        st.sampled_from(["", "+", "-", " "]),
        st.sampled_from(["", "z", "#", "0", "z0"]),
        st.sampled_from(["", "6", "12"]),
        st.sampled_from(["", ",", "_", ".0", ".1", ".3", ",.2"]),
        st.sampled_from(["", "f", "F", "e", "E", "g", "G", "n", "%", "d", "s", "x", "%H:%M %Z"]),
    ),
)


def is_valid(template: str) -> bool:
    """Return whether a template is accepted."""
    try:
        validate_template(template)
    except ValueError:
        return False
    return True


VALID_FIELDS = st.builds(
    "{{{}{}{}}}".format,
    st.sampled_from(TEMPLATE_FIELDS),
    st.sampled_from(["", "", "!s", "!r", "!a"]),
    st.just("") | SPECS.map(":{}".format),
).filter(is_valid)
NEAR_ZERO = st.sampled_from([0.0, -0.0, -0.04, 0.04, -0.5, -0.6]) | st.floats(-1000, 1000)
OBSERVATIONS = st.builds(
    lambda city, stale, fields: make_fetched(city, **fields)._replace(stale=stale),
    st.sampled_from([KIEL, City(name="{Tōkyō} -0", lat=35.7, lon=139.7, timezone="Asia/Tokyo")]),
    st.booleans(),
    st.fixed_dictionaries(
        {
            "temperature": NEAR_ZERO,
            "code": st.none() | st.integers(0, 99),
            **dict.fromkeys(("wind_gust", "visibility", "cloud_cover"), st.none() | NEAR_ZERO),
        }
    ),
)


@given(st.lists(VALID_FIELDS | st.sampled_from(["{{", "}}", " °C", "-0"]), max_size=4).map("".join), OBSERVATIONS)
def test_a_line_is_that_of_its_fields(template: str, fetched: FetchedObservation) -> None:
    """The compiled template gives the line that the rules give for each field alone."""
    assert LineTemplate(template).format(fetched) == format_by_field(template, fetched)


def test_an_integer_of_a_plug_in_is_a_number_like_any_other() -> None:
    """A plug-in need not write 6.0; the code remains an integer."""
    line = LineTemplate("{temperature}|{wind_speed:4}|{wind_gust:+.1f}|{visibility}|{code:03d}")
    fetched = make_fetched(temperature=6, wind_speed=0, wind_gust=-0.01, code=7)
    assert line.format(fetched) == "6.0| 0.0|+0.0|–|007"


@given(st.text("{}!:.[]0123456789abcdefnxX%,+-<>^=# ", max_size=12) | st.text(max_size=8))
def test_any_template_works_or_is_a_value_error(template: str) -> None:
    """Nothing but ValueError is raised for any text in the file."""
    try:
        validate_template(template)
    except ValueError:
        return
    assert isinstance(LineTemplate(template).format(make_fetched(visibility=0.1, temperature=-9.87)), str)


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
        (datetime(2026, 1, 31, 12, 0, 0, 999, tzinfo=UTC), "2026-01-31T12:00:00Z"),
        (datetime(2026, 1, 31, 12, tzinfo=timezone(timedelta(hours=5, minutes=30))), "2026-01-31T06:30:00Z"),
    ],
)
def test_times_are_rfc_3339_in_utc(moment: datetime, text: str) -> None:
    """Any timezone-aware time is written in UTC, with milliseconds unless they are zero."""
    assert format_rfc3339(moment) == text


def test_suspect_values_are_marked_at_the_end_of_a_line() -> None:
    """After the mark of a stale observation, whatever the template."""
    fetched = make_fetched(KIEL, quality="suspect: temperature step")
    assert LineTemplate("{name}: {temperature:.0f}").format(fetched) == "Kiel: 6 (suspect: temperature step)"
    stale = LineTemplate("{name}").format(fetched._replace(stale=True))
    assert re.fullmatch(r"Kiel \(stale: of .*\) \(suspect: temperature step\)", stale)
