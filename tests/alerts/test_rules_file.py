"""The rules file: what it accepts, and where its mistakes are."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fakes import KIEL, observation
from weatherd.alerts.hours import parse_hours
from weatherd.alerts.rule import RuleCities, find_unknown_cities
from weatherd.alerts.rules_file import parse_rules, rules_schema
from weatherd.alerts.states import Timing
from weatherd.city import City
from weatherd.config.yaml.reader import parse_yaml
from weatherd.errors import ConfigError
from weatherd.text.display import Display

if TYPE_CHECKING:
    from weatherd.alerts.rule import Rule

RULES = """\
alerts:
  frost:
    when: temperature < 0 and wind_speed < 3
    for: 20m
    until: temperature > 1
    cities: {tag: {region: north, coast: true}}
    between: "18:00-09:00"
    severity: error
    message: "{name}: {temperature} {unit}, {rule} ({severity}) likely on {local_time}"
    notify: [phone]
    repeat: 6h
  heavy-rain: {when: "rain(1h) > 15 or rain(24h) > 50", cities: [kiel, berlin]}
  silent-city: {when: "age > 2h", cities: all}
  one: {when: "age > 2h", cities: kiel}
notify:
  phone: json://127.0.0.1/sesame-key
  mail: {file: mail.txt}
  ops: {webhook: "http://127.0.0.1/sesame-key", template: ops.j2, headers: {Authorization: {file: token}}}
  lamp: {command: [lamp, "{title}"], timeout: 5s}
"""


def parse(text: str) -> list[Rule]:
    """Parse a rules file."""
    return list(parse_rules(text, "alerts.yaml"))


def test_all_keys() -> None:
    """Every key of a rule is read; what is omitted has the default."""
    frost, rain, silent, one = parse(RULES)
    assert (frost.name, frost.severity, frost.notify) == ("frost", "error", ("phone",))
    assert frost.timing == Timing(1200, 21600)
    assert frost.between == parse_hours("18:00-09:00")
    assert frost.until
    assert frost.cities == RuleCities(tags=(("region", "north"), ("coast", "true")))
    assert (rain.cities.ids, silent.cities, one.cities.ids) == (("kiel", "berlin"), RuleCities(), ("kiel",))
    assert (rain.severity, rain.timing, rain.until, rain.between) == ("warning", Timing(), None, None)
    assert frost.depends_on_time
    assert silent.depends_on_time
    assert not rain.depends_on_time


def test_no_rules() -> None:
    """A file whose rules are all comments has none."""
    assert parse("alerts:\n  # frost: {when: temperature < 0}\n") == []


def test_selected_cities() -> None:
    """A rule is for the cities with all its tags, or with one of its ids; an unknown id is named."""
    frost, rain, silent, _ = parse(RULES)
    tagged = City(name="Oslo", lat=59.9, lon=10.7, tags=(("coast", "true"), ("region", "north")))
    assert [rule.cities.includes(tagged) for rule in (frost, rain, silent)] == [True, False, True]
    assert [rule.cities.includes(KIEL) for rule in (frost, rain, silent)] == [False, True, True]
    bern = City(name="Bern", lat=46.9, lon=7.4)
    assert list(find_unknown_cities([frost, rain], [KIEL, bern])) == [
        "the rule 'frost' is for cities with the tag region=north and coast=true, but there is none",
        "the rule 'heavy-rain' is for 'berlin', but no city has this id; did you mean 'bern'?",
    ]
    assert len(list(find_unknown_cities([frost, rain], [KIEL, bern, tagged]))) == 1


def test_messages() -> None:
    """A message is in the reader's units and the city's time; braces of the rule's words are not fields."""
    city = City(name="Kiel", lat=54.3, lon=10.1, timezone="Asia/Tokyo")
    seen = observation(city, temperature=-0.04)
    (frost, rain, *_) = parse_rules(RULES, "alerts.yaml", Display("us"))
    clock = seen.observed_at.astimezone(ZoneInfo("Asia/Tokyo"))
    assert frost.message.format(city, seen) == f"Kiel: 31.9 °F, frost (error) likely on {clock:%H:%M}"
    assert rain.message.format(city, seen) == "Kiel: heavy-rain"
    (missing,) = parse(
        'alerts: {a: {when: "age > 1h", message: "{wind_gust:.1f} {local_time:%d.%m.} {temperature:.0f}"}}'
    )
    assert missing.message.format(city, seen) == f"– {clock:%d.%m.} 0"


def test_controls_in_messages() -> None:
    """Control characters of a rule or of a plug-in's description are escaped, except for line feeds."""
    (rule,) = parse(r'alerts: {a: {when: "age > 1h", message: "\e[31m{description}\n{name}"}}')
    from_plugin = observation(KIEL)._replace(description="rain\0\u202e", code=None)
    assert rule.message.format(KIEL, from_plugin) == "\\u001b[31mrain\\u0000\\u202e\nKiel"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "alerts.yaml:1:1: should have the key 'alerts'"),
        ("alerts: 3", "alerts.yaml:1:9: should have the key 'alerts'"),
        ("alerts: {}\nnotfy: 3", "alerts.yaml:2:1: unknown key 'notfy'"),
        ("alerts: {Frost: {when: age > 1h}}", "alerts.yaml:1:10: the name 'Frost' should be lower-case"),
        ("alerts: {frost: 3}", "alerts.yaml:1:17: frost: should be a rule"),
        ("alerts: {frost: {for: 3m}}", "alerts.yaml:1:17: frost: 'when' is missing"),
        ("alerts:\n  a:\n    when: temprature < 0", "alerts.yaml:3:11: a: 'when' has the unknown name 'temprature';"),
        ("alerts:\n  a:\n    when: age > 3h or x < 0", "alerts.yaml:3:23: a: 'when' has the unknown name 'x'"),
        ('alerts: {a: {when: "age > 3h or x < 0"}}', "alerts.yaml:1:33: a: 'when' has the unknown name 'x'"),
        ("alerts: {a: {when: 'age > 3h or x < 0'}}", "alerts.yaml:1:33: a: 'when'"),
        ("alerts:\n  a:\n    when: >\n      age > 3h or\n      x < 0", "alerts.yaml:3:11: a: 'when' has the"),
        ("alerts:\n  a:\n    when: >\n      age > 3h or\n      x < 0", "(character 13 of the text)"),
        ("alerts: {a: {when: age > 3h, until: age}}", "alerts.yaml:1:37: a: 'until' has a length of time in place of"),
        ("alerts: {a: {when: 3}}", "alerts.yaml:1:20: a: 'when' should be text"),
        ("alerts: {a: {when: ''}}", "alerts.yaml:1:20: a: 'when' should be text that is not empty"),
        ("alerts: {a: {when: age > 3h, for: 3 moons}}", "alerts.yaml:1:35: a: 'for' should be a length of time"),
        ("alerts: {a: {when: age > 3h, repeat: 5s}}", "alerts.yaml:1:38: a: 'repeat' should be 1m or more"),
        ("alerts: {a: {when: age > 3h, between: 9-5}}", "alerts.yaml:1:39: a: 'between' should be hours"),
        ("alerts: {a: {when: age > 3h, cities: {tags: x}}}", "alerts.yaml:1:38: a: 'cities' should be all, the id"),
        (
            "alerts: {a: {when: age > 3h, cities: {tag: {region: [a, b]}}}}",
            "alerts.yaml:1:38: a: 'cities' should have one line of printable text for 'region', not ['a', 'b']",
        ),
        ("alerts: {a: {when: age > 3h, cities: {tag: {region: }}}}", "a: 'cities' should have one line of printable"),
        ("alerts: {a: {when: age > 3h, severity: bad}}", "alerts.yaml:1:40: a: 'severity' should be 'info',"),
        ("alerts: {a: {when: age > 3h, notify: phone}}", "alerts.yaml:1:38: a: 'notify' should be a list"),
        ("alerts: {a: {when: age > 3h, sevrity: info}}", "1:30: a: unknown key 'sevrity'; did you mean 'severity'?"),
        ("alerts: {a: {when: age > 3h, message: '{nam} {x}'}}", "1:40: a: 'message' should not contain {nam}; did you"),
        ("alerts: {a: {when: age > 3h, message: '{}'}}", "1:40: a: 'message' should not contain {}; the fields are"),
        ("alerts: {a: {when: age > 3h, message: 'it is {name.x}'}}", "1:46: a: 'message' should not contain {name.x}"),
        ("alerts: {a: {when: age > 3h, message: '{name'}}", "1:40: a: 'message' is not a format string"),
        ("alerts: {a: {when: age > 3h, message: '{name:.1f}'}}", "1:40: a: 'message' is not a format string"),
        ("alerts: {a: {when: x, for: y}}", "alerts.yaml:1:20: a: 'when' has the unknown name 'x'"),
        ("alerts: {a: {when: x, for: y}}", "alerts.yaml:1:28: a: 'for' should be a length of time"),
    ],
)  # fmt: skip
def test_position_of_each_mistake(text: str, problem: str) -> None:
    """A mistake is reported with file, line and column: in a condition, those of the word."""
    with pytest.raises(ConfigError) as caught:
        parse(text)
    assert any(problem in str(found) for found in caught.value.problems), caught.value


@pytest.mark.parametrize(
    ("when", "name"),
    [
        ("temperature < -400", "temperature"),
        ("temperature < -460 F and wind_speed > 3", "temperature"),
        ("wind_speed > 3 and relative_humidity > 100", "relative_humidity"),
        ("wind_gust < 0", "wind_gust"),
        ("max(wind_gust, 6h) < 0", "wind_gust"),
        ("rain(24h) < 0", "precipitation"),
        ("wind_direction > 370", "wind_direction"),
        ("temperature < 0 and temperature > 10", "temperature"),
        ("5 < temperature < 5", "temperature"),
        ("temperature < 0 or 90 < cloud_cover < 80", "cloud_cover"),
        ("dew_point < 0 and dew_point > 1", "dew_point"),
        ("temperature - dew_point < 1 and temperature - dew_point > 2", "value"),
    ],
)
def test_a_condition_that_never_holds_is_a_mistake(when: str, name: str) -> None:
    """A field is compared with numbers that it cannot be, or with limits that exclude each other."""
    with pytest.raises(ConfigError) as caught:
        parse(f"alerts:\n  a:\n    when: {when}")
    assert [str(problem) for problem in caught.value.problems] == [
        f"alerts.yaml:3:11: a: 'when' never holds: there is no such {name}"
    ]


@pytest.mark.parametrize(
    "when",
    [
        "change(temperature, 3h) < -300",
        "relative_humidity >= 100",
        "precipitation <= 0",
        "5 <= temperature <= 5",
        "temperature < 0 or temperature > 10",
        "temperature < 0 and dew_point > 10",
        "not temperature < -400",
        "temperature != 5 and temperature > 4",
        "age > 2h",
        "latitude < -60",
    ],
)
def test_a_condition_that_may_hold_is_accepted(when: str) -> None:
    """No rule is rejected that some observation makes fire."""
    (rule,) = parse(f"alerts:\n  a:\n    when: {when}")
    assert rule.when.text == when


@pytest.mark.parametrize(
    ("when", "until", "words"),
    [
        ("temperature < 0", "temperature < 5", "wherever"),
        ("temperature < 0 and wind_speed < 3", "temperature <= 0", "wherever"),
        ("0 < temperature < 5", "-1 < temperature", "wherever"),
        ("code == 95", "code > 90", "wherever"),
        ("temperature < 0", "wind_speed > 5 or temperature < 32 F", "wherever"),
        ("change(pressure_msl, 3h) < -6", "change(pressure_msl, 3h) < -5", "wherever"),
        ("temperature < 0", "temperature > -1", "a part"),
        ("age > 2h", "age < 3h", "a part"),
        ("wind_speed - wind_gust > 3", "2 < wind_speed - wind_gust", "wherever"),
    ],
)
def test_an_end_that_overlaps_the_condition_is_a_mistake(when: str, until: str, words: str) -> None:
    """The alert would not fire where both hold, which is found where the same value is compared with numbers."""
    with pytest.raises(ConfigError) as caught:
        parse(f"alerts:\n  a:\n    when: {when}\n    until: {until}")
    assert str(caught.value).startswith("alerts.yaml:4:12: a: 'until' holds ")
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("when", "until"),
    [
        ("temperature < 0", "temperature > 1"),
        ("temperature <= 0", "temperature >= 0"),
        ("temperature < 0", "temperature >= 0"),
        ("temperature < 0", "wind_speed < 3"),
        ("temperature < 0", "temperature < 5 and wind_speed < 3"),
        ("temperature < 0 or wind_speed > 20", "temperature > -5"),
        ("wind_gust > 80 km/h", "max(wind_gust, 3h) < 60 km/h"),
        ("temperature < 0", "temperature != -3"),
        ("temperature < 0", "not temperature < 5"),
        ("temperature < dew_point", "temperature > 0"),
        ('provider == "nws"', 'provider == "nws"'),
    ],
)
def test_other_ends_are_accepted(when: str, until: str) -> None:
    """Those that touch the condition, or of which other values decide."""
    (rule,) = parse(f"alerts:\n  a:\n    when: {when}\n    until: {until}")
    assert rule.until


def test_a_file_may_have_targets_alone() -> None:
    """The rules come later, or all of them are comments."""
    assert parse("notify: {phone: json://127.0.0.1}") == []
    assert parse("daemon: {quota: false}") == []


@given(st.text(alphabet="abcdef{}:!.%3 ntemprlocal_i", max_size=20))
def test_a_template_is_rejected_or_formats(template: str) -> None:
    """No template raises when it is formatted: it is rejected before, with a position."""
    yaml = f"alerts: {{a: {{when: age > 3h, message: '{template or 'x'}'}}}}"
    try:
        rules = parse(yaml)
    except ConfigError as error:
        text = str(error)
        assert text.startswith("alerts.yaml:1:")
        return
    assert isinstance(rules[0].message.format(KIEL, observation()), str)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ("fone: json://sesame-key", "1:39: a: 'phone' is not in the section 'notify'; did you mean 'fone'?"),
        ("", "1:39: a: 'phone' is not in the section 'notify'; add it there, with an address"),
        ("phone: {webhook: sesame-key, templat: x}", "2:39: phone: unknown key 'templat'; did you mean 'template'?"),
        ("phone: {webhook: [sesame-key]}", "2:27: phone: 'webhook' should be text, or {file: NAME} with a file that"),
        ("phone: {webhook: x, headers: {A: 5}}", "2:43: phone: 'headers.A' should be text, or {file: NAME}"),
        ("phone: {command: sesame-key}", "2:27: phone: 'command' should be a list"),
        ("phone: {command: [x], timeout: 2h}", "2:41: phone: 'timeout' should be 1s to 5m"),
        ("phone: [sesame-key]", "2:17: phone: should be an Apprise address such as"),
        ("phone: {webhok: sesame-key}", "{command: [PROGRAM, ARGUMENT, …]}; did you mean 'webhook'?"),
        ("phone: {file: x, quiet: 22:00-07:00}", 'with quiet hours {address: ADDRESS, quiet: "22:00-07:00"}'),
        ("phone: {address: sesame-key, quiet: 22-7}", "2:46: phone: 'quiet' should be hours such as"),
        ("phone: {webhook: x, quiet: {hours: 22:00-22:00}}", "2:37: phone: 'quiet' should be hours such as"),
        ("phone: {webhook: x, quiet: {hours: 22:00-07:00, except: bad}}", "one of info, warning, error, critical"),
        ("phone: {webhook: x, quiet: {hours: 22:00-07:00, timezone: Mars}}", "the name of a time zone such as"),
        ("Phone: json://sesame-key", "2:10: the name 'Phone' should be lower-case letters"),
    ],
)
def test_mistakes_in_targets(section: str, message: str) -> None:
    """Each mistake in the section notify has its position, and none of the messages has a value."""
    with pytest.raises(ConfigError) as caught:
        parse(f"alerts: {{a: {{when: age > 1h, notify: [phone]}}}}\nnotify: {{{section}}}")
    assert message in str(caught.value)
    assert "sesame" not in str(caught.value)


def test_schema_accepts_the_same() -> None:
    """The JSON Schema accepts the keys of the example and rejects unknown ones."""
    jsonschema.validate(parse_yaml(RULES, "f"), rules_schema())
    quiet = '{a: {address: x, quiet: "22:00-07:00"}, b: {webhook: x, quiet: {hours: "22:00-07:00", except: error}}}'
    jsonschema.validate(parse_yaml(f"{{alerts: {{}}, notify: {quiet}}}", "f"), rules_schema())
    for bad in (
        "alerts: {a: {when: x, whn: y}}",
        "alerts: {a: {}}",
        "alert: {}",
        "alerts: {a: {when: x, cities: {tags: 1}}}",
        "{alerts: {}, notify: {a: {webhok: x}}}",
        "{alerts: {}, notify: {a: {command: []}}}",
        "{alerts: {}, notify: {a: {address: x, quiet: {except: error}}}}",
        "{alerts: {}, notify: {a: 1}}",
    ):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(parse_yaml(bad, "f"), rules_schema())
