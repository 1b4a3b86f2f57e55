"""The state of the daemon and its cities as lines: counts and problems, cities, quotas, forwarders."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

from rich.text import Text

from weatherd.cli.screen import wrap_text
from weatherd.cli.table import Column, format_table
from weatherd.cli.wording import (
    describe_latest,
    describe_running_poll,
    format_age,
    format_due_time,
    format_local_time,
    is_unpolled,
)
from weatherd.formatting import format_count
from weatherd.observation import OK, find_suspect_fields
from weatherd.text.control_characters import escape_controls
from weatherd.text.units import UNITS, convert_value

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from weatherd.cli.status.selection import CitySelection
    from weatherd.text.display import Display
    from weatherd.web.schemas import CityModel, ForwarderModel, ProviderModel, StatusModel

_STYLES = {"fresh": "green", "stale": "yellow", "down": "red", "waiting": "dim", "up": "green"}
_PAUSED = "the service is paused until then"  # the beginning of the reason for a poll after a pause
_MIN_POLLS, _MANY_REPEATS = 20, 0.05  # the number of polls, and the share of repeats, from which they are shown
_STATES = ("down", "stale", "waiting", "fresh")  # in the order of their importance


@dataclass(frozen=True, slots=True)
class StatusReport:
    """The report in a reader's units, language and time zone; *shows_reasons* also for cities without a problem."""

    display: Display
    zone_name: str | None
    shows_reasons: bool = False

    def format(
        self,
        daemon: StatusModel,
        cities: Sequence[CityModel],
        now: datetime,
        width: int | None,
        selection: CitySelection,
        *,
        selected: Mapping[str, int] = MappingProxyType({}),
    ) -> Iterator[str | Text]:
        """Yield the lines: counts first, then what is wrong, then *cities* in the order given.

        They are those of the *selection*. If it has tags, the number of *selected* cities by state follows the counts;
        if it has nothing, a note has the number of the other cities.
        """
        yield _format_counts(daemon.cities)
        if selection.tags:
            yield Text(escape_controls(f"{selection.tags_text}: ")).append_text(_format_counts(selected))
        for sentence in _describe_alerts(daemon, self.zone_name):
            yield from (Text(line, "red") for line in wrap_text(sentence, width, indent=2))
        for sentence in _describe_problems(daemon, self.zone_name):
            yield from (Text(line, "yellow") for line in wrap_text(sentence, width, indent=2))
        for sentence in _describe_warnings(daemon, now, self.zone_name):
            yield from (Text(line, "magenta") for line in wrap_text(sentence, width, indent=2))
        yield ""
        pauses = {entry.provider: entry.paused.reason for entry in daemon.providers if entry.paused}
        yield from self._build_table(cities, now, width, pauses) if cities else [_explain_absence(daemon, selection)]
        hidden = sum(daemon.cities.values()) - len(cities)
        if hidden and not selection.is_narrowed:
            count = format_count(hidden, "more city", "more cities")
            more = f"{count}: choose with CITY, --state or --tag, or pass a higher --limit"
            yield from (Text(line, "dim") for line in wrap_text(more, width, indent=2))
        yield from _build_quota_table(daemon.providers, width)
        for sentence in _describe_repeats(daemon.providers):
            yield from (Text(line, "dim") for line in wrap_text(sentence, width, indent=2))
        yield from _build_forwarder_table(daemon.forwarders, width)

    def _build_table(
        self, cities: Sequence[CityModel], now: datetime, width: int | None, pauses: Mapping[str, str]
    ) -> Iterator[Text]:
        """Yield the lines of a table, with reasons on lines of their own below their cities."""
        latest = [city.observation for city in cities]
        unit = UNITS[self.display.units]["temperature"]
        degrees = [
            f"{convert_value(last.temperature, unit):z.0f}{_mark_suspect(last.quality)}" if last else "–"
            for last in latest
        ]
        columns = [
            Column("city", [city.name for city in cities], min_width=14),
            Column("state", [city.state for city in cities], styles=_STYLES),
            Column(unit.symbol, degrees, is_number=True),
            Column("weather", [describe_latest(city, self.display) for city in cities], rank=1, min_width=10),
            Column("age", [format_age(last.observed_at, now) if last else "–" for last in latest]),
            Column("next poll", [_describe_due(city, now) for city in cities], rank=2),
            Column("provider", [last.provider if last else "–" for last in latest], rank=3),
        ]
        heading, *lines = format_table(columns, width)
        yield heading
        for line, city in zip(lines, cities, strict=False):
            yield line
            for reason in self._explain(city, now, pauses):
                yield from (Text(text, "dim") for text in wrap_text(f"  {reason}", width, indent=2))
        yield from lines[len(cities) :]

    def _explain(self, city: CityModel, now: datetime, pauses: Mapping[str, str]) -> Iterator[str]:
        """Yield why a city has a problem, and why its next poll is when it is if reasons are wanted or differ.

        Unless all reasons are wanted, the reason of a paused provider is not repeated: it is above the table, and an
        outage of a service concerns all its cities.
        """
        if city.observation and city.observation.quality != OK:
            yield city.observation.quality
        is_stuck = bool(city.polling and city.polling.stuck)
        is_healthy = city.state == "fresh" and not is_stuck
        if is_healthy and not self.shows_reasons:
            return
        if city.failure and is_unpolled(city):
            yield city.failure
            return
        why = city.next.why if city.next else describe_running_poll(city.polling, now)
        if city.failure and not is_healthy and (self.shows_reasons or not _is_pause(city.failure, pauses)):
            yield city.failure
        is_plain = (pauses and why.startswith(_PAUSED)) or not (city.next or is_stuck)  # a poll in progress: "now"
        if self.shows_reasons or not is_plain:
            yield why


def _describe_due(city: CityModel, now: datetime) -> str:
    if city.next:
        return format_due_time(city.next.at, now)
    return "–" if is_unpolled(city) else "now"


def _mark_suspect(quality: str) -> str:
    """Return the mark of a temperature that is suspect."""
    return "?" if "temperature" in find_suspect_fields(quality) else ""


def _is_pause(failure: str, pauses: Mapping[str, str]) -> bool:
    """Return whether a failure is the one for which its provider is paused, or the pause itself."""
    return any(
        failure in {f"{provider}: {reason}", f"{provider}: {provider} is paused: {reason}"}
        for provider, reason in pauses.items()
    )


def _explain_absence(daemon: StatusModel, selection: CitySelection) -> str:
    """Return why there is no table. An unknown name or tag is an error before."""
    if not any(daemon.cities.values()):
        return "the list has no cities; add one with weatherd cities add NAME"
    if selection.state is None:
        return "nothing is known of the cities at the moment"
    return f"no {'selected ' if selection.names or selection.tags else ''}city is {selection.state}"


def _format_counts(counts: Mapping[str, int]) -> Text:
    """Return the number of cities in each state, those with problems first: ``1,204 cities: 1 down, 1,203 fresh``."""
    line = Text(format_count(sum(counts.values()), "city", "cities"), "bold")
    for index, state in enumerate(state for state in _STATES if counts.get(state)):
        line.append(", " if index else ": ", "not bold")
        line.append(f"{counts[state]:,} {state}", f"not bold {_STYLES[state]}")
    return line


def _build_quota_table(providers: Sequence[ProviderModel], width: int | None) -> list[str | Text]:
    """Return an empty line and a table of the used quotas; nothing if no quota is used."""
    used = [(entry.provider, quota) for entry in providers for quota in entry.quotas if quota.used]
    if not used:
        return []
    columns = [
        Column("quota", [f"{provider} / {quota.window}" for provider, quota in used]),
        Column("used", [f"{quota.used:,.0f}" for _, quota in used], is_number=True),
        Column("limit", [f"{quota.limit:,}" for _, quota in used], is_number=True),
        Column("share", [f"{quota.used / quota.limit:.0%}" for _, quota in used], rank=1, is_number=True),
    ]
    return ["", *format_table(columns, width)]


def _describe_repeats(providers: Sequence[ProviderModel]) -> Iterator[str]:
    """Yield how many polls of a provider brought nothing new, if they are many."""
    for entry in providers:
        if entry.polls >= _MIN_POLLS and entry.repeats >= _MANY_REPEATS * entry.polls:
            share, saved = f"{entry.repeats / entry.polls:.0%}", format_count(entry.saved_by_auto, "call", "calls")
            advice = f"; interval: auto would save {saved} a day" if entry.saved_by_auto else ""
            yield f"{entry.provider}: {share} of {entry.polls:,} polls since the start brought nothing new{advice}"


def _build_forwarder_table(forwarders: Sequence[ForwarderModel], width: int | None) -> list[str | Text]:
    """Return an empty line and a table of the forwarders; nothing if there are none."""
    if not forwarders:
        return []
    columns = [
        Column("forwarder", [entry.forwarder for entry in forwarders]),
        Column("state", ["down" if entry.is_down else "up" for entry in forwarders], styles=_STYLES),
        Column("delivered", [f"{entry.delivered:,}" for entry in forwarders], rank=2, is_number=True),
        Column("waiting", [f"{entry.behind:,}" for entry in forwarders], is_number=True),
    ]
    if any(entry.held for entry in forwarders):
        columns.append(Column("quiet hours", [f"{entry.held:,}" for entry in forwarders], rank=1, is_number=True))
    if any(entry.skipped for entry in forwarders):
        columns.append(Column("skipped", [f"{entry.skipped:,}" for entry in forwarders], rank=1, is_number=True))
    return ["", *format_table(columns, width)]


def _describe_problems(daemon: StatusModel, zone_name: str | None) -> Iterator[str]:
    for entry in daemon.providers:
        if entry.paused:
            until = format_local_time(entry.paused.until, zone_name)
            yield f"{entry.provider} is paused until {until}: {entry.paused.reason}"
    if daemon.quarantined:
        noun, verb = ("row", "is") if daemon.quarantined == 1 else ("rows", "are")
        yield f"{daemon.quarantined} {noun} of the city list {verb} quarantined; weatherd check shows why"
    if daemon.suspect:
        count = format_count(daemon.suspect, "city has", "cities have")
        yield f"{count} had suspect values in the last hour; weatherd explain CITY shows them"
    if not daemon.reload_successful:
        yield "the last edit of settings, list or alert rules has a mistake, and is not in use; weatherd check shows it"
    if daemon.cluster:
        yield from daemon.cluster.problems
    for service in daemon.warnings.services if daemon.warnings else ():
        if service.failure:
            yield f"the warnings of {service.provider} cannot be requested: {service.failure}"


def _describe_alerts(daemon: StatusModel, zone_name: str | None) -> Iterator[str]:
    """Yield a sentence for each of the most serious alerts that are firing, then the number of the others."""
    if daemon.alerts is None:
        return
    for alert in daemon.alerts.worst:
        since = format_local_time(alert.since, zone_name)
        yield f"alert {alert.rule} ({alert.severity}) since {since}: {alert.message}"
    if silenced := daemon.alerts.silenced:
        noun = format_count(silenced, "firing alert is", "firing alerts are")
        yield f"{noun} silenced; weatherd alerts silences shows the silences"
    if others := daemon.alerts.firing - silenced - len(daemon.alerts.worst):
        yield f"{format_count(others, 'more alert is', 'more alerts are')} firing; weatherd alerts list shows all"


def _describe_warnings(daemon: StatusModel, now: datetime, zone_name: str | None) -> Iterator[str]:
    """Yield a sentence for each of the most severe official warnings, then the number of the others."""
    if daemon.warnings is None:
        return
    for warning in daemon.warnings.worst:
        is_ahead = warning.onset is not None and datetime.fromisoformat(warning.onset) > now
        begins = f" from {format_local_time(warning.onset, zone_name)}" if warning.onset and is_ahead else ""
        ends = f" until {format_local_time(warning.ends, zone_name)}" if warning.ends else ""
        text = f"{warning.severity} warning: {warning.event}"
        yield f"{warning.name or warning.city}: {text}{begins}{ends} ({warning.provider})"
    if others := daemon.warnings.in_force - len(daemon.warnings.worst):
        yield f"{format_count(others, 'more official warning', 'more official warnings')}; weatherd warnings shows all"
