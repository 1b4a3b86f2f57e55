"""The messages about changes of alerts: one for all cities of a rule that fire, and one for those that are resolved."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, cast

from weatherd.alerts.builtin.daemon_rules import is_daemon_rule, name_subject
from weatherd.alerts.quiet_hours import ALERT_SEVERITIES
from weatherd.formatting import format_count, format_rfc3339
from weatherd.pipeline.notifications.message import AlertMessage, AlertNotice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from weatherd.alerts.rule import AlertSeverity
    from weatherd.journal.tables.alert_table import AlertEntry
    from weatherd.pipeline.notifications.message import MessageEvent, NoticeEvent

    FindName = Callable[[str], str]  # the name of a city, by its id

_EVENTS = {"firing": "", "repeated": " continues", "resolved": " resolved"}
_DIGEST_WORDS = {"firing": "firing", "repeated": "still firing", "resolved": "resolved"}
_MAX_LINES = 20  # cities whose texts are in the text of a message


def keep_last_changes(entries: Iterable[AlertEntry]) -> list[AlertEntry]:
    """Return the last change of each alert, in order."""
    last = {(entry.rule, entry.city): entry for entry in entries}
    return sorted(last.values(), key=lambda entry: entry.seq)


def compose_messages(entries: Iterable[AlertEntry], key: str, find_name: FindName, *, limit: int) -> list[AlertMessage]:
    """Return the messages about changes in the order of their first change, or one if there were more than *limit*.

    The changes of a city stay in order: an alert that fires, is resolved and fires again is in three messages, because
    otherwise the last message would report it as resolved. The same changes give the same messages and keys, which are
    made of *key*.
    """
    groups: list[list[AlertEntry]] = []
    numbers: dict[tuple[str, str], int] = {}  # of the last group of a rule and an event
    last: dict[tuple[str, str], int] = {}  # number of the group with the last change of a rule and a city
    for entry in entries:
        if entry.event not in _EVENTS:
            continue
        kind, alert = (entry.rule, entry.event), (entry.rule, entry.city)
        if kind not in numbers or numbers[kind] < last.get(alert, 0):
            numbers[kind] = len(groups)
            groups.append([])
        group = groups[numbers[kind]]
        if entry.event == "repeated" and last.get(alert) == numbers[kind]:  # as after an outage: the last one suffices
            group.remove(next(known for known in group if (known.rule, known.city) == alert))
        last[alert] = numbers[kind]
        group.append(entry)
    if len(groups) > limit:
        return [_compose_digest(groups, f"{key}-1", find_name)]
    return [_compose(group, f"{key}-{number}", find_name) for number, group in enumerate(groups, 1)]


def _compose(group: Sequence[AlertEntry], key: str, find_name: FindName) -> AlertMessage:
    first = group[0]
    return AlertMessage(
        key=key,
        title=_make_title(group, find_name),
        text="\n".join(_list_texts(group, _MAX_LINES)),
        event=cast("MessageEvent", first.event),
        rule=first.rule,
        severity=cast("AlertSeverity", first.severity),
        alerts=tuple(_make_notice(entry, find_name) for entry in group),
        entries=tuple(group),
    )


def _compose_digest(groups: Sequence[Sequence[AlertEntry]], key: str, find_name: FindName) -> AlertMessage:
    """Return one message about several groups. Its severity is the highest of the alerts that fire, or else of all."""
    entries = [entry for group in groups for entry in group]
    counts = Counter(entry.event for entry in entries)
    parts = ", ".join(f"{counts[event]:,} {word}" for event, word in _DIGEST_WORDS.items() if counts[event])
    lines = []
    for group in groups[:_MAX_LINES]:
        lines.append(_make_title(group, find_name))
        lines += [f"  {line}" for line in _list_texts(group, max(1, _MAX_LINES // len(groups)))]
    if hidden := len(groups[_MAX_LINES:]):
        lines.append(f"… and {hidden:,} more groups")
    firing = [entry.severity for entry in entries if entry.event != "resolved"]
    return AlertMessage(
        key=key,
        title=f"{format_count(len(entries), 'alert', 'alerts')}: {parts}",
        text="\n".join(lines),
        event="digest",
        rule=", ".join(dict.fromkeys(entry.rule for entry in entries)),
        severity=cast(
            "AlertSeverity", max(firing or [entry.severity for entry in entries], key=ALERT_SEVERITIES.index)
        ),
        alerts=tuple(_make_notice(entry, find_name) for entry in entries),
        entries=tuple(entries),
    )


def _make_title(group: Sequence[AlertEntry], find_name: FindName) -> str:
    first, cities = group[0], {entry.city for entry in group}
    if is_daemon_rule(first.rule):
        where = ", ".join(name_subject(subject) for subject in sorted(cities))
    else:
        where = find_name(first.city) if len(cities) == 1 else format_count(len(cities), "city", "cities")
    return f"{first.rule}{_EVENTS[str(first.event)]}: {where}"


def _list_texts(group: Sequence[AlertEntry], limit: int) -> list[str]:
    more = len(group) - limit
    return [entry.message for entry in group[:limit]] + ([f"… and {more:,} more"] if more > 0 else [])


def _make_notice(entry: AlertEntry, find_name: FindName) -> AlertNotice:
    is_built_in = is_daemon_rule(entry.rule)
    return AlertNotice(
        city="" if is_built_in else entry.city,
        name=name_subject(entry.city) if is_built_in else find_name(entry.city),
        rule=entry.rule,
        event=cast("NoticeEvent", entry.event),
        severity=cast("AlertSeverity", entry.severity),
        text=entry.message,
        began=_format_time(entry.since),
        time=_format_time(entry.at),
    )


def _format_time(time: float) -> str:
    return format_rfc3339(datetime.fromtimestamp(time, UTC))
