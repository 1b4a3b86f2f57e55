"""Official warnings in a forecast of Pirate Weather. https://docs.pirateweather.net/en/latest/API/#alerts."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from weatherd.official_warning import OfficialWarning
from weatherd.providers.values import as_mapping, parse_number
from weatherd.providers.warning_areas import AreaWarning, ParsedWarnings
from weatherd.providers.warning_fields import clean_line, clean_paragraphs, parse_link, parse_severity, require_list

_PROVIDER = "pirate-weather"
_TIMES = (0.0, 253402300799.0)  # POSIX seconds, up to the year 9999; the service writes -999 for none


def parse_pirate_weather_warnings(document: Any) -> ParsedWarnings:
    """Return the warnings of a place, in the language of their authors.

    They have no id, and the same one may be there several times with other addresses. So a warning is identified by its
    title, regions and beginning. Raises ProviderError if it is not a forecast with a list of warnings.
    """
    found: dict[tuple[Any, ...], OfficialWarning] = {}
    problems: list[str] = []
    for alert in map(as_mapping, require_list(document, "alerts")):
        title, regions = clean_line(alert.get("title")), _parse_regions(alert)
        if not title:
            problems.append("an alert has no title")
            continue
        onset, ends = _parse_time(alert.get("time")), _parse_time(alert.get("expires"))
        series = f"{title}/{regions}"
        event_key, url = f"{series}@{onset:%Y-%m-%dT%H:%MZ}" if onset else series, parse_link(alert.get("uri"))
        warning = OfficialWarning(
            provider=_PROVIDER,
            event_key=event_key,
            series=series,
            message_id=url or event_key,
            event=title,
            severity=parse_severity(alert.get("severity")),
            onset=onset,
            ends=ends,
            headline=title,
            description=clean_paragraphs(alert.get("description")),
            area=regions,
            url=url,
        )
        key = series, onset, ends, warning.description
        if key not in found or found[key].url < url:  # always the same one of several, whatever their order
            found[key] = warning
    return ParsedWarnings(list(map(AreaWarning, found.values())), problems)


def _parse_regions(alert: dict[str, Any]) -> str:
    regions = alert.get("regions")
    return clean_line(", ".join(filter(None, map(clean_line, regions if isinstance(regions, list) else []))))


def _parse_time(value: Any) -> datetime | None:
    seconds = parse_number(value, _TIMES)
    return datetime.fromtimestamp(seconds, UTC) if seconds is not None else None
