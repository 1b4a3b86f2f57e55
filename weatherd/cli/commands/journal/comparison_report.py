"""The comparison of a city's services as text and as a document."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from rich.text import Text

from weatherd.cli.history.documents import describe_range
from weatherd.cli.screen import wrap_text
from weatherd.cli.table import Column, format_table
from weatherd.formatting import format_rfc3339
from weatherd.text.duration import format_duration
from weatherd.text.units import UNITS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from weatherd.cli.lookup import RecordedCity
    from weatherd.journal.comparison.outages import ServiceOutage
    from weatherd.journal.comparison.services import ComparedService, PreferenceReason, ServiceComparison
    from weatherd.text.display import Display
    from weatherd.text.units import DisplayUnit


_REASONS: dict[PreferenceReason, str] = {
    "measures": "measures",
    "smallest_error": "has the smallest error",
    "one_service": "only one service has reported, so there is nothing to compare it with",
    "two_services": "which one is better is not known: two services without a station differ from each other alike",
    "too_few_days": "which one to put first is not known yet: there are pairs of fewer than 3 days",
}


@dataclass(frozen=True, slots=True)
class CityComparison:
    """The comparison of a city's services in ``[since, until)``."""

    city: RecordedCity
    since: datetime
    until: datetime
    field: str
    first_provider: str | None  # that the list names first; None if the city is not in the list
    compared: ServiceComparison


def build_comparison_document(found: CityComparison) -> dict[str, Any]:
    """Return the comparison for programs, in metric units and UTC."""
    compared = found.compared
    document = describe_range(found.city, found.since, found.until)
    document |= {"field": found.field, "unit": UNITS["metric"][found.field].symbol}
    document |= {"reference": compared.reference, "preferred": compared.preferred, "reason": compared.reason}
    return document | {"services": [_describe_service(service) for service in compared.services]}


def _describe_service(service: ComparedService) -> dict[str, Any]:
    agreement, outages = service.agreement, service.outages
    interval = agreement and agreement.interval
    return {
        "provider": service.provider,
        "observations": service.observations,
        "pairs": agreement.pairs if agreement else 0,
        "bias": agreement and round(agreement.bias, 3),
        "interval": interval and [round(bound, 3) for bound in interval],
        "mean_absolute_error": agreement and round(agreement.mean_absolute_error, 3),
        "outages": outages and [{"begin": _format_time(begin), "end": _format_time(end)} for begin, end in outages],
    }


def _format_time(posix: float) -> str:
    return format_rfc3339(datetime.fromtimestamp(posix, UTC))


def format_comparison(found: CityComparison, display: Display, width: int | None) -> Iterator[str | Text]:
    """Yield the lines of a comparison: a heading, the table of services, and which one to put first."""
    city = found.city
    begin, end = found.since.astimezone(city.zone), found.until.astimezone(city.zone)
    heading = f"{city.name}: {found.field}, {begin:%d %b %Y %H:%M %Z} to {end:%d %b %Y %H:%M %Z}"
    yield from (Text(line, "bold") for line in wrap_text(heading, width))
    if not found.compared.services:
        yield "no observations"
        return
    reference = found.compared.reference
    standard = f"{reference}, which measures" if reference else "the median of the other services"
    yield from wrap_text(f"reference: {standard}", width)
    yield from format_table(_make_columns(found.compared, UNITS[display.units][found.field]), width)
    yield from wrap_text(_advise(found), width)


def _make_columns(compared: ServiceComparison, unit: DisplayUnit) -> list[Column]:
    services = compared.services
    agreements = [service.agreement for service in services]

    def format_error(error: float, sign: str = "") -> str:  # a difference has no offset
        return f"{error * unit.factor:{sign}z.{unit.digits + 1}f}"

    biases = [format_error(found.bias, "+") if found else "–" for found in agreements]
    errors = [format_error(found.mean_absolute_error) if found else "–" for found in agreements]
    intervals = [
        " to ".join(format_error(bound, "+") for bound in found.interval) if found and found.interval else "–"
        for found in agreements
    ]
    return [
        Column("service", [service.provider for service in services]),
        Column("observations", [f"{service.observations:,}" for service in services], rank=2, is_number=True),
        Column("pairs", [f"{found.pairs:,}" if found else "–" for found in agreements], is_number=True),
        Column(f"bias {unit.symbol}", biases, is_number=True),
        Column("95 % interval", intervals, rank=1, is_number=True),
        Column("mean error", errors, is_number=True),
        Column("outages", [_describe_outages(service.outages) for service in services], rank=1),
    ]


def _describe_outages(outages: Sequence[ServiceOutage] | None) -> str:
    """Return the number of outages and their length together; a dash for a service that is not asked regularly."""
    if not outages:
        return "–" if outages is None else "none"
    length = sum(end - begin for begin, end in outages)
    return f"{len(outages)} ({format_duration(length // 60 * 60)})"


def _advise(found: CityComparison) -> str:
    """Return which service to put first, or why that is not known."""
    compared = found.compared
    if preferred := compared.preferred:
        is_first = preferred == found.first_provider
        advice = f"{'it is' if is_first else 'put it'} first in the providers of {found.city.name}"
        return f"{preferred} {_REASONS[compared.reason]}: {advice}"
    return _REASONS[compared.reason]
