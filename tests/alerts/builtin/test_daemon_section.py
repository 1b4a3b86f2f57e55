"""The section ``daemon`` of the rules file."""

from __future__ import annotations

import json

import jsonschema
import pytest

from weatherd.alerts.builtin.daemon_rules import DAEMON_RULES
from weatherd.alerts.rules_file import parse_file, rules_schema
from weatherd.alerts.states import Timing
from weatherd.config.yaml.reader import parse_yaml
from weatherd.errors import ConfigError
from weatherd.text.display import DEFAULT_DISPLAY

SECTION = """\
daemon:
  notify: [ops]
  repeat: 6h
  cities-down: {share: 25%, for: 1h, severity: error, notify: [ops, phone]}
  quota: {share: 0.9, repeat: 1d}
  list-shrunk: false
  rows-quarantined: {rows: 10}
  forwarder-behind: {for: 2h}
  journal-down:
notify:
  ops: {command: [x]}
  phone: {command: [y]}
"""


def test_changes_of_the_rules() -> None:
    """Each key changes its rule; the others have the defaults, and the targets of the section."""
    rules = {
        rule.name.removeprefix("daemon."): rule for rule in parse_file(SECTION, "alerts.yaml", DEFAULT_DISPLAY).daemon
    }
    assert "list-shrunk" not in rules
    assert len(rules) == len(DAEMON_RULES) - 1
    cities = rules["cities-down"]
    assert (cities.threshold, cities.timing, cities.severity) == (0.25, Timing(3600, 21600), "error")
    assert cities.notify == ("ops", "phone")
    assert (rules["quota"].threshold, rules["quota"].timing) == (0.9, Timing(0, 86400))
    assert rules["rows-quarantined"].threshold == 10
    assert (rules["forwarder-behind"].threshold, rules["forwarder-behind"].timing.hold) == (7200, 0)
    assert (rules["journal-down"].timing, rules["journal-down"].notify) == (Timing(120, 21600), ("ops",))
    assert rules["provider-paused"].timing == Timing(900, 21600)


def test_the_limits_of_values() -> None:
    """A share of 100%, a repetition each minute and a time of 0s are accepted, and an empty list notifies nobody."""
    text = """\
daemon:
  notify: [ops]
  list-shrunk: {share: 100%, notify: []}
  cities-down: {for: 0s, repeat: 1m}
notify: {ops: {command: [x]}}
"""
    rules = {rule.name: rule for rule in parse_file(text, "alerts.yaml", DEFAULT_DISPLAY).daemon}
    assert (rules["daemon.list-shrunk"].threshold, rules["daemon.list-shrunk"].notify) == (1, ())
    assert rules["daemon.cities-down"].timing == Timing(0, 60)


def test_defaults() -> None:
    """Without the section, all rules are on, and nobody is notified."""
    assert parse_file("alerts:\n", "alerts.yaml", DEFAULT_DISPLAY).daemon == DAEMON_RULES
    assert not any(rule.notify for rule in DAEMON_RULES)


@pytest.mark.parametrize(
    ("row", "column", "message"),
    [
        ("notify: [opps]", 12, "daemon: 'opps' is not in the section 'notify'; did you mean 'ops'?"),
        ("quota: {notify: [mqtt]}", 20, "quota: 'mqtt' is for rules about cities only"),
        ("quota: {notify: [x]}", 20, "quota: 'x' is not in the section 'notify'; add it there, with an address"),
        ("quota: {share: 90}", 18, "daemon.quota: 'share' should be a share such as 10%, up to 100%"),
        ("quota: {share: true}", 18, "daemon.quota: 'share' should be a share such as 10%, up to 100%"),
        ("quotas: {share: 90%}", 3, "daemon: unknown key 'quotas'; did you mean 'quota'?"),
        ("quota: {above: 90%}", 11, "daemon.quota: unknown key 'above'"),
        ("quota: {fr: 1h}", 11, "daemon.quota: unknown key 'fr'; did you mean 'for'?"),
        ("provider-paused: {share: 9%}", 21, "daemon.provider-paused: unknown key 'share'"),
        ("provider-paused: {for: long}", 26, "'for' should be a length of time such as 30s, 10m or 1h30m"),
        (
            "quota: off", 10,
            "daemon: 'quota' should be false, which switches the rule off, or a mapping such as {for: 30m}",
        ),
        ("quota: true", 10, "daemon: 'quota' should be false"),
        ("rows-quarantined: {rows: 0}", 28, "daemon.rows-quarantined: 'rows' should be at least 1, not 0"),
        ("repeat: 1s", 11, "daemon: 'repeat' should be 1m or more"),
    ],
)  # fmt: skip
def test_mistakes(row: str, column: int, message: str) -> None:
    """Each mistake is reported with its position, and the JSON Schema rejects it if it is one of form."""
    text = f"daemon:\n  {row}\nnotify: {{ops: {{command: [x]}}}}\n"
    with pytest.raises(ConfigError) as caught:
        parse_file(text, "alerts.yaml", DEFAULT_DISPLAY)
    [problem] = caught.value.problems
    assert str(problem).startswith(f"alerts.yaml:2:{column}: ")
    assert message in str(problem)


def test_schema() -> None:
    """The JSON Schema accepts what is accepted, and rejects unknown rules and keys, and shares above 1."""
    validator = jsonschema.Draft202012Validator(rules_schema())
    accepted = parse_yaml(SECTION.replace("  journal-down:\n", ""), "alerts.yaml")
    assert list(validator.iter_errors(accepted)) == []
    rejected = ['{"quota": true}', '{"quota": {"share": 2}}', '{"quotas": {}}', '{"provider-paused": {"share": 0.1}}']
    for row in rejected:
        assert list(validator.iter_errors({"daemon": json.loads(row)}))
