"""``weatherd alerts``: list the alerts of the daemon, and replay the journal through the rules."""
# ruff: noqa: D301 - \b before the examples preserves their line breaks

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from weatherd.cli.commands.alerts.silences import end_silence, list_silences, silence_alerts
from weatherd.cli.exit_codes import ExitCode
from weatherd.cli.lookup import find_journal, parse_time_range
from weatherd.cli.options import (
    TYPER_SETTINGS,
    ArgumentError,
    Command,
    ConfigFile,
    DaemonUrl,
    JsonOrText,
    Until,
    call_daemon,
    find_daemon,
    load_client_settings,
    load_user_configuration,
)
from weatherd.cli.terminal import print_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from weatherd.alerts.replay import Notification
    from weatherd.alerts.rule import Rule
    from weatherd.config.loader import Configuration

_HELP = """List alerts, and try rules that watch the weather, and where their alerts are sent.

\b
Examples:
  weatherd alerts list
  weatherd alerts test --since 30d
  weatherd alerts test edited.yaml
  weatherd alerts send phone
  weatherd alerts silence frost --city Kiel --for 2h
"""
alerts = typer.Typer(help=_HELP, **TYPER_SETTINGS)
alerts.command("silence", cls=Command)(silence_alerts)
alerts.command("silences", cls=Command)(list_silences)
alerts.command("unsilence", cls=Command)(end_silence)


@alerts.command("list", cls=Command)
def list_alerts(
    config: ConfigFile = None,
    url: DaemonUrl = None,
    format: JsonOrText = "text",  # noqa: A002 - the option's name
) -> int:
    """List the alerts of the running daemon that are firing or pending, with the present values.

    Exit code 69 if the daemon does not respond.

    \b
    Examples:
      weatherd alerts list
      weatherd alerts list --format json
    """
    from weatherd.cli.commands.alerts.listing import fetch_alerts, format_alerts

    settings = load_client_settings(config)
    found = call_daemon(fetch_alerts(find_daemon(settings, url)))
    if format == "json":
        print_text(json.dumps([alert.model_dump() for alert in found], ensure_ascii=False, indent=2))
    else:
        from weatherd.cli.screen import find_width, open_console, print_lines

        console = open_console()
        print_lines(console, format_alerts(found, settings.display, settings.timezone, find_width(console)))
    return ExitCode.OK


@alerts.command("test", cls=Command)
def replay_journal(
    file: Annotated[
        Path | None, typer.Argument(metavar="FILE", help="A rules file; default: the setting alerts.")
    ] = None,
    config: ConfigFile = None,
    since: Annotated[
        str,
        typer.Option("--since", metavar="WHEN", help="24h, 3 days, 1w (before now), today, yesterday or a date."),
    ] = "30d",
    until: Until = None,
    output: Annotated[
        Literal["text", "json"], typer.Option("--format", "-f", metavar="FORMAT", help="text or json.")
    ] = "text",
) -> int:
    """Replay the recorded observations through the rules, and print which alerts there would have been, and when.

    Nothing is sent. Exit code 78 if the rules have a mistake, 74 if there is no journal.

    \b
    Examples:
      weatherd alerts test
      weatherd alerts test --since 2026-01-01 --until 2026-02-01
      weatherd alerts test edited.yaml --format json
    """
    from weatherd.alerts.rule import find_unknown_cities
    from weatherd.alerts.rules_file import load_rules, load_targets
    from weatherd.cli.commands.alerts.report import format_notifications, format_summary, make_held_finder

    configuration = load_user_configuration(config)
    path = _find_rules_file(configuration, file)
    rules = load_rules(path, configuration.settings.display)
    find_held = make_held_finder(load_targets(path), configuration.settings.timezone)
    for warning in find_unknown_cities(rules, configuration.cities):
        print_text(f"warning: {warning}", err=True)
    notifications = _replay(configuration, rules, since, until)
    if output == "json":
        rows = [_to_json(found) | {"held": find_held(found)} for found in notifications]
        print_text(json.dumps(rows, ensure_ascii=False, indent=2))
    else:
        for line in (*format_notifications(notifications, find_held), *format_summary(rules, notifications)):
            print_text(line)
    return ExitCode.OK


@alerts.command("send", cls=Command)
def send_test_message(
    name: Annotated[str, typer.Argument(metavar="NAME", help="A name in the section notify of the rules file.")],
    config: ConfigFile = None,
) -> int:
    """Send a test message to a target of the rules file, and print whether it was accepted. No daemon is needed.

    Exit code 69 if it was not accepted, 78 if the rules file or the target has a mistake.

    \b
    Examples:
      weatherd alerts send phone
    """
    from weatherd.cli.commands.alerts.test_message import deliver_test_message

    configuration = load_user_configuration(config)
    if configuration.alerts_path is None:
        raise ArgumentError("no targets: name a rules file with the setting alerts in weatherd.yaml")
    return deliver_test_message(configuration.settings, configuration.alerts_path, name)


def _find_rules_file(configuration: Configuration, file: Path | None) -> Path:
    path = file or configuration.alerts_path
    if path is None:
        raise ArgumentError("no rules: pass a file, or name one with the setting alerts in weatherd.yaml")
    return path


def _replay(configuration: Configuration, rules: Sequence[Rule], since: str, until: str | None) -> list[Notification]:
    """Return the notifications in the order of time. Raises StateError without a journal, or typer.BadParameter."""
    from weatherd.alerts.replay import find_longest_span, replay_rules
    from weatherd.cli.commands.alerts.live_entries import select_live
    from weatherd.cli.progress.bar import show_progress
    from weatherd.journal.reader import Reader
    from weatherd.text.local_zone import load_zone

    zone = load_zone(configuration.settings.timezone)
    begin, end = parse_time_range(since, until, datetime.now(UTC), zone)
    if begin is None or begin >= end:
        raise typer.BadParameter("--since must be before --until")
    with contextlib.closing(Reader(find_journal(configuration))) as reader:
        # An hour more, because an observation is older than its arrival
        first = begin - timedelta(seconds=find_longest_span(rules) + 3600)
        low, high = reader.read_bounds()
        with show_progress("replaying", high - low + 1) as report:
            cities = [city for city in configuration.cities if any(rule.cities.includes(city) for rule in rules)]
            ids = [city.id for city in cities] if len(cities) < len(configuration.cities) else []
            entries = reader.iterate_entries(first, end, ids, lambda seq: report(seq - low + 1)) if cities else ()
            observations = select_live(entries, cities, reader.read_places())
            sees_suspect = configuration.settings.quality.alert_on_suspect
            times = begin.timestamp(), end.timestamp()
            found = replay_rules(rules, cities, observations, *times, sees_suspect=sees_suspect)
            return sorted(found, key=lambda notification: notification.time)


def _to_json(found: Notification) -> dict[str, Any]:
    from weatherd.formatting import format_rfc3339

    return {
        "time": format_rfc3339(datetime.fromtimestamp(found.time, UTC)),
        "event": found.event.value,
        "rule": found.rule.name,
        "severity": found.rule.severity,
        "city": found.city.id,
        "name": found.city.name,
        "began": format_rfc3339(datetime.fromtimestamp(found.began, UTC)),
        "message": found.message,
        "notify": list(found.rule.notify),
    }
