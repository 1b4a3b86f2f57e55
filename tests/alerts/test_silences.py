"""Silences of alerts: which alerts they concern, and what people are told of, compared with a plain model."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fakes import KIEL
from weatherd.alerts.rules_file import parse_rules
from weatherd.alerts.silences import DROPPED, HELD, Silence, decide_sending, find_silence, find_silence_problem
from weatherd.alerts.states import AlertEvent
from weatherd.city import City

TAGGED = City(name="Oslo", lat=59.9, lon=10.7, tags=(("region", "north"),))
RULE_CITIES = {"frost": "kiel", "gale": "oslo", "far": "nowhere"}


@pytest.mark.parametrize(
    ("rule", "city", "tags", "expected"),
    [
        ("frost", None, (), (True, True, True)),
        ("wind", None, (), (False, False, False)),
        (None, "kiel", (), (True, False, False)),
        ("frost", "kiel", (), (True, False, False)),
        ("wind", "kiel", (), (False, False, False)),
        (None, None, (("region", "north"),), (False, True, False)),
        (None, None, (("region", "north"), ("tier", "1")), (False, False, False)),
    ],
)
def test_a_silence_concerns_what_has_all_its_parts(
    rule: str | None, city: str | None, tags: tuple[tuple[str, str], ...], expected: tuple[bool, ...]
) -> None:
    """The rule, the city and the tags of a silence must all fit; an alert without a city has only a rule."""
    silence = Silence(1, rule, city, tags, 0.0, 100.0)
    assert tuple(silence.matches("frost", found) for found in (KIEL, TAGGED, None)) == expected


def test_the_silence_that_ends_last_counts() -> None:
    """Of several silences, the one that ends last is found; one that has ended is not."""
    silences = [Silence(number, "frost", None, (), 0.0, ends) for number, ends in ((1, 50.0), (2, 100.0), (3, 70.0))]
    found = [find_silence(silences, "frost", KIEL, now) for now in (0.0, 99.0, 100.0)]
    assert [silence and silence.id for silence in found] == [2, 2, None]


@given(st.lists(st.tuples(st.sampled_from(["change", "repeat"]), st.booleans()), max_size=30))
def test_what_is_sent_equals_a_model(steps: list[tuple[str, bool]]) -> None:
    """People are told of each firing outside of silences, and once of the end of what they know of.

    The model looks at each interval of firing as a whole: it is sent if its begin is not silenced, and its end is sent
    at once or held if so.
    """
    firing, told, sent, intervals = False, True, list[tuple[str, str | None]](), list[list[tuple[str, bool]]]()
    for kind, is_silenced in steps:
        if kind == "repeat" and not firing:
            continue
        event = AlertEvent.REPEATED if kind == "repeat" else AlertEvent.RESOLVED if firing else AlertEvent.FIRING
        mark, told = decide_sending(event, is_silenced=is_silenced, was_told=told)
        sent.append((event.value, mark))
        if event is AlertEvent.FIRING:
            intervals.append([])
        intervals[-1].append((event.value, is_silenced))
        if event is AlertEvent.RESOLVED:
            told = True  # the next interval begins anew
        firing = event is not AlertEvent.RESOLVED
    expected: list[tuple[str, str | None]] = []
    for (first, is_unknown), *others in intervals:
        expected.append((first, DROPPED if is_unknown else None))
        for event_name, is_silenced in others:
            mark = (HELD if event_name == "resolved" else DROPPED) if is_silenced else None
            expected.append((event_name, DROPPED if is_unknown else mark))
    assert sent == expected


@pytest.mark.parametrize(
    ("silence", "problem"),
    [
        (Silence(0, None, None, (), 0.0, 60.0), "name a rule, a city or a tag"),
        (Silence(0, "frst", None, (), 0.0, 60.0), "there is no rule 'frst'; did you mean 'frost'?"),
        (Silence(0, None, "kil", (), 0.0, 60.0), "no city in the list has the id 'kil'; did you mean 'kiel'?"),
        (Silence(0, None, None, (("region", "south"),), 0.0, 60.0), "no city has the tag region=south"),
        (Silence(0, "frost", None, (), 60.0, 60.0), "a silence should end in the future, within a year"),
        (Silence(0, "frost", None, (), 0.0, 400 * 86400.0), "a silence should end in the future, within a year"),
        (Silence(0, "frost", "kiel", (), 0.0, 60.0), None),
        (Silence(0, "gale", "kiel", (), 0.0, 60.0), "the rule 'gale' is not for 'kiel'"),
        (Silence(0, "gale", TAGGED.id, (), 0.0, 60.0), None),
        (Silence(0, "frost", None, TAGGED.tags, 0.0, 60.0), "the rule 'frost' is not for any of these cities"),
        (Silence(0, None, "kiel", (), 0.0, 60.0), None),
        (Silence(0, "far", None, (), 0.0, 60.0), None),
    ],
)
def test_silences_without_effect_are_rejected(silence: Silence, problem: str | None) -> None:
    """A silence of nothing that exists, of a city that the rule is not for, or of no time is a mistake."""
    rules = [f"{name}: {{when: age > 1h, cities: {city}}}" for name, city in RULE_CITIES.items()]
    parsed = parse_rules(f"alerts: {{{', '.join(rules)}}}", "alerts.yaml")
    assert find_silence_problem(silence, parsed, [KIEL, TAGGED]) == problem
