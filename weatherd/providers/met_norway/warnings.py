"""Official warnings of MET Norway. https://api.met.no/weatherapi/metalerts/2.0/documentation."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from weatherd.official_warning import OfficialWarning, Severity
from weatherd.providers.values import as_mapping
from weatherd.providers.warning_areas import AreaWarning, ParsedWarnings, parse_polygons
from weatherd.providers.warning_fields import (
    clean_line,
    clean_paragraphs,
    is_actual,
    parse_certainty,
    parse_id,
    parse_link,
    parse_optional_time,
    parse_severity,
    require_list,
)

_PROVIDER = "met-norway"
_COLORS = MappingProxyType({"yellow": Severity.MODERATE, "orange": Severity.SEVERE, "red": Severity.EXTREME})
_ISSUE = re.compile(r"2\.49\.0\.1\.578\.0\.(20\d{12})\.", re.ASCII)  # organization, UTC time
_TIMES = re.compile(r"(, \d{4}-\d\d-\d\dT[\d:]+\+00:00){1,2}$")  # in UTC, at the end of a title


def parse_met_norway_warnings(document: Any, language: str) -> ParsedWarnings:
    """Return the warnings in a collection, with their polygons; *language* is that of the request, ``no`` or ``en``.

    The service gives no key of an event: an update has another id. So warnings of the same kind for the same area are a
    series. The time of issue is in the id, see :func:`_parse_issue`. Raises ProviderError if it is not a collection.
    """
    found: list[AreaWarning] = []
    problems: list[str] = []
    for feature in map(as_mapping, require_list(document, "features")):
        properties = as_mapping(feature.get("properties"))
        if not is_actual(properties.get("status")):
            continue
        try:
            found.append(_parse_feature(feature, properties, language))
        except ValueError as error:
            problems.append(f"warning {parse_id(properties.get('id')) or 'without an id'}: {error}")
    return ParsedWarnings(list(dict.fromkeys(found)), problems)


def _parse_feature(feature: dict[str, Any], properties: dict[str, Any], language: str) -> AreaWarning:
    message_id, event = parse_id(properties.get("id")), clean_line(properties.get("event"))
    polygons = parse_polygons(feature.get("geometry"))
    if not message_id or not event or not polygons:
        raise ValueError("it has no id, no event or no area")
    area = clean_line(properties.get("area"))
    series = f"{event}/{clean_line(properties.get('geographicDomain'))}/{area}"
    onset, ends = _parse_interval(feature)
    texts = [clean_paragraphs(properties.get(name)) for name in ("description", "consequences")]
    warning = OfficialWarning(
        provider=_PROVIDER,
        event_key=f"{series}@{onset:%Y-%m-%dT%H:%MZ}" if onset else series,
        series=series,
        message_id=message_id,
        event=event,
        severity=_parse_level(properties),
        certainty=parse_certainty(properties.get("certainty")),
        sent=_parse_issue(message_id),
        onset=onset,
        ends=ends or parse_optional_time(properties.get("eventEndingTime")),
        headline=_TIMES.sub("", clean_line(properties.get("title"))),
        description="\n\n".join(filter(None, texts)),
        instruction=clean_paragraphs(properties.get("instruction")),
        area=area,
        url=parse_link(properties.get("web")),
        language=language,
        is_cancelled=properties.get("type") == "Cancel",
    )
    return AreaWarning(warning, polygons=polygons)


def _parse_issue(message_id: str) -> datetime | None:
    """Return the time of issue, which the list has in its ids alone; the message was sent up to 90 minutes later.

    Source: the service's CAP profile, ``identifier``, https://docs.api.met.no/doc/metalerts/.
    """
    found = _ISSUE.match(message_id)
    try:
        return datetime.strptime(found[1], "%Y%m%d%H%M%S").replace(tzinfo=UTC) if found else None
    except ValueError:
        return None


def _parse_interval(feature: dict[str, Any]) -> tuple[Any, Any]:
    interval = as_mapping(feature.get("when")).get("interval")
    begin, end, *_ = [*(interval if isinstance(interval, list) else []), None, None]
    return parse_optional_time(begin), parse_optional_time(end)


def _parse_level(properties: dict[str, Any]) -> Severity:
    """Return the severity by the colour of the level, which is the service's own scale: ``"2; yellow; Moderate"``."""
    level = properties.get("awareness_level")
    colors = [properties.get("riskMatrixColor"), *(level.split(";") if isinstance(level, str) else ())]
    folded = [color.strip().lower() for color in colors if isinstance(color, str)]
    by_color = [_COLORS[color] for color in folded if color in _COLORS]
    return by_color[0] if by_color else parse_severity(properties.get("severity"))
