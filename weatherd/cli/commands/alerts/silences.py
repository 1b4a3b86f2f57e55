"""``weatherd alerts silence``, ``unsilence`` and ``silences``: alerts that nobody is notified of for some time."""
# ruff: noqa: D301 - \b before the examples preserves their line breaks

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING, Annotated

import typer

from weatherd.cli.exit_codes import ExitCode
from weatherd.cli.options import ArgumentError, ConfigFile, DaemonUrl, JsonOrText, parse_tags
from weatherd.cli.terminal import print_text

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import tzinfo

    from weatherd.web.alerts.models import SilenceModel

_CLOCK = re.compile(r"(\d\d?):(\d\d)", re.ASCII).fullmatch


def silence_alerts(  # noqa: PLR0917 - one parameter per option
    rule: Annotated[str | None, typer.Argument(metavar="RULE", help="A rule; default: all rules.")] = None,
    city: Annotated[str | None, typer.Option(metavar="CITY", help="Name or id; default: all cities.")] = None,
    tag: Annotated[
        list[str] | None, typer.Option(metavar="KEY=VALUE", help="Cities with this tag; may be repeated.")
    ] = None,
    span: Annotated[str | None, typer.Option("--for", metavar="DURATION", help="For how long, such as 2h.")] = None,
    until: Annotated[
        str | None, typer.Option("--until", metavar="WHEN", help="Until when: 07:00, or 2026-01-31T12:00.")
    ] = None,
    comment: Annotated[str, typer.Option(metavar="TEXT", help="Why, for people.")] = "",
    config: ConfigFile = None,
    url: DaemonUrl = None,
) -> int:
    """Silence alerts: nobody is notified of them until then. Their states go on.

    An alert that still fires when the silence ends is sent then. The command asks the daemon if the settings have an
    http.token, or else writes to the journal, where the daemon finds the silence within 5 s, or when it starts.

    \b
    Examples:
      weatherd alerts silence frost --city Kiel --for 2h
      weatherd alerts silence frost --until 07:00 --comment "heating is on"
      weatherd alerts silence --tag region=north --for 1d
    """
    from weatherd.alerts.silences import Silence
    from weatherd.cli.commands.alerts.listing import describe_silence
    from weatherd.cli.commands.alerts.silence_store import add_silence
    from weatherd.cli.wording import format_local_time

    if (span is None) == (until is None):
        raise typer.BadParameter("pass either --for DURATION or --until WHEN")
    if not (rule or city or tag):
        raise typer.BadParameter("name a rule, a city with --city, or a tag with --tag")
    wanted = Silence(0, rule, city, tuple(parse_tags(tag or ()).items()), 0.0, 0.0, comment)
    added, zone = add_silence(config, url, wanted, lambda local: _find_end(span, until, local))
    print_text(f"silence {added.id}: {describe_silence(added)} until {format_local_time(added.until, zone)}")
    return ExitCode.OK


def end_silence(
    number: Annotated[int, typer.Argument(metavar="NUMBER", help="As weatherd alerts silences shows it.")],
    config: ConfigFile = None,
    url: DaemonUrl = None,
) -> int:
    """End a silence of alerts. What still fires is sent.

    \b
    Examples:
      weatherd alerts unsilence 3
    """
    from weatherd.cli.commands.alerts.silence_store import remove_silence

    remove_silence(config, url, number)
    print_text(f"silence {number} has ended")
    return ExitCode.OK


def list_silences(
    config: ConfigFile = None,
    url: DaemonUrl = None,
    format: JsonOrText = "text",  # noqa: A002 - the option's name
) -> int:
    """List the silences of alerts that are in force, with their numbers. No daemon is needed.

    \b
    Examples:
      weatherd alerts silences
    """
    from weatherd.cli.commands.alerts.silence_store import load_silences

    silences, zone = load_silences(config, url)
    if format == "json":
        print_text(json.dumps([silence.model_dump() for silence in silences], ensure_ascii=False, indent=2))
    else:
        _print_table(silences, zone)
    return ExitCode.OK


def _print_table(silences: Sequence[SilenceModel], zone: str | None) -> None:
    from weatherd.cli.commands.alerts.listing import format_silences
    from weatherd.cli.screen import find_width, open_console, print_lines

    console = open_console()
    print_lines(console, format_silences(silences, zone, find_width(console)))


def _find_end(span: str | None, until: str | None, zone: tzinfo) -> datetime:
    """Return the end of a silence in UTC: after a duration, or at a time. Raises ArgumentError."""
    from weatherd.text.duration import parse_duration
    from weatherd.text.moments import parse_moment

    now = datetime.now(UTC)
    try:
        if span is not None:
            return now + timedelta(seconds=parse_duration(span))
        if match := _CLOCK(until or ""):
            clock, today = _parse_clock(match[0], int(match[1]), int(match[2])), now.astimezone(zone).date()
            ends = [datetime.combine(today + timedelta(days=days), clock, zone).astimezone(UTC) for days in (0, 1)]
            return next(end for end in ends if end > now)
        end = parse_moment(until or "", now, zone)
    except (ValueError, OverflowError) as error:
        raise ArgumentError(f"{'--for' if span is not None else '--until'} {error}") from None
    if end <= now:
        raise ArgumentError(f"--until should be in the future, not {until!r}")
    return end


def _parse_clock(text: str, hour: int, minute: int) -> time:
    """Return a time of the day. Raises ValueError."""
    try:
        return time(hour, minute)
    except ValueError:
        raise ValueError(f"should be a time from 00:00 to 23:59, not {text!r}") from None
