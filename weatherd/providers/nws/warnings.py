"""Official warnings of the National Weather Service. https://www.weather.gov/documentation/services-web-alerts."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from weatherd.errors import Failure, ProviderError
from weatherd.official_warning import OfficialWarning, Urgency
from weatherd.providers.nws.vtec import ENDING_ACTIONS, Vtec, parse_vtec
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
    parse_urgency,
    require_list,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROVIDER = "nws"
# "Heat Advisory issued July 15 at 2:44PM CDT until ...": each renewal would have another headline
_TIME_OF_ISSUE = re.compile(r" issued [A-Z][a-z]+ \d{1,2} at \d{1,2}:\d\d[AP]M [A-Z]{3,4}\b")
_ZONE = re.compile(r"/zones/([a-z]{4,20}/[A-Z]{2}[CZ]\d{3})$")
_CODE = re.compile(r"[A-Z]{2}[CZ]\d{3}")
_PREDECESSOR = re.compile(r"[^\s,]+,([^\s,]+),(\S+)")  # sender, id and time


class _Reference(NamedTuple):
    """A message that a later one replaces."""

    sent: float  # POSIX time
    message_id: str


def parse_nws_warnings(document: Any) -> ParsedWarnings:
    """Return the warnings in a collection of alerts, which concerns a point or the whole country.

    A message may be about several events, for example about a watch that ends and the warning that replaces it. Several
    messages may be about one event, one for each group of zones. Raises ProviderError if it is not a collection.
    """
    found: dict[AreaWarning, None] = {}  # because the service sends some alerts twice
    problems: list[str] = []
    for feature in require_list(document, "features"):
        properties = as_mapping(as_mapping(feature).get("properties"))
        if not is_actual(properties.get("status")):
            continue
        try:
            found.update(dict.fromkeys(_parse_alert(feature, properties)))
        except ValueError as error:
            problems.append(f"alert {parse_id(properties.get('id')) or 'without an id'}: {error}")
    return ParsedWarnings(list(found), problems)


def _parse_alert(feature: dict[str, Any], properties: dict[str, Any]) -> Iterator[AreaWarning]:
    """Yield a warning for each event of an alert. Raises ValueError if the alert cannot be identified."""
    message_id, event = parse_id(properties.get("id")), clean_line(properties.get("event"))
    if not message_id or not event:
        raise ValueError("it has no id or no event")
    polygons, zones = parse_polygons(feature.get("geometry")), _parse_zones(properties)
    urgency = parse_urgency(properties.get("urgency"))
    warning = OfficialWarning(
        provider=_PROVIDER,
        event_key=_find_first_message(properties, message_id),
        message_id=message_id,
        event=event,
        severity=parse_severity(properties.get("severity")),
        urgency=urgency,
        certainty=parse_certainty(properties.get("certainty")),
        sent=parse_optional_time(properties.get("sent")),
        onset=parse_optional_time(properties.get("onset")) or parse_optional_time(properties.get("effective")),
        # ``expires`` is when the text has to be renewed, and counts only where nothing else is known
        ends=parse_optional_time(properties.get("ends")) or parse_optional_time(properties.get("expires")),
        headline=_TIME_OF_ISSUE.sub("", clean_line(properties.get("headline"))),
        description=clean_paragraphs(properties.get("description"), is_wrapped=True),
        instruction=clean_paragraphs(properties.get("instruction"), is_wrapped=True),
        area=clean_line(properties.get("areaDesc")),
        url=parse_link(feature.get("id")),
        language=_parse_language(properties.get("language")),
        is_cancelled=urgency is Urgency.PAST
        or properties.get("messageType") == "Cancel"
        or properties.get("response") == "AllClear",
    )
    events = _find_events(properties)
    if not events:
        yield AreaWarning(warning, zones, polygons)
    for vtec in events:
        if not vtec.is_test:
            yield AreaWarning(_make_event(warning, vtec, properties), zones, polygons)


def _make_event(warning: OfficialWarning, vtec: Vtec, properties: dict[str, Any]) -> OfficialWarning:
    """Return a message about an event with VTEC. Without an end in either form, it lasts until further notice."""
    ends = vtec.ends or parse_optional_time(properties.get("ends"))
    moment = ends or warning.sent
    return replace(
        warning,
        event_key=f"{vtec.series}.{moment:%Y}" if moment else vtec.series,
        series=vtec.series,
        ends=ends,
        is_cancelled=warning.is_cancelled or vtec.action in ENDING_ACTIONS,
    )


def _find_events(properties: dict[str, Any]) -> list[Vtec]:
    texts = as_mapping(properties.get("parameters")).get("VTEC")
    return [vtec for text in (texts if isinstance(texts, list) else []) if (vtec := parse_vtec(text))]


def _find_first_message(properties: dict[str, Any], message_id: str) -> str:
    """Return the id of the first message about the event, which identifies an event without VTEC."""
    return min(_find_predecessors(properties), default=_Reference(0.0, message_id)).message_id


def _find_predecessors(properties: dict[str, Any]) -> Iterator[_Reference]:
    """Yield the messages that this one replaces, including those that have expired."""
    references = properties.get("references")
    for reference in map(as_mapping, references if isinstance(references, list) else []):
        sent, message_id = parse_optional_time(reference.get("sent")), parse_id(reference.get("identifier"))
        if sent and message_id:
            yield _Reference(sent.timestamp(), message_id)
    expired = as_mapping(properties.get("parameters")).get("expiredReferences")
    for text in expired if isinstance(expired, list) else []:
        for message_id, time in _PREDECESSOR.findall(text) if isinstance(text, str) else ():
            if (sent := parse_optional_time(time)) and parse_id(message_id):
                yield _Reference(sent.timestamp(), message_id)


def _parse_zones(properties: dict[str, Any]) -> frozenset[str]:
    """Return the zones as ``forecast/MNZ022``: a forecast zone and a fire zone may have the same code."""
    urls = properties.get("affectedZones")
    texts = [url for url in (urls if isinstance(urls, list) else []) if isinstance(url, str)]
    if zones := frozenset(match[1] for url in texts if (match := _ZONE.search(url))):
        return zones
    codes = as_mapping(properties.get("geocode")).get("UGC")
    valid = [code for code in (codes if isinstance(codes, list) else []) if isinstance(code, str)]
    return frozenset(f"{'county' if code[2] == 'C' else 'forecast'}/{code}" for code in valid if _CODE.fullmatch(code))


def parse_place_zones(document: Any) -> frozenset[str]:
    """Return the zones of a place from a response to ``/points``. Raises ProviderError if it is not one."""
    properties = as_mapping(as_mapping(document).get("properties"))
    if not properties:
        raise ProviderError("the response does not describe the place", Failure.MALFORMED)
    urls = [properties.get(name) for name in ("forecastZone", "county", "fireWeatherZone")]
    return frozenset(match[1] for url in urls if isinstance(url, str) and (match := _ZONE.search(url)))


def _parse_language(tag: Any) -> str:
    return tag[:2].lower() if isinstance(tag, str) and re.match(r"[A-Za-z]{2}(-|$)", tag) else "en"
