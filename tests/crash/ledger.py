"""Checks of what a journal says about alerts and warnings against what was received, after many kills."""

from __future__ import annotations

import itertools
import json
from collections import Counter, defaultdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from weatherd.formatting import format_rfc3339

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Mapping, Sequence

    Request = tuple[str, dict[str, str], bytes]  # path, headers and body

_NOTIFIED = "SELECT rule, city, event, at FROM alert_event WHERE event IS NOT NULL ORDER BY seq"
_TEMPERATURES = "SELECT city, temperature FROM observation WHERE provider = 'openweathermap' ORDER BY seq"
_CHANGES = """
SELECT change.city, provider, event_key, kind, at FROM warning_change AS change
LEFT JOIN warning ON warning.id = change.warning ORDER BY seq
"""
_IN_FORCE = """
SELECT city, warning.provider, event_key FROM warning_in_force AS in_force
LEFT JOIN warning ON warning.id = in_force.warning
"""


def check_alerts(
    db: sqlite3.Connection, requests: Sequence[Request], thresholds: Mapping[str, float], lasting: int
) -> int:
    """Check that each change of an alert was caused by the stored temperatures and received once; return their number.

    Rules hold below their thresholds in °C. The first *lasting* cities were in all lists.
    """
    events = db.execute(_NOTIFIED).fetchall()
    histories: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for rule, city, event, _ in events:
        histories[rule, city].append(event)
    assert all(has_turns(history, "firing", ("resolved", "ended")) for history in histories.values())
    for (city, *_), values in _group_temperatures(db, lasting).items():
        for rule, threshold in thresholds.items():
            below = [False, *(value < threshold for value in values)]
            turns = sum(before != after for before, after in itertools.pairwise(below))
            history = histories[rule, city]
            assert len(history) >= turns, (rule, city)  # more, if an observation was revised
            assert (history[-1:] == ["firing"]) is below[-1], (rule, city)
    notified = Counter((rule, city, event, _format(at)) for rule, city, event, at in events if event != "ended")
    received = _read_messages(requests)
    assert received == notified, (received - notified, notified - received)
    # A city that is removed and added again fires again for the same observation
    assert all(count == 1 for (_, city, *_), count in notified.items() if _is_lasting(city, lasting))
    return len(events)


def check_daemon_alerts(db: sqlite3.Connection, firing: Mapping[str, bool]) -> int:
    """Check which of the rules about the daemon itself fire at the end; return the number of their changes.

    check_alerts() has checked that each was received once.
    """
    count = 0
    for rule, is_firing in firing.items():
        history = [event for name, _, event, _ in db.execute(_NOTIFIED) if name == rule]
        assert (history[-1:] == ["firing"]) is is_firing, (rule, history)
        count += len(history)
    return count


def has_turns(history: Sequence[str], begin: str, ends: Sequence[str]) -> bool:
    """Return whether a history is beginnings and ends in turn, from a beginning on."""
    return all(kind == begin if number % 2 == 0 else kind in ends for number, kind in enumerate(history))


def _group_temperatures(db: sqlite3.Connection, lasting: int) -> dict[tuple[str], list[float]]:
    """Return the temperatures of each city whose service has a new observation at each second, in order."""
    found: defaultdict[tuple[str], list[float]] = defaultdict(list)
    for city, temperature in db.execute(_TEMPERATURES):
        if _is_lasting(city, lasting):
            found[city,].append(temperature)
    return found


def _read_messages(requests: Sequence[Request]) -> Counter[tuple[str, str, str, str]]:
    """Return how often each change was received. Messages with the same key are one, and have the same changes."""
    by_key: dict[str, list[tuple[str, str, str, str]]] = {}
    for _, headers, body in requests:
        message = json.loads(body)
        alerts = [(alert["rule"], alert["city"], alert["event"], alert["time"]) for alert in message["alerts"]]
        assert by_key.setdefault(headers["Idempotency-Key"], alerts) == alerts
    return Counter(itertools.chain.from_iterable(by_key.values()))


def check_warnings(db: sqlite3.Connection, received: Sequence[Mapping[str, Any]], lasting: int) -> int:
    """Check that each warning begins and ends once, and that each change was received once; return their number.

    The first *lasting* cities were in all lists. A city that was removed is forgotten.
    """
    changes = db.execute(_CHANGES).fetchall()
    histories: defaultdict[tuple[str, str, str], list[str]] = defaultdict(list)
    for city, provider, key, kind, _ in changes:
        if _is_lasting(city, lasting):
            histories[city, provider, key].append("new" if kind == "existing" else kind)
    lives = {event: [kind for kind in history if kind != "updated"] for event, history in histories.items()}
    assert all(has_turns(history, "new", ("ended",)) for history in lives.values())
    in_force = {event for event in db.execute(_IN_FORCE) if _is_lasting(event[0], lasting)}
    assert in_force == {event for event, history in lives.items() if history[-1] == "new"}
    sent = Counter((city, provider, key, kind, _format(at)) for city, provider, key, kind, at in changes)
    got = Counter(tuple(change[name] for name in ("city", "provider", "key", "kind", "at")) for change in received)
    assert got == sent, (got - sent, sent - got)
    assert all(count == 1 for (city, *_), count in sent.items() if _is_lasting(city, lasting))
    return len(changes)


def _is_lasting(city: str, lasting: int) -> bool:
    """Return whether a city was in all lists; an alert about the daemon itself has none."""
    return not city or int(city.rpartition("-")[2]) < lasting


def _format(micros: int) -> str:
    return format_rfc3339(datetime.fromtimestamp(micros / 1e6, UTC))
