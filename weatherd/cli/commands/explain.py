"""``weatherd explain``: why a city was or was not updated, and when it is polled next."""
# ruff: noqa: D301 - \b before the examples preserves their line breaks

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated

import typer

from weatherd.cli.exit_codes import ExitCode
from weatherd.cli.lookup import find_watched_city
from weatherd.cli.options import ConfigFile, DaemonUrl, JsonOrText, call_daemon, find_daemon, load_client_settings
from weatherd.cli.terminal import print_text
from weatherd.cli.wording import (
    describe_latest,
    describe_running_poll,
    format_age,
    format_due_time,
    format_local_time,
    is_unpolled,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from weatherd.cli.client import Client
    from weatherd.text.display import Display
    from weatherd.web.schemas import CityDetail, PollModel

_LABEL = 19  # cells of a label
_NARROW = 60  # cells; a narrower terminal has no column of labels
_PHASES = {"dns": "DNS", "tls_begun": "connect", "first_byte": "first byte", "done": "rest"}


def explain(
    city: Annotated[str, typer.Argument(metavar="CITY", help="The city's name or id.")],
    config: ConfigFile = None,
    url: DaemonUrl = None,
    format: JsonOrText = "text",  # noqa: A002 - the option's name
) -> int:
    """Explain a city's last poll, and when the next one is due.

    Shows the requests of the last poll, the duration of each phase, and the result.

    \b
    Examples:
      weatherd explain Kiel
    """
    from weatherd.cli.screen import find_width, open_console, print_lines

    settings = load_client_settings(config)
    found = call_daemon(_fetch(find_daemon(settings, url), city))
    if format == "json":
        print_text(found.model_dump_json(indent=2))
        return ExitCode.OK
    console = open_console()
    print_lines(console, _format_city(found, datetime.now(UTC), find_width(console), settings.display))
    return ExitCode.OK


async def _fetch(client: Client, name: str) -> CityDetail:
    async with client:
        return await find_watched_city(client, name)


def _format_city(city: CityDetail, now: datetime, width: int | None, display: Display) -> Iterator[str]:
    """Format the heading and the facts, with all values in one column; in a narrow terminal they follow the labels."""
    from weatherd.cli.screen import wrap_text

    yield from wrap_text(f"{city.name} ({city.id}, {city.lat:g}, {city.lon:g}): {city.state}", width, indent=2)
    is_narrow = width is not None and width < _NARROW
    for label, value in _describe_city(city, now, display):
        if is_narrow:
            yield from wrap_text(f"  {label.rstrip()}: {value}" if label else f"    {value}", width, indent=4)
        else:
            yield from wrap_text(f"  {label:<{_LABEL}}{value}", width, indent=2 + _LABEL)


def _describe_city(city: CityDetail, now: datetime, display: Display) -> Iterator[tuple[str, str]]:
    """Yield labels and values; a value with the label "" belongs to the value before."""
    from weatherd.observation import OK
    from weatherd.text.duration import format_duration

    if last := city.observation:
        station = f" station {last.station}" if last.station else ""
        weather = f"{display.format('temperature', last.temperature)}, {describe_latest(city, display)}"
        yield "last observation", f"{weather}, from {last.provider}{station}"
        observed, fetched = format_age(last.observed_at, now), format_age(last.fetched_at, now)
        yield "", f"observed {observed} ago, fetched {fetched} ago"
        if last.quality != OK:
            yield "", last.quality
        if city.budget is not None:
            yield "", f"stale when older than {format_duration(city.budget)}"
    else:
        yield "last observation", "none yet"
    if city.tags:
        yield "tags", ", ".join(map("=".join, city.tags.items()))
    if city.node:
        yield "polled by", f"node {city.node}"
    interval, order = format_duration(city.interval), ", then ".join(city.providers)
    if city.bounds:
        bounds = f"{' to '.join(map(format_duration, city.bounds))} apart"
        yield "schedule", f"auto: soon after {city.providers[0]} has news, {bounds}; from {order}"
    else:
        yield "schedule", f"every {interval}, {city.phase:g} s into each interval; from {order}"
    if is_unpolled(city):
        yield "polls", f"unknown: {city.failure}"
        return
    yield from _describe_poll(city.attempt, now)
    if city.next:
        at = format_local_time(city.next.at, city.timezone)
        yield "next poll", f"{format_due_time(city.next.at, now)} ({at}): {city.next.why}"
    else:
        yield "next poll", describe_running_poll(city.polling, now)


def _describe_poll(poll: PollModel | None, now: datetime) -> Iterator[tuple[str, str]]:
    from weatherd.formatting import format_count

    if poll is None:
        yield "last poll", "none since the daemon started"
        return
    yield "last poll", f"{format_age(poll.began, now)} ago, took {poll.seconds * 1000:.0f} ms: {poll.decided}"
    if poll.failures:
        yield "", f"{format_count(poll.failures, 'poll', 'polls in a row')} without a fresh observation"
    for attempt in poll.tries:
        reason = f": {attempt.reason}" if attempt.reason else ""
        yield f"  {attempt.provider} ", f"{attempt.outcome}, {attempt.seconds * 1000:.0f} ms{reason}"
        for request in attempt.exchanges:
            status = f"status {request.status}" if request.status else "no response"
            phases = ", ".join(describe_phases(request.phases)) or "failed before the first phase"
            yield "", f"{request.host}: {status}; {phases}"


def describe_phases(marks: Mapping[str, float]) -> Iterator[str]:
    """Yield the duration of each phase of a request, such as ``DNS 1.2 ms``.

    *marks* are the ends of the phases in seconds since the start of the request.
    """
    names = _PHASES | {"connected": "TLS" if "tls_begun" in marks else "connect"}
    if "reused" in marks:
        yield "connection reused"
    before = 0.0
    for mark, moment in sorted(marks.items(), key=lambda item: item[1]):
        if mark in names:
            yield f"{names[mark]} {(moment - before) * 1000:.1f} ms"
        before = moment
