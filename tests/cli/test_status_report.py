"""The report of ``weatherd status``."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
from rich.cells import cell_len

from weatherd.cli.commands.alerts.listing import format_alerts, sort_alerts
from weatherd.cli.status.report import StatusReport
from weatherd.cli.status.selection import CitySelection
from weatherd.daemon.status import CityState
from weatherd.formatting import format_rfc3339
from weatherd.observation import FIELDS
from weatherd.text.display import Display
from weatherd.web.alerts.models import AlertModel, AlertStatusModel
from weatherd.web.schemas import (
    CityModel,
    NextPollModel,
    ObservationModel,
    PauseModel,
    ProviderModel,
    RunningPollModel,
    StatusModel,
)
from weatherd.web.warnings.models import WarningModel, WarningServiceModel, WarningStatusModel

if TYPE_CHECKING:
    from collections.abc import Sequence

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
REPORT = StatusReport(Display(), "UTC")
WITH_REASONS = replace(REPORT, shows_reasons=True)
EVERYTHING = CitySelection((), {}, None, None)


def city(name: str = "Kiel", state: str = "fresh", failure: str | None = None) -> CityModel:
    """Return a city with an observation that is four minutes old."""
    values: dict[str, Any] = dict.fromkeys(FIELDS) | {
        "city": name, "provider": "open-meteo", "temperature": -12.4, "description": "slight snow showers",
        "station": "", "observed_at": format_rfc3339(NOW - timedelta(minutes=4)), "fetched_at": format_rfc3339(NOW),
        "origin": "live", "quality": "ok",
    }  # fmt: skip
    poll = NextPollModel(at=format_rfc3339(NOW + timedelta(minutes=10)), why="on schedule")
    last = ObservationModel(**values)
    return CityModel(
        id="x", name=name, lat=1, lon=1, state=CityState(state), observation=last, next=poll, failure=failure
    )


def report(
    *cities: CityModel,
    width: int | None = 80,
    report: StatusReport = REPORT,
    selection: CitySelection = EVERYTHING,
    providers: Sequence[ProviderModel] = (),
    selected: dict[str, int] | None = None,
    suspect: int = 0,
    **counts: int,
) -> list[str]:
    """Return the lines of a report as plain text."""
    daemon = StatusModel(
        version="1", ready=True, cities=counts or {"fresh": len(cities)}, quarantined=2, account={},
        providers=list(providers), forwarders=[], reload_successful=True, suspect=suspect,
    )  # fmt: skip
    lines = report.format(daemon, cities, NOW, width, selection, selected=selected or {})
    return [line if isinstance(line, str) else line.plain for line in lines]


def test_counts_come_first_then_problems() -> None:
    """The first line has all states that occur, the worst first; zero counts are left out."""
    lines = report(city(), fresh=19_997, stale=2, down=1, waiting=0)
    assert lines[0] == "20,000 cities: 1 down, 2 stale, 19,997 fresh"
    assert "2 rows of the city list are quarantined" in lines[1]
    assert any(line.startswith("19,999 more cities") for line in lines)


def test_cities_with_a_tag_are_counted() -> None:
    """The counts of the whole list come first, because they show whether the daemon works."""
    north = CitySelection((), {"region": "north", "tier": "1"}, None, None)
    selected = {"down": 1, "fresh": 1}
    lines = report(city(), city("Oslo", "down"), selection=north, selected=selected, fresh=11, down=1)
    assert lines[:2] == ["12 cities: 1 down, 11 fresh", "region=north and tier=1: 2 cities: 1 down, 1 fresh"]
    assert not any("more cities" in line for line in lines)


def test_an_empty_table_has_its_reason() -> None:
    """An empty list is another reason than cities of which none is in the wanted state."""
    assert "the list has no cities; add one with weatherd cities add NAME" in report(fresh=0)
    down = CitySelection((), {}, "down", None)
    assert "no city is down" in report(fresh=3, selection=down)
    assert "no selected city is down" in report(fresh=3, selection=replace(down, names=("Kiel",)))


def test_a_healthy_city_is_one_line_at_80_columns() -> None:
    """Nothing is hidden, and there is no reason unless one is asked for."""
    lines = report(city())
    (row,) = [line for line in lines if "Kiel" in line]
    assert all(part in row for part in ("fresh", "-12", "slight snow showers", "4m", "in 10m", "open-meteo"))
    assert not any("on schedule" in line or "hidden" in line for line in lines)
    assert any("on schedule" in line for line in report(city(), report=WITH_REASONS))


def test_a_city_with_a_problem_has_its_reason_below() -> None:
    """The reason is complete, on lines of its own."""
    failure = "open-meteo: the service responded with status 503 and a long explanation of what went wrong there"
    lines = report(city(), city("Oslo", "down", failure), width=60)
    row = next(index for index, line in enumerate(lines) if "Oslo" in line)
    assert failure in " ".join(line.strip() for line in lines[row + 1 :])
    assert lines[row + 1].startswith("  open-meteo: the service")


def test_suspect_values_are_marked_and_counted() -> None:
    """The temperature has a question mark, the tests that failed are below, and the number of cities is above."""
    doubt = city()
    assert doubt.observation
    last = doubt.observation.model_copy(update={"quality": "suspect: temperature step"})
    _, row, reason = report(doubt.model_copy(update={"observation": last}))[-3:]
    assert "-12?" in row
    assert reason == "  suspect: temperature step"
    assert not [line for line in report(doubt) if "suspect" in line or "?" in line]
    for count, text in ((1, "1 city has had suspect values in the last hour; "), (2, "2 cities have had suspect ")):
        assert [line for line in report(doubt, suspect=count) if line.startswith(text)]


def test_an_outage_is_explained_once() -> None:
    """The line of the paused service is above the table; another reason is below its city, as all are with --why."""
    refused = "no connection to 127.0.0.1:8191: Connection refused"
    pause = PauseModel(until=format_rfc3339(NOW + timedelta(minutes=1)), reason=refused)
    paused = [ProviderModel(provider="open-meteo", quotas=[], paused=pause)]
    poll = NextPollModel(at=format_rfc3339(NOW), why=f"the service is paused until then, for all its cities: {refused}")
    down = [
        city(name, "down", failure).model_copy(update={"next": poll})
        for name, failure in (
            ("Kiel", f"open-meteo: {refused}"),
            ("Oslo", f"open-meteo: open-meteo is paused: {refused}"),
            ("Rom", f"open-meteo: {refused}; nws: status 500"),
        )
    ]
    lines = report(*down, width=None, providers=paused)
    assert [line for line in lines if refused in line][1:] == [f"  open-meteo: {refused}; nws: status 500"]
    assert sum(refused in line for line in report(*down, providers=paused, width=None, report=WITH_REASONS)) == 7


def test_polls_that_brought_nothing_new() -> None:
    """A line has their share from 5 % and 20 polls on, and what auto would save if there are fixed intervals."""

    def lines(polls: int, repeats: int, saved: int) -> list[str]:
        entry = ProviderModel(
            provider="open-meteo", quotas=[], paused=None, polls=polls, repeats=repeats, saved_by_auto=saved
        )
        return [line for line in report(city("Kiel"), providers=[entry], width=None) if "nothing new" in line]

    text = "open-meteo: 33% of 1,200 polls since the start brought nothing new"
    assert lines(1200, 400, 480) == [f"{text}; interval: auto would save 480 calls a day"]
    assert lines(1200, 400, 0) == [text]
    assert lines(1200, 50, 480) == lines(19, 10, 480) == []


def test_a_poll_in_progress_is_no_problem() -> None:
    """The column "next poll" has "now"; a poll that is stuck is one, and --why has every reason."""
    polling = RunningPollModel(since=format_rfc3339(NOW - timedelta(seconds=10)), stuck=False)
    waiting = city("Oslo", "waiting").model_copy(update={"next": None, "polling": polling})
    stuck = city("Rom").model_copy(update={"next": None, "polling": polling.model_copy(update={"stuck": True})})
    assert sum("poll in progress" in line for line in report(waiting, stuck)) == 1
    assert sum("poll in progress" in line for line in report(waiting, stuck, report=WITH_REASONS)) == 2


@pytest.mark.parametrize("width", [30, 60, 80])
def test_no_line_is_wider_than_the_terminal(width: int) -> None:
    """In cells: a CJK character has two."""
    lines = report(city("東京都千代田区" * 5), city("Oslo", "down", "because " * 30), width=width)
    assert max(map(cell_len, lines)) <= width


def test_firing_alerts_come_first() -> None:
    """The most serious alerts are below the counts, before the problems; then the number of the others."""
    frost = AlertModel(
        city="x", name="Kiel", rule="frost", state="firing", severity="error", since="2026-11-27T11:00:00Z",
        message="Kiel: -3 °C", notified_at="2026-11-27T11:20:00Z",
    )  # fmt: skip
    daemon = StatusModel(
        version="1", ready=True, cities={"fresh": 1}, quarantined=1, account={}, providers=[], forwarders=[],
        reload_successful=True, alerts=AlertStatusModel(rules=1, firing=2, pending=1, worst=[frost]),
    )  # fmt: skip
    lines = [str(line) for line in REPORT.format(daemon, [city()], NOW, None, EVERYTHING)]
    assert lines[1:3] == [
        "alert frost (error) since 2026-11-27 11:00:00 UTC: Kiel: -3 °C",
        "1 more alert is firing; weatherd alerts list shows all",
    ]
    assert "quarantined" in lines[3]


def test_listed_alerts_have_their_value_and_when_they_were_sent() -> None:
    """The values are in the reader's units; an alert that nobody was notified of was sent "never"."""
    alerts = [
        AlertModel(
            city="kiel", name="Kiel", rule=rule, state="firing", severity="error", since="2026-11-27T11:00:00Z",
            message="", value=value, notified_at=sent,
        )
        for rule, value, sent in (
            ("cold", {"temperature": -10.0}, "2026-11-27T11:20:00Z"),
            ("wet", {"rain(24h)": None, "wind_speed": 1.0}, None),
        )
    ]  # fmt: skip
    heading, cold, wet = (str(line) for line in format_alerts(alerts, Display("us"), "UTC", None))
    assert heading.split("  ")[0] == "rule"
    assert "value" in heading
    assert "last sent" in heading
    assert cold.split() == [
        *("cold", "Kiel", "firing", "error", "2026-11-27", "11:00:00", "UTC", "14.0", "°F"),
        *("2026-11-27", "11:20:00", "UTC", "–"),
    ]
    assert "rain(24h) unknown, wind_speed 2.2 mph  never" in wet


def test_alerts_about_the_daemon_are_listed_first() -> None:
    """After them come the other firing alerts, and the pending ones, each by rule and city."""
    alerts = [
        AlertModel(
            city=city_id, name="x", rule=rule, state=state, severity="error", since="2026-11-27T11:00:00Z",
            message="", notified_at=None,
        )
        for rule, city_id, state in (
            ("cold", "oslo", "firing"), ("cold", "kiel", "firing"), ("a", "kiel", "pending"),
            ("daemon.quota", "", "firing"), ("daemon.quota", "nws day", "pending"),
        )
    ]  # fmt: skip
    assert [(alert.rule, alert.city) for alert in sort_alerts(alerts)] == [
        ("daemon.quota", ""), ("cold", "kiel"), ("cold", "oslo"), ("daemon.quota", "nws day"), ("a", "kiel"),
    ]  # fmt: skip


def test_official_warnings_come_before_the_cities() -> None:
    """The most severe first, with the beginning only while it is ahead; then the number of the others."""
    texts = ("urgency", "certainty", "headline", "description", "instruction", "area", "url", "language")
    values: dict[str, Any] = {"provider": "nws", "key": "k", "message": "m", "event": "Storm", "severity": "severe"}
    values |= {"sent": None} | dict.fromkeys(texts, "")
    times = {"onset": "2026-01-01T00:00:00Z", "ends": "2999-01-01T00:00:00Z", "since": "2026-01-01T00:00:00Z"}
    ahead = WarningModel(city="x", name="Kiel", **values | times | {"onset": "2998-01-01T00:00:00Z"})
    begun = WarningModel(city="elsewhere", **values | times | {"ends": None})
    service = WarningServiceModel(provider="nws", cities=2, last_success=None, failure="status 503")
    warnings = WarningStatusModel(in_force=5, cities=2, worst=[ahead, begun], services=[service])
    daemon = StatusModel(
        version="1", ready=True, cities={"fresh": 1}, quarantined=0, account={}, providers=[], forwarders=[],
        reload_successful=True, warnings=warnings,
    )  # fmt: skip
    lines = [str(line) for line in REPORT.format(daemon, [city()], NOW, None, EVERYTHING)]
    assert lines[1] == "the warnings of nws cannot be requested: status 503"
    assert lines[2].startswith("Kiel: severe warning: Storm from 2998-01-01")
    assert " until 2999-01-01" in lines[2]
    assert lines[3] == "elsewhere: severe warning: Storm (nws)"
    assert lines[4] == "3 more official warnings; weatherd warnings shows all"
    assert lines[5] == ""
