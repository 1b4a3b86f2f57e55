"""The messages about changes of alerts: one for all cities of a rule that fire, and one for those that are resolved."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, cast

from weatherd.formatting import format_count, format_rfc3339
from weatherd.pipeline.notifications.message import AlertMessage, AlertNotice

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from weatherd.alerts.rule import AlertSeverity
    from weatherd.journal.tables.alert_table import AlertEntry

    FindName = Callable[[str], str]  # the name of a city, by its id

_EVENTS = {"firing": "", "repeated": " continues", "resolved": " resolved"}
_MAX_LINES = 20  # cities whose texts are in the text of a message


def compose_messages(entries: Iterable[AlertEntry], target: str, key: str, find_name: FindName) -> list[AlertMessage]:
    """Return the messages for a target in the order of their first change.

    The changes of a city stay in order: an alert that fires, is resolved and fires again is in three messages, because
    otherwise the last message would report it as resolved. The same changes give the same messages and keys, which are
    made of *key*.
    """
    groups: list[list[AlertEntry]] = []
    numbers: dict[tuple[str, str], int] = {}  # of the last group of a rule and an event
    last: dict[tuple[str, str], int] = {}  # number of the group with the last change of a rule and a city
    for entry in entries:
        if entry.event not in _EVENTS or target not in entry.notify:
            continue
        kind, alert = (entry.rule, entry.event), (entry.rule, entry.city)
        if kind not in numbers or numbers[kind] < last.get(alert, 0):
            numbers[kind] = len(groups)
            groups.append([])
        last[alert] = numbers[kind]
        groups[last[alert]].append(entry)
    return [_compose(group, f"{key}-{number}", find_name) for number, group in enumerate(groups, 1)]


def _compose(group: Sequence[AlertEntry], key: str, find_name: FindName) -> AlertMessage:
    first, cities = group[0], {entry.city for entry in group}
    event = cast("Literal['firing', 'repeated', 'resolved']", first.event)
    where = find_name(first.city) if len(cities) == 1 else format_count(len(cities), "city", "cities")
    lines = [entry.message for entry in group[:_MAX_LINES]]
    if len(group) > _MAX_LINES:
        lines.append(f"… and {len(group) - _MAX_LINES:,} more")
    return AlertMessage(
        key=key,
        title=f"{first.rule}{_EVENTS[event]}: {where}",
        text="\n".join(lines),
        event=event,
        rule=first.rule,
        severity=cast("AlertSeverity", first.severity),
        alerts=tuple(
            AlertNotice(
                entry.city, find_name(entry.city), entry.message, _format_time(entry.since), _format_time(entry.at)
            )
            for entry in group
        ),
    )


def _format_time(time: float) -> str:
    return format_rfc3339(datetime.fromtimestamp(time, UTC))
