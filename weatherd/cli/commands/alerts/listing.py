"""The alerts of the running daemon as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weatherd.alerts.builtin.daemon_rules import is_daemon_rule
from weatherd.alerts.compared_values import format_values
from weatherd.cli.table import Column, format_table
from weatherd.cli.wording import format_local_time

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.text import Text

    from weatherd.cli.client import Client
    from weatherd.text.display import Display
    from weatherd.web.alerts.models import AlertModel, SilenceModel

_STYLES = {"firing": "red", "pending": "yellow"}


async def fetch_alerts(client: Client) -> list[AlertModel]:
    """Return the alerts of the daemon in the order of :func:`sort_alerts`. Raises ClientError."""
    async with client:
        return sort_alerts([alert async for alert in client.list_alerts()])


def sort_alerts(alerts: Iterable[AlertModel]) -> list[AlertModel]:
    """Return the firing alerts first, and of these, those about the daemon itself, by rule and city."""
    return sorted(
        alerts,
        key=lambda alert: (alert.state != "firing", not is_daemon_rule(alert.rule), alert.rule, alert.city),
    )


def format_alerts(
    alerts: Sequence[AlertModel], display: Display, zone_name: str | None, width: int | None
) -> Iterator[str | Text]:
    """Yield the lines of a table, or a sentence if there are no alerts."""
    if not alerts:
        yield "no alert is firing or pending"
        return
    columns = [
        Column("rule", [alert.rule for alert in alerts], min_width=10),
        Column("city", [alert.name for alert in alerts], min_width=10),
        Column("state", [alert.state for alert in alerts], styles=_STYLES),
        Column("severity", [alert.severity for alert in alerts], rank=4),
        Column("since", [format_local_time(alert.since, zone_name) for alert in alerts], rank=1),
        Column("value", [format_values(alert.value, display) or "–" for alert in alerts], rank=2, min_width=10),
        Column("last sent", [_format_sent(alert, zone_name) for alert in alerts], rank=3),
        Column("message", [alert.message or "–" for alert in alerts], rank=5, min_width=14),
    ]
    if any(alert.silenced_until for alert in alerts):
        ends = [format_local_time(alert.silenced_until, zone_name) if alert.silenced_until else "–" for alert in alerts]
        columns.insert(3, Column("silenced until", ends))
    yield from format_table(columns, width)


def _format_sent(alert: AlertModel, zone_name: str | None) -> str:
    return format_local_time(alert.notified_at, zone_name) if alert.notified_at else "never"


def format_silences(silences: Sequence[SilenceModel], zone_name: str | None, width: int | None) -> Iterator[str | Text]:
    """Yield the lines of a table of silences, or a sentence if there are none."""
    if not silences:
        yield "no silence is in force"
        return
    columns = [
        Column("number", [str(silence.id) for silence in silences], is_number=True),
        Column("alerts", [describe_silence(silence) for silence in silences], min_width=10),
        Column("until", [format_local_time(silence.until, zone_name) for silence in silences]),
        Column("comment", [silence.comment or "–" for silence in silences], rank=1, min_width=10),
    ]
    yield from format_table(columns, width)


def describe_silence(silence: SilenceModel) -> str:
    """Return what a silence concerns: ``frost in kiel``, ``all rules in cities with region=north``."""
    tags = " and ".join(f"{key}={text}" for key, text in silence.tags.items())
    places = [silence.city or "", f"cities with {tags}" if tags else ""]
    where = " and ".join(filter(None, places))
    return f"{silence.rule or 'all rules'}{f' in {where}' if where else ''}"
