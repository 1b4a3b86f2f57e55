"""Rules about the daemon itself: what they watch, and their defaults. Pure functions of a snapshot.

``packaging/prometheus/weatherd.rules.yml`` has the same rules for Prometheus.
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from weatherd.alerts.states import Timing
from weatherd.formatting import format_count
from weatherd.text.duration import format_duration

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from weatherd.alerts.builtin.daemon_snapshot import BacklogAge, DaemonSnapshot
    from weatherd.alerts.rule import AlertSeverity

    Read = Callable[[DaemonSnapshot, float], Iterator["Reading"]]

DAEMON_PREFIX = "daemon."  # of the names of these rules; a rule of the rules file has no dot in its name
CITIES_DOWN = f"{DAEMON_PREFIX}cities-down"
PROVIDER_PAUSED = f"{DAEMON_PREFIX}provider-paused"
QUOTA = f"{DAEMON_PREFIX}quota"
LIST_SHRUNK = f"{DAEMON_PREFIX}list-shrunk"
ROWS_QUARANTINED = f"{DAEMON_PREFIX}rows-quarantined"
FORWARDER_BEHIND = f"{DAEMON_PREFIX}forwarder-behind"
JOURNAL_DOWN = f"{DAEMON_PREFIX}journal-down"
_MINUTE = 60.0  # seconds
_ROUNDING = 1e-9
_NO_VALUES: Mapping[str, float] = MappingProxyType({})
_QUOTA_WINDOWS = ("hour", "day", "month")  # the calls of a minute are spread by the rate limiter


class Reading(NamedTuple):
    """What a rule finds about a subject, such as a provider: whether its condition holds (None: unknown), as text."""

    subject: str  # "": the daemon
    holds: bool | None
    message: str
    values: Mapping[str, float] = _NO_VALUES  # by name; those of ages are in seconds


@dataclass(frozen=True, slots=True)
class DaemonRule:
    """A rule about the daemon itself. *read* returns its readings; the condition holds from the threshold on."""

    name: str
    read: Read
    threshold: float
    timing: Timing
    severity: AlertSeverity
    notify: tuple[str, ...] = ()


def _reaches(value: float, bound: float) -> bool:
    """Return whether a value is at least the bound, whose last digits are rounded: 0.07 * 100 is above 7."""
    return value >= bound * (1 - _ROUNDING)


def read_cities(snapshot: DaemonSnapshot, share: float) -> Iterator[Reading]:
    """Yield whether a share of the cities is stale or down.

    Cities that were not polled since the start may be in any state: while it depends on them, the result is unknown.
    So it is while the journal cannot be written, because polls then wait for it.
    """
    cities = snapshot.cities if snapshot.polled is None else snapshot.polled
    bound = share * cities
    holds: bool | None = cities > 0 and _reaches(snapshot.unavailable, bound)
    if not holds and snapshot.unpolled and _reaches(snapshot.unavailable + snapshot.unpolled, bound):
        holds = None
    paused = [f"; {name} is paused: {reason}" for name, reason in snapshot.pauses.items() if reason is not None]
    have = "city has" if cities == 1 else "cities have"
    text = f"{snapshot.unavailable:,} of {cities:,} {have} no fresh weather{''.join(paused)}"
    values = {"share": snapshot.unavailable / cities} if cities else _NO_VALUES
    yield Reading("", None if snapshot.journal_failure else holds, text, values)


def read_pauses(snapshot: DaemonSnapshot, _: float) -> Iterator[Reading]:
    """Yield for each provider whether it is paused."""
    for provider, reason in snapshot.pauses.items():
        yield Reading(provider, reason is not None, f"no requests are sent to {provider}: {reason}")


def read_quotas(snapshot: DaemonSnapshot, share: float) -> Iterator[Reading]:
    """Yield for each provider and window whether a share of its API calls is used."""
    for (provider, window), (used, limit) in snapshot.quotas.items():
        if window in _QUOTA_WINDOWS:
            calls = f"{used:,.0f} of {limit:,}"
            text = f"{provider}: {used / limit:.0%} of the API calls of this {window} are used ({calls})"
            yield Reading(f"{provider} {window}", _reaches(used, share * limit), text, {"share": used / limit})


def read_list_size(snapshot: DaemonSnapshot, share: float) -> Iterator[Reading]:
    """Yield whether the list is empty, or has lost a share of the cities that it had in the last day."""
    cities, peak = snapshot.cities, snapshot.peak
    count = format_count(cities, "city", "cities") if cities else "no cities"
    text = f"the list has {count}{f', and had {peak:,} in the last day' if peak > cities else ''}"
    yield Reading("", cities == 0 or _reaches(peak - cities, share * peak), text, {"cities": cities})


def read_quarantined_rows(snapshot: DaemonSnapshot, rows: float) -> Iterator[Reading]:
    """Yield whether so many rows of the list have mistakes."""
    count = format_count(snapshot.quarantined, "row", "rows")
    text = f"{count} of the list quarantined because of mistakes; weatherd check shows them"
    yield Reading("", snapshot.quarantined >= rows, text, {"rows": snapshot.quarantined})


def read_reload(snapshot: DaemonSnapshot, _: float) -> Iterator[Reading]:
    """Yield whether the last edit was rejected."""
    text = "the last edit of settings, list or alert rules has a mistake; weatherd check shows it"
    yield Reading("", snapshot.is_reload_rejected, text)


def read_backlogs(snapshot: DaemonSnapshot, seconds: float) -> Iterator[Reading]:
    """Yield for each forwarder whether its oldest undelivered entry has waited for so many seconds."""
    for forwarder, backlog in snapshot.backlogs.items():
        minutes = format_duration(backlog.seconds // _MINUTE * _MINUTE)
        count = format_count(backlog.entries, "entry waits", "entries wait")
        text = f"{forwarder} is behind: {count}, the oldest for {minutes}"
        yield Reading(forwarder, _is_late(backlog, seconds), text, {"age": backlog.seconds})


def _is_late(backlog: BacklogAge, seconds: float) -> bool | None:
    is_late = backlog.entries > 0 and backlog.seconds >= seconds
    return None if backlog.is_minimum and not is_late else is_late


def read_journal(snapshot: DaemonSnapshot, _: float) -> Iterator[Reading]:
    """Yield whether the journal cannot be written."""
    waiting = format_count(snapshot.waiting, "observation waits", "observations wait")
    text = f"the journal cannot be written, and {waiting} in memory: {snapshot.journal_failure}"
    yield Reading("", bool(snapshot.journal_failure), text, {"waiting": snapshot.waiting})


def _rule(name: str, read: Read, hold: float, severity: AlertSeverity, *, threshold: float = 0.0) -> DaemonRule:
    return DaemonRule(name, read, threshold, Timing(hold), severity)


DAEMON_RULES = (
    _rule(CITIES_DOWN, read_cities, 15 * _MINUTE, "critical", threshold=0.1),
    _rule(PROVIDER_PAUSED, read_pauses, 15 * _MINUTE, "warning"),
    _rule(QUOTA, read_quotas, 0, "warning", threshold=0.8),
    _rule(LIST_SHRUNK, read_list_size, 0, "critical", threshold=0.5),
    _rule(ROWS_QUARANTINED, read_quarantined_rows, 5 * _MINUTE, "warning", threshold=1),
    _rule(f"{DAEMON_PREFIX}reload-rejected", read_reload, 5 * _MINUTE, "warning"),
    _rule(FORWARDER_BEHIND, read_backlogs, 0, "warning", threshold=15 * _MINUTE),
    _rule(JOURNAL_DOWN, read_journal, 2 * _MINUTE, "critical"),
)


def read_rules(rules: Iterable[DaemonRule], snapshot: DaemonSnapshot) -> Iterator[tuple[DaemonRule, Reading]]:
    """Yield the readings of all rules.

    An outage is one alert: while many cities are down, it is unknown whether a provider is paused, which neither fires
    nor resolves that alert. The message about the cities has the reason of the pause.
    """
    rules = tuple(rules)
    shares = [rule.threshold for rule in rules if rule.name == CITIES_DOWN]
    is_outage = any(found.holds for share in shares for found in read_cities(snapshot, share))
    for rule in rules:
        for found in rule.read(snapshot, rule.threshold):
            is_part = is_outage and rule.name == PROVIDER_PAUSED and found.holds
            yield rule, found._replace(holds=None) if is_part else found


def is_daemon_rule(name: str) -> bool:
    """Return whether a rule is about the daemon itself. Its alerts have a subject in place of the id of a city."""
    return name.startswith(DAEMON_PREFIX)


def name_subject(subject: str) -> str:
    """Return the name of a subject for people."""
    return subject or "weatherd"
