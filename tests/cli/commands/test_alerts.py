"""``weatherd alerts test`` and the check of the rules, on a journal made by the test."""

from __future__ import annotations

import json
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from tests.support.commands import run_weatherd
from tests.support.fakes import BERLIN, KIEL, MUNICH, observation
from tests.support.servers import free_port
from weatherd.cli.commands.alerts.live_entries import select_live
from weatherd.journal.reader import RecordedPlace
from weatherd.journal.rows import JournalEntry
from weatherd.journal.store import Store
from weatherd.observation import BACKFILL, FetchedObservation

if TYPE_CHECKING:
    from pathlib import Path

    from weatherd.observation import Observation

RULES = """\
alerts:
  cold: {when: temperature < -2, for: 20m, message: "{name}: {temperature:.1f} {unit}", notify: [phone, ops]}
  silent: {when: age > 2h, severity: error, cities: [kiel, bon]}
  hot: {when: temperature > 30 or down_for > 1h}
notify: {phone: "json://127.0.0.1", ops: {command: [cat]}}
"""


@pytest.fixture
def rules(tmp_path: Path, stored: list[Observation]) -> Path:
    """Write rules for the journal of one day, and the setting that names them."""
    (tmp_path / "arrived").mkdir()
    with closing(Store(tmp_path / "arrived" / "weatherd.sqlite")) as store:
        store.add([FetchedObservation(KIEL, observation) for observation in reversed(stored)])  # as they arrive
    file = tmp_path / "alerts.yaml"
    file.write_text(RULES)
    (tmp_path / "weatherd.yaml").write_text("state: arrived\nalerts: alerts.yaml\nhttp: {enabled: false}\n")
    return file


@pytest.mark.usefixtures("rules")
def test_replay_as_text(capsys: pytest.CaptureFixture[str]) -> None:
    """Each alert has a line with its time on the city's clock, and each rule a summary."""
    code, out, err = run_weatherd(capsys, "alerts", "test", "--since", "2d")
    assert code == 0, err
    lines = out.splitlines()
    assert len([line for line in lines if "JST  cold    warning   Kiel: -2.3 °C  → phone, ops" in line]) == 1
    assert any("silent  error" in line and "Kiel: silent" in line for line in lines)
    assert any("silent  resolved  Kiel: resolved after 4h" in line for line in lines)
    assert lines[-4:] == [
        "cold: 1 alert in 1 city, 0 resolved",
        "silent: 1 alert in 1 city, 1 resolved",
        "hot: no alerts",
        "  down_for is not recorded, and unknown here",
    ]
    assert "warning: the rule 'silent' is for 'bon', but no city has this id; did you mean 'bonn'?" in err


@pytest.mark.usefixtures("rules")
def test_replay_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    """JSON has the same notifications, in order, with times in UTC."""
    code, out, _ = run_weatherd(capsys, "alerts", "test", "--format", "json")
    found = json.loads(out)
    assert code == 0
    assert [(one["rule"], one["event"]) for one in found] == [
        ("silent", "firing"), ("silent", "resolved"), ("cold", "firing"),
    ]  # fmt: skip
    assert found[2] | {"time": "", "began": ""} == {
        "time": "", "event": "firing", "rule": "cold", "severity": "warning", "city": "kiel", "name": "Kiel",
        "began": "", "message": found[2]["message"], "notify": ["phone", "ops"], "held": [],
    }  # fmt: skip
    assert found[0]["began"] <= found[0]["time"] < found[1]["time"]
    assert found[0]["time"].endswith("Z")


def test_another_file_and_its_mistakes(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A file on the command line is used instead of the setting; its mistakes have positions, and exit code 78."""
    edited = rules.with_name("edited.yaml")
    edited.write_text("alerts:\n  a: {when: temprature < 0}\n")
    code, out, err = run_weatherd(capsys, "alerts", "test", str(edited))
    assert (code, out) == (78, "")
    assert f"{edited}:2:13: a: 'when' has the unknown name 'temprature'; did you mean 'temperature'?" in err
    edited.write_text("alerts:\n  a: {when: temperature > 90}\n")
    assert run_weatherd(capsys, "alerts", "test", str(edited))[1] == "a: no alerts\n"
    for cities, summary in (("kiel", "1 alert in 1 city, 0 resolved"), ("bonn", "no alerts"), ("none", "no alerts")):
        edited.write_text(f"alerts:\n  a: {{when: temperature < -2, cities: {cities}}}\n")
        assert run_weatherd(capsys, "alerts", "test", str(edited))[1].splitlines()[-1] == f"a: {summary}"
    assert run_weatherd(capsys, "alerts", "test", "missing.yaml")[0] == 78


def test_without_rules_or_journal(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without a rules file, the message tells what to do: exit code 64. Without a journal, it is 74."""
    (rules.parent / "weatherd.yaml").write_text("state: other\nalerts: alerts.yaml\n")
    assert run_weatherd(capsys, "alerts", "test")[0] == 74
    (rules.parent / "weatherd.yaml").write_text("state: arrived\n")
    code, _, err = run_weatherd(capsys, "alerts", "test")
    assert code == 64
    assert "pass a file, or name one with the setting alerts" in err
    assert run_weatherd(capsys, "alerts", "test", str(rules), "--since", "1h", "--until", "2h")[0] == 64


def test_check_compiles_the_rules(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """``weatherd check`` counts the rules, reports every mistake (exit code 78), and warns of rules without a city."""
    rules.write_text(RULES.replace("severity: error", "severity: error, notify: [mqtt]"))
    code, out, err = run_weatherd(capsys, "check")
    assert code == 0
    assert f"alerts:   {rules} (3 rules)\n" in out
    assert "\nbuilt-in: cities-down, provider-paused, quota, list-shrunk, rows-quarantined, " in out
    assert "warning: the rule 'silent' has the target 'mqtt', but the settings have no section mqtt" in err
    assert "warning: the rule 'silent' is for 'bon', but no city has this id; did you mean 'bonn'?" in err
    rules.write_text(f"{RULES}daemon: {{notify: [ops], quota: false, journal-down: {{notify: []}}}}\n")
    out = run_weatherd(capsys, "check")[1]
    assert "built-in: cities-down → ops, provider-paused → ops, list-shrunk → ops" in out
    assert "journal-down\n" in out
    found = json.loads(run_weatherd(capsys, "check", "--format", "json")[1])["alert_rules"]
    assert (found["rules"], found["built_in"]["cities-down"], "quota" in found["built_in"]) == (3, ["ops"], False)
    rules.write_text("alerts:\n  a: {when: temprature < 0, for: x}\n")
    code, out, err = run_weatherd(capsys, "check")
    assert code == 78
    assert f"alerts:   {rules} (mistakes)\n" in out
    assert f"{rules}:2:13: a: 'when' has the unknown name" in err
    assert f"{rules}:2:34: a: 'for' should be a length of time" in err


def test_schema_of_the_rules(capsys: pytest.CaptureFixture[str]) -> None:
    """``weatherd schema alerts`` describes the rules file."""
    code, out, _ = run_weatherd(capsys, "schema", "alerts")
    assert code == 0
    assert "for" in json.loads(out)["$defs"]["RuleRow"]["properties"]


@pytest.fixture
def targets(rules: Path) -> Path:
    """Write a rules file with targets, and return it."""
    rules.write_text(
        "alerts:\nnotify:\n  lamp: {command: [cat]}\n  broken: {command: [sh, -c, 'echo no lamp; exit 4']}\n"
        f"  closed: json://127.0.0.1:{free_port()}/sesame-key\n  bad: json://x/sesame-key?retry=2\n"
    )
    return rules


@pytest.mark.usefixtures("targets")
@pytest.mark.parametrize(
    ("name", "code", "text"),
    [
        ("lamp", 0, "lamp (command): accepted\n"),
        ("broken", 69, "broken (command): not accepted: exit status 4: no lamp\n"),
        ("closed", 69, "closed (json): not accepted: there is no connection to the service\n"),
        ("bad", 78, "alerts.yaml:6:8: bad: retry= is not allowed in the address: weatherd itself retries\n"),
        ("lamb", 64, "there is no 'lamb' in "),
        ("mqtt", 64, "'mqtt' is the broker in the settings: weatherd check --online connects to it"),
    ],
)
def test_test_message(capsys: pytest.CaptureFixture[str], name: str, code: int, text: str) -> None:
    """A test message is sent at once, what happened is printed, and no output has a secret."""
    ended, out, err = run_weatherd(capsys, "alerts", "send", name)
    assert (ended, text in out + err) == (code, True), out + err
    assert bool(out) == (code == 0)
    assert "sesame" not in out + err


@pytest.mark.usefixtures("targets")
def test_check_of_targets(capsys: pytest.CaptureFixture[str]) -> None:
    """The check finds a target that cannot be used, without sending anything."""
    code, out, err = run_weatherd(capsys, "check")
    assert code == 78
    assert "alerts.yaml:6:8: bad: retry= is not allowed" in err
    assert "sesame" not in out + err


def test_replay_shows_quiet_hours(rules: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A message that would have waited at a target is marked, as text and as JSON."""
    hours = 'quiet: {hours: "00:00-23:59", except: error}'
    rules.write_text(RULES.replace("command: [cat]", f"command: [cat], {hours}"))
    _, out, _ = run_weatherd(capsys, "alerts", "test", "--since", "2d")
    assert "Kiel: -2.3 °C  → phone, ops (after quiet hours)" in out
    _, out, _ = run_weatherd(capsys, "alerts", "test", "--since", "2d", "--format", "json")
    assert [row["held"] for row in json.loads(out) if row["rule"] == "cold"] == [["ops"]]
    rules.write_text(RULES.replace("command: [cat]", f"command: [cat], {hours}").replace("for: 20m", "severity: error"))
    assert "quiet hours" not in run_weatherd(capsys, "alerts", "test", "--since", "2d")[1]


@pytest.mark.usefixtures("rules")
def test_silences_without_a_daemon(capsys: pytest.CaptureFixture[str]) -> None:
    """Silences are stored, listed and ended in the journal, by the name of a city or its id."""
    code, out, err = run_weatherd(capsys, "alerts", "silence", "cold", "--city", "Kiel", "--for", "2h")
    assert (code, out.startswith("silence 1: cold in kiel until 20")) == (0, True), err
    code, out, _ = run_weatherd(capsys, "alerts", "silence", "--city", "bonn", "--until", "07:00", "--comment", "try")
    assert (code, out.startswith("silence 2: all rules in bonn until 20"), "07:00:00" in out) == (0, True, True)
    code, out, _ = run_weatherd(capsys, "alerts", "silences")
    assert (code, len(out.splitlines()), "cold in kiel" in out, "try" in out) == (0, 3, True, True)
    assert run_weatherd(capsys, "alerts", "unsilence", "2") == (0, "silence 2 has ended\n", "")
    (found,) = json.loads(run_weatherd(capsys, "alerts", "silences", "--format", "json")[1])
    assert (found["id"], found["rule"], found["city"], found["tags"]) == (1, "cold", "kiel", {})
    assert run_weatherd(capsys, "alerts", "unsilence", "1")[0] == 0
    assert run_weatherd(capsys, "alerts", "silences")[1] == "no silence is in force\n"
    assert run_weatherd(capsys, "alerts", "silence", "daemon.quota", "--for", "1d")[0] == 0


@pytest.mark.usefixtures("rules")
@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        (("silence", "cld", "--for", "2h"), "there is no rule 'cld'; did you mean 'cold'?"),
        (("silence", "cold", "--city", "Kil", "--for", "2h"), "no city is named 'Kil'; did you mean 'Kiel'?"),
        (("silence", "--tag", "a=b", "--for", "2h"), "no city has the tag a=b"),
        (("silence", "cold"), "pass either --for DURATION or --until WHEN"),
        (("silence", "cold", "--for", "2h", "--until", "07:00"), "pass either --for DURATION or --until WHEN"),
        (("silence", "--for", "2h"), "name a rule, a city with --city, or a tag with --tag"),
        (("silence", "cold", "--for", "soon"), "--for should be a length of time"),
        (("silence", "cold", "--for", "900d"), "a silence should end in the future, within a year"),
        (("silence", "cold", "--until", "yesterday"), "--until should be in the future"),
        (("silence", "cold", "--until", "25:00"), "--until should be a time from 00:00 to 23:59, not '25:00'"),
        (("silence", "silent", "--city", "Bonn", "--for", "2h"), "the rule 'silent' is not for 'bonn'"),
        (("unsilence", "abc"), "'NUMBER': should be a whole number, not 'abc'"),
        (("unsilence", "7"), "no silence in force has the number 7"),
    ],
)
def test_rejected_silences(capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], problem: str) -> None:
    """A mistake is reported with exit code 64, and nothing is stored."""
    code, out, err = run_weatherd(capsys, "alerts", *arguments)
    assert (code, out, problem in err) == (64, "", True), err
    assert run_weatherd(capsys, "alerts", "silences")[1] == "no silence is in force\n"


def test_only_what_was_polled_at_the_present_place_counts() -> None:
    """Observations of a former place, of a city that is listed elsewhere, and those filled in later cause no alerts."""
    seen = [observation(city, temperature=degrees) for degrees, city in enumerate((KIEL, KIEL, BERLIN, MUNICH), 1)]
    past = observation(KIEL, temperature=9.0)._replace(origin=BACKFILL)
    entries = [JournalEntry(number, entry) for number, entry in enumerate([*seen, past], 1)]
    places = {
        "kiel": RecordedPlace(KIEL.lat, KIEL.lon, 2),
        "berlin": RecordedPlace(BERLIN.lat, BERLIN.lon, 0),
        MUNICH.id: RecordedPlace(0.0, 0.0, 0),
    }
    found = select_live(entries, [KIEL, BERLIN, MUNICH], places)
    assert [(kept.city, kept.temperature) for kept in found] == [("kiel", 2.0), ("berlin", 3.0)]
