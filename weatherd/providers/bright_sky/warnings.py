"""Official warnings of the Deutscher Wetterdienst from Bright Sky. https://brightsky.dev/docs/#/operations/getAlerts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weatherd.errors import Failure, ProviderError
from weatherd.official_warning import OfficialWarning
from weatherd.providers.values import as_mapping, parse_integer
from weatherd.providers.warning_areas import AreaWarning, ParsedWarnings
from weatherd.providers.warning_fields import (
    clean_line,
    clean_paragraphs,
    is_actual,
    parse_certainty,
    parse_id,
    parse_optional_time,
    parse_severity,
    parse_urgency,
    require_list,
)

if TYPE_CHECKING:
    from collections.abc import Callable

_PROVIDER = "bright-sky"
_URL = "https://www.dwd.de"  # the response has no address of a warning


def parse_bright_sky_warnings(document: Any, language: str) -> ParsedWarnings:
    """Return the warnings of a place, in German if *language* is ``de``, else in English.

    The service gives no key of an event: an update has another ``alert_id``, and ``id`` is reused. So warnings of the
    same kind for a place are a series. Raises ProviderError if it is not a list of warnings.
    """
    area = clean_line(as_mapping(as_mapping(document).get("location")).get("name"))
    return _parse_alerts(document, lambda alert: AreaWarning(_parse_alert(alert, language, area)))


def parse_national_warnings(document: Any, language: str) -> ParsedWarnings:
    """Return the warnings of all places, as :func:`parse_bright_sky_warnings` does; their zones are the communes."""
    return _parse_alerts(document, lambda alert: AreaWarning(_parse_alert(alert, language, ""), _parse_communes(alert)))


def parse_commune(document: Any) -> frozenset[str]:
    """Return the commune in a response about a place. Raises ProviderError if it has none."""
    commune = parse_integer(as_mapping(as_mapping(document).get("location")).get("warn_cell_id"))
    if commune is None:
        raise ProviderError("the response does not name the commune", Failure.MALFORMED)
    return frozenset({str(commune)})


def _parse_alerts(document: Any, parse: Callable[[dict[str, Any]], AreaWarning]) -> ParsedWarnings:
    found: list[AreaWarning] = []
    problems: list[str] = []
    for alert in map(as_mapping, require_list(document, "alerts")):
        if not is_actual(alert.get("status")):
            continue
        try:
            found.append(parse(alert))
        except ValueError as error:
            problems.append(f"alert {parse_id(alert.get('alert_id')) or 'without an id'}: {error}")
    return ParsedWarnings(list(dict.fromkeys(found)), problems)


def _parse_communes(alert: dict[str, Any]) -> frozenset[str]:
    """Return the communes of an alert in the national list. Raises ValueError if it has none."""
    communes = alert.get("warn_cell_ids")
    if not isinstance(communes, list) or not communes:
        raise ValueError("it has no communes")
    return frozenset(map(str, communes))


def _parse_alert(alert: dict[str, Any], language: str, area: str) -> OfficialWarning:
    language = "de" if language == "de" else "en"
    message_id = parse_id(alert.get("alert_id"))
    event = clean_line(alert.get("event_en")) or clean_line(alert.get("event_de"))
    if not message_id or not event:
        raise ValueError("it has no alert_id or no event")
    code = parse_integer(alert.get("event_code"))
    series = event if code is None else str(code)
    sent = parse_optional_time(alert.get("effective"))
    onset = parse_optional_time(alert.get("onset")) or sent
    return OfficialWarning(
        provider=_PROVIDER,
        event_key=f"{series}@{onset:%Y-%m-%dT%H:%MZ}" if onset else series,
        series=series,
        message_id=message_id,
        event=event,
        severity=parse_severity(alert.get("severity")),
        urgency=parse_urgency(alert.get("urgency")),
        certainty=parse_certainty(alert.get("certainty")),
        sent=sent,
        onset=onset,
        ends=parse_optional_time(alert.get("expires")),
        headline=_choose_text(alert, "headline", language, clean_line),
        description=_choose_text(alert, "description", language, clean_paragraphs),
        instruction=_choose_text(alert, "instruction", language, clean_paragraphs),
        area=area,
        url=_URL,
        language=language,
        is_cancelled=alert.get("response_type") == "allclear",
    )


def _choose_text(alert: dict[str, Any], name: str, language: str, clean: Callable[[Any], str]) -> str:
    """Return the text in *language*, or else in the other one: advice in German is better than none."""
    other = "en" if language == "de" else "de"
    return clean(alert.get(f"{name}_{language}")) or clean(alert.get(f"{name}_{other}"))
