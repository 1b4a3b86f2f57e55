"""Alerts and official warnings as HTML without JavaScript."""

from __future__ import annotations

from datetime import datetime
from html import escape
from typing import TYPE_CHECKING

from weatherd.text.local_zone import load_zone
from weatherd.web.query_models import AlertsQuery, WarningsQuery

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import tzinfo

    from weatherd.daemon.status import DaemonStatus
    from weatherd.web.alerts.models import AlertModel
    from weatherd.web.notices.models import NoticeGroup, NoticeModel, NoticeSummary
    from weatherd.web.warnings.models import WarningModel


def find_city_notices(city_id: str, status: DaemonStatus) -> tuple[Sequence[AlertModel], Sequence[WarningModel]]:
    """Return the alerts and the official warnings of a city. The serializers are imported only if there can be some."""
    alerts: Sequence[AlertModel] = ()
    warnings: Sequence[WarningModel] = ()
    if status.alerts is not None:
        from weatherd.web.alerts.serializers import serialize_alerts_page  # noqa: PLC0415

        alerts = serialize_alerts_page(AlertsQuery(city=city_id), status).alerts
    if status.warnings is not None:
        from weatherd.web.warnings.serializers import serialize_warnings_page  # noqa: PLC0415

        warnings = serialize_warnings_page(WarningsQuery(city=city_id), status).warnings
    return alerts, warnings


def name_notice(notice: NoticeModel) -> str:
    """Return a notice in a few words: ``Alert: frost``, ``Severe: Storm Warning``."""
    if notice.kind == "alert":
        return f"Alert: {notice.title}"
    return f"{'Warning' if notice.severity == 'unknown' else notice.severity.capitalize()}: {notice.title}"


def count_notices(summary: NoticeSummary) -> str:
    """Return how many notices there are: ``2 alerts firing, 1 official warning``; "" for none."""
    counts = (
        (summary.alerts, "alert firing", "alerts firing"),
        (summary.warnings, "official warning", "official warnings"),
    )
    return ", ".join(f"{count:,} {one if count == 1 else many}" for count, one, many in counts if count)


def render_summary(summary: NoticeSummary) -> str:
    """Return the most serious notices as a list."""
    items = "".join(f"<li>{_render_group(group)}</li>\n" for group in summary.groups[:10])
    return f'<ul class="without-js">\n{items}</ul>\n' if items else ""


def _render_group(group: NoticeGroup) -> str:
    names = [f"<bdi>{escape(name)}</bdi>" for name in group.names]
    links = [
        f'<a href="?city={city_id}">{name}</a>' for city_id, name in zip(group.cities, names, strict=False)
    ] or names
    if (rest := group.count - len(links)) and links:
        links.append(f"{rest:,} more")
    parts = [f"<b>{escape(name_notice(group))}</b>", ", ".join(links), f"<bdi>{escape(group.text)}</bdi>"]
    return ". ".join(part for part in parts if part and part != "<bdi></bdi>")


def render_city_notices(alerts: Sequence[AlertModel], warnings: Sequence[WarningModel], zone_name: str | None) -> str:
    """Return the alerts and the official warnings of a city, with times in its zone."""
    if not alerts and not warnings:
        return ""
    zone = load_zone(zone_name)
    items = [*map(_render_alert, alerts), *(_render_warning(warning, zone) for warning in warnings)]
    body = "".join(f"<li>{item}</li>\n" for item in items)
    return f'<div class="without-js"><h2>Alerts and warnings</h2>\n<ul>\n{body}</ul></div>\n'


def _render_alert(alert: AlertModel) -> str:
    word = "Alert" if alert.state == "firing" else "Pending alert"
    word = f"Silenced {word.lower()}" if alert.silenced_until else word
    message = f": <bdi>{escape(alert.message)}</bdi>" if alert.message else ""
    return f"<p><b>{word}: {escape(alert.rule)}</b> ({alert.severity}){message}</p>"


def _render_warning(warning: WarningModel, zone: tzinfo) -> str:
    lang = f' lang="{escape(warning.language)}"' if warning.language else ""
    word = "Warning" if warning.severity == "unknown" else warning.severity.capitalize()
    times = [_render_moment("from", warning.onset, zone), _render_moment("until", warning.ends, zone)]
    lines = [f"<b>{word}: <bdi>{escape(warning.event)}</bdi></b> {' '.join(filter(None, times))}"]
    lines += [f"<bdi{lang}>{escape(text)}</bdi>" for text in _list_texts(warning)]
    lines.append(f"<bdi>{escape(warning.area[:500])}</bdi> · <bdi>{escape(warning.provider)}</bdi>")
    return "".join(f"<p>{line}</p>" for line in lines)


def _list_texts(warning: WarningModel) -> Iterator[str]:
    if warning.headline != warning.event:
        yield warning.headline
    yield from filter(None, warning.instruction.split("\n\n"))
    yield from filter(None, warning.description.split("\n\n"))


def _render_moment(word: str, text: str | None, zone: tzinfo) -> str:
    if text is None:
        return ""
    return f'{word} <time datetime="{text}">{datetime.fromisoformat(text).astimezone(zone):%a %d %b %H:%M %Z}</time>'
