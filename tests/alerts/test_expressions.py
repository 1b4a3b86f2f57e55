"""Alert expressions: what they accept, how they explain mistakes, and that they mean what they say."""

from __future__ import annotations

import ast
import math
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.alerts.interpreter import interpret
from weatherd.alerts.language.compiler import ALLOWED_NODES, FUNCTIONS, build_tree, compile_any, compile_expression
from weatherd.alerts.language.grammar import ExpressionError
from weatherd.alerts.language.known_names import FORMULA_FIELDS, FUNCTION_FIELDS, KNOWN_NAMES, CityFacts
from weatherd.alerts.language.quantities import KIND_OF_FIELD, Kind
from weatherd.alerts.language.type_check import check_expression
from weatherd.observation import FIELDS, Observation
from weatherd.text.units import WRITTEN_UNITS

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
NO_FACTS = CityFacts()


def observe(**values: Any) -> Observation:
    """Return an observation at 6 °C with other values."""
    return Observation(**{
        "city": "kiel", "provider": "open-meteo", "observed_at": NOON, "fetched_at": NOON, "temperature": 6.0,
        "description": "rain", **values,
    })  # fmt: skip


def evaluate(text: str, facts: CityFacts = NO_FACTS, **values: Any) -> bool | None:
    """Evaluate an expression for an observation with these values."""
    return compile_expression(text).evaluate(observe(**values), facts)


@pytest.mark.parametrize(
    ("text", "values", "expected"),
    [
        ("temperature < 0 and wind_speed < 3", {"temperature": -1.0, "wind_speed": 2.0}, True),
        ("temperature < 0 and wind_speed < 3", {"temperature": -1.0, "wind_speed": None}, None),
        ("temperature < 0 and wind_speed < 3", {"temperature": 1.0, "wind_speed": None}, False),
        ("wind_speed < 3 and temperature < 0", {"temperature": 1.0, "wind_speed": None}, False),
        ("wind_speed < 3 or temperature > 0", {"temperature": 1.0, "wind_speed": None}, True),
        ("temperature > 0 or wind_speed < 3", {"temperature": -1.0, "wind_speed": None}, None),
        ("not wind_speed < 3", {"wind_speed": None}, None),
        ("not wind_speed < 3", {"wind_speed": 3.0}, True),
        ("0 < temperature < 5", {"temperature": 5.0}, False),
        ("0 < temperature <= 5", {"temperature": 5.0}, True),
        ("temperature < 28 F", {"temperature": -2.3}, True),
        ("temperature < 28 °F", {"temperature": -2.2}, False),
        ("temperature < -5 F", {"temperature": -20.6}, True),  # not minus the temperature of 5 °F, which is +15 °C
        ("temperature < -5 F", {"temperature": -20.0}, False),
        ("temperature > 28 °C", {"temperature": 28.1}, True),
        ("wind_speed >= 50 km/h", {"wind_speed": 13.9}, True),
        ("wind_speed >= 50 km/h", {"wind_speed": 13.8}, False),
        ("wind_gust > 20 mph", {"wind_gust": 8.95}, True),
        ("wind_gust > 10 kn", {"wind_gust": 5.14}, False),
        ("pressure_msl < 29.9 inHg", {"pressure_msl": 1012.5}, True),
        ("pressure_msl < 1013 hPa", {"pressure_msl": 1013.0}, False),
        ("precipitation > 5 mm", {"precipitation": 5.1}, True),
        ("precipitation > 0.2 in", {"precipitation": 5.1}, True),
        ("visibility < 10 mi", {"visibility": 16093.0}, True),
        ("visibility < 500 m", {"visibility": 499.0}, True),  # meters, but minutes in the next but one
        ("visibility < 1 km", {"visibility": 1001.0}, False),
        ("relative_humidity > 80 %", {"relative_humidity": 81.0}, True),
        ("temperature - dew_point < 4 F", {"temperature": 10.0, "relative_humidity": 88.0}, True),  # 2.2 K
        ("temperature - dew_point < 4 F", {"temperature": 10.0, "relative_humidity": 80.0}, False),
        ("temperature - 2 > 3", {"temperature": 5.5}, True),
        ("wind_gust / wind_speed > 2", {"wind_gust": 9.0, "wind_speed": 4.0}, True),
        ("wind_gust / wind_speed > 2", {"wind_gust": 9.0, "wind_speed": 0.0}, None),
        ("wind_speed * 3.6 > 50", {"wind_speed": 14.0}, True),
        ("provider == 'nws'", {}, False),
        ("code == 61 or code == 63", {"code": 63}, True),
        ("wind_chill < -10", {"temperature": 15.0, "wind_speed": 9.0}, None),
        ("heat_index > 35 °C", {"temperature": 32.0, "relative_humidity": 60.0}, True),
    ],
)  # fmt: skip
def test_meaning(text: str, values: dict[str, Any], expected: bool | None) -> None:  # noqa: FBT001 - a value
    """Units are converted, a number without one is in weatherd's own, and a missing value makes a condition unknown."""
    assert evaluate(text, **values) is expected


def test_facts_and_windows() -> None:
    """Age, coordinates and summaries of the past are known from the facts about a city; without them, it is unknown."""
    facts = CityFacts(3600.0, 0.0, False, 54.3, 10.1, None, {("rain", "precipitation", 86400.0): 51.0})
    assert evaluate("age > 59m and not provider_paused and latitude > 54", facts) is True
    assert evaluate("down_for > 5 m", facts) is False
    assert evaluate("altitude > 1000", facts) is None
    assert evaluate("warning_severity >= minor", facts) is None
    assert evaluate("warning_severity >= severe", CityFacts(warning_severity=3)) is True
    assert evaluate("minor <= warning_severity < extreme", CityFacts(warning_severity=4)) is False
    assert evaluate("warning_severity < minor", CityFacts(warning_severity=-1)) is True
    assert evaluate("rain(24h) > 5 in", facts) is False
    assert evaluate("rain(24h) > 50", facts) is True
    assert evaluate("rain(1h) > 50", facts) is None
    assert compile_expression("age > 2h").evaluate(None, CityFacts()) is None
    assert compile_expression("temperature < 0 or down_for > 1h").evaluate(None, CityFacts(down_for=4000.0)) is True
    assert compile_expression("max(wind_gust, 6h) > 20").windows == {("max", "wind_gust", 21600.0)}
    assert compile_expression("temperature < 0 or altitude > 3 km").facts == {"altitude"}
    assert not compile_expression("altitude > 3 km").depends_on_time
    assert compile_expression("age > 3h").depends_on_time


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("", 1, "is empty"),
        ("  ", 1, "is empty"),
        ("temprature < 0", 1, "unknown name 'temprature'; did you mean 'temperature'?"),
        ("age > 2h and windspeed > 3", 14, "did you mean 'wind_speed'?"),
        ("temperature < wind_speed", 15, "compares a temperature with a speed"),
        ("temperature < 5 in", 15, "compares a temperature with an amount of rain"),
        ("temperature < 20 Fahrenheit", 15, "unknown unit 'Fahrenheit'"),
        ("temperature = 3", 13, "write =="),
        ("temperature < 0 && age > 2h", 17, "write and"),
        ("temperature < 0 AND age > 2h", 17, "expected"),
        ("temperature", 1, "in place of a condition; compare it"),
        ("not temperature", 5, "in place of a condition"),
        ("temperature * 1.8 + 32 < 28", 1, "write a unit instead, as in 28 F"),
        ("temperature + dew_point > 3", 15, "adds two temperatures"),
        ("(temperature < 0) < 3", 2, "compares a condition"),
        ("1 < 2", 1, "always true or always false"),
        ("temperature < 0 and", 19, "ends too early; expected a name"),
        ("(temperature < 0", 16, "ends too early"),
        ("temperature < 0)", 16, "a parenthesis that was not opened"),
        ("temperature < 3,5", 16, "a decimal point, as in 3.5"),
        ("max(temperature 3h) < 5", 17, "or ','"),
        ("temperature is 3", 13, "a comparison, and, or or the end"),
        ("temperature ≤ 0", 13, "write <="),
        ("temperature <> 0", 13, "has '<', which has no meaning here; write !="),
        ("temperature < \u22123", 15, "write the sign -"),
        ("rain > 3", 1, "write rain(1h)"),
        ("rain() > 3", 1, "write rain(24h)"),
        ("max(temperature) > 3", 1, "write max(temperature, 24h)"),
        ("max(wind_direction, 1h) > 3", 5, "cannot summarize"),
        ("max(temperature, 3) > 3", 18, "a length of time here, such as 20m"),
        ("max(temperature, 9999d) > 3", 18, "3650d or less"),
        ("max(temperature, 90d) > 3", 18, "from 1m to 31d"),
        ("median(temperature, 3h) > 3", 1, "calls 'median', which is not known"),
        ("maxx(temperature, 3h) > 3", 1, "did you mean 'max'?"),
        ("age() > 3", 1, "write it without parentheses"),
        ("provider == nws", 13, "has 'nws' without quotes; write \"nws\""),
        ("age > 1h and open-meteo != provider", 14, 'write "open-meteo"'),
        ("provider == station_", 13, 'write "station_"'),
        ("provdier == nws", 1, "did you mean 'provider'?"),
        ("provider < 'nws'", 12, "compared with == or !="),
        ("provider + 'x' == 'nws'", 1, "calculates with a text"),
        ("wind_speed > 5 / 0", 14, "divides by zero"),
        ("wind_speed * wind_gust > 5", 14, "one of them must be a plain number"),
        ("temperature.real < 0", 12, "has no meaning here"),
        ("__import__('os') == 'x'", 1, "not known"),
        ("provider == 'nws", 13, "ends with the same quote"),
        ("wind_speed > " + "9" * 400, 14, "too large"),
        ("(" * 10_000, 1, "longer than 1,000 characters"),
        ("(" * 500, 201, "more than 200"),
        ("not " * 240 + "age > 1h", 801, "more than 200"),
    ],
)  # fmt: skip
def test_explained_mistakes(text: str, column: int, message: str) -> None:
    """A mistake is rejected with its column and what to write instead."""
    with pytest.raises(ExpressionError) as caught:
        compile_expression(text)
    assert message in str(caught.value)
    assert caught.value.column == column


WORDS = st.sampled_from([
    *KNOWN_NAMES, *FUNCTION_FIELDS, "rain", "and", "or", "not", "(", ")", ",", "<", "<=", "==", "!=", "+", "-", "*",
    "/", "3", "28 F", "5 mm", "24h", "20 m", "'nws'", "=", ".", "lambda", "__class__", "[", "2.5e3", "80 %", "é", "\n",
])  # fmt: skip
ANY_TEXT = st.text(max_size=60) | st.lists(WORDS, max_size=14).map(" ".join) | st.lists(WORDS, max_size=9).map("".join)


@given(ANY_TEXT)
@example("not " * 190 + "provider_paused")
@example(" or ".join(["age>1h"] * 50))
@example("age > " + "+".join(["1"] * 99))
@example("altitude > " + "-" * 190 + "1")
@example("altitude > " + "/altitude" * 90 + "1")
@example("(" * 90 + "provider_paused" + ")" * 90)
def test_any_text_compiles_to_allowed_nodes_or_is_explained(text: str) -> None:
    """Each text compiles to the allowed nodes and known names, or is rejected with a column inside it and a reason."""
    tree = ast.Expression(ast.Constant(None))
    try:
        tree = build_tree(check_expression(text))
    except ExpressionError as error:
        column, message = error.column, str(error)
    else:
        column, message = 0, ""
    if column:
        assert column <= max(1, len(text))
        assert message
        return
    compile_expression(text)
    for node in ast.walk(tree):
        assert isinstance(node, ALLOWED_NODES)
        if isinstance(node, ast.Name):
            assert node.id in {"observation", "facts", *FUNCTIONS} or node.id.startswith("value_")
        if isinstance(node, ast.Call):
            assert isinstance(node.func, ast.Name)


NUMBERS = {name for name in FIELDS[6:] if name not in {"code", "station", "origin", "quality"}}
UNITS_OF_KIND = {
    kind: [unit for unit, (field, _) in WRITTEN_UNITS.items() if KIND_OF_FIELD[field] is kind] for kind in Kind
}


@st.composite
def comparisons(draw: st.DrawFn) -> str:
    """Draw a comparison that is correct."""
    name = draw(st.sampled_from(sorted({"temperature", *NUMBERS, *FORMULA_FIELDS})))
    kind = KIND_OF_FIELD.get(name, Kind.TEMPERATURE)
    number = f"{draw(st.integers(-40, 60))} {draw(st.sampled_from([*UNITS_OF_KIND[kind], '']))}"
    value = draw(st.sampled_from([
        name, *([f"{name} / {name} * {name}", f"-{name} + 2 * {name}"] if kind is not Kind.TEMPERATURE else []),
        *([f"{function}({name}, 3h)" for function in ("min", "max", "mean")] if name in FUNCTION_FIELDS["min"] else []),
    ]))  # fmt: skip
    sign = draw(st.sampled_from(["<", "<=", ">", ">=", "==", "!="]))
    return draw(st.sampled_from([f"{value} {sign} {number}", f"{number} {sign} {value} < 30"]))


CONDITIONS = st.recursive(
    comparisons() | st.sampled_from(["provider_paused", "age > 1h", "altitude < 3 km", "rain(3h) > 0.1 in"]),
    lambda inner: (
        st.tuples(inner, st.sampled_from(["and", "or"]), inner).map("({0[0]}) {0[1]} {0[2]}".format)
        | inner.map("not ({})".format)
        | st.tuples(inner, inner, inner).map(" and ".join)
    ),
    max_leaves=5,
)
VALUES = st.none() | st.floats(-60, 60) | st.sampled_from([0.0, 30.0, 100.0])
FACTS = st.builds(CityFacts, VALUES, VALUES, st.sampled_from([None, True, False]), VALUES, VALUES, VALUES)
WINDOWS = st.dictionaries(
    st.tuples(st.sampled_from(["min", "max", "mean", "rain"]), st.sampled_from(sorted(NUMBERS)), st.just(10800.0)),
    VALUES,
)


@given(CONDITIONS, st.floats(-60, 60), st.fixed_dictionaries(dict.fromkeys(sorted(NUMBERS), VALUES)), FACTS, WINDOWS)
def test_compiled_function_equals_the_interpreter(
    text: str, temperature: float, values: dict[str, Any], facts: CityFacts, windows: dict[Any, Any]
) -> None:
    """A compiled expression has the value of a plain walk through its tree, with any values missing.

    In the function for many rules, it is true if that value is.
    """
    observation, facts = observe(temperature=temperature, **values), facts._replace(windows=windows)
    expression = compile_expression(text)
    result = expression.evaluate(observation, facts)
    assert result is interpret(check_expression(text), observation, facts)
    summaries = dict.fromkeys(expression.windows) | windows
    positions = {key: index for index, key in enumerate(summaries)}
    numbers = [math.nan if value is None else value for value in summaries.values()]
    assert bool(compile_any([expression], positions)(observation, facts, numbers)) is (result is True)
    assert compile_expression(text).evaluate(None, facts) is interpret(check_expression(text), None, facts)


@given(CONDITIONS)
def test_rejected_names_do_not_depend_on_the_rest(text: str) -> None:
    """A condition stays correct in parentheses, with line breaks and without spaces around its parentheses."""
    assert check_expression(f"({text})") == check_expression(text.replace(" ", "\n  "))
