"""The conversion of a comparison to the model of the API."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weatherd.text.units import UNITS
from weatherd.web.comparison.models import ComparedServiceModel, ComparisonModel, OutageModel
from weatherd.web.serializers import format_timestamp

if TYPE_CHECKING:
    from datetime import datetime

    from weatherd.journal.comparison.services import ComparedService, ServiceComparison


def serialize_comparison(
    city_id: str, times: tuple[datetime, datetime], field: str, compared: ServiceComparison
) -> ComparisonModel:
    """Return the model of the comparison of a city's services in a range of time; errors are rounded."""
    since, until = (format_timestamp(time.timestamp()) for time in times)
    return ComparisonModel(
        city=city_id,
        since=since,
        until=until,
        field=field,
        unit=UNITS["metric"][field].symbol,
        reference=compared.reference,
        preferred=compared.preferred,
        reason=compared.reason,
        services=[_serialize_service(service) for service in compared.services],
    )


def _serialize_service(service: ComparedService) -> ComparedServiceModel:
    agreement, outages = service.agreement, service.outages
    interval = agreement.interval if agreement else None
    return ComparedServiceModel(
        provider=service.provider,
        observations=service.observations,
        pairs=agreement.pairs if agreement else 0,
        bias=round(agreement.bias, 3) if agreement else None,
        interval=(round(interval[0], 3), round(interval[1], 3)) if interval else None,
        mean_absolute_error=round(agreement.mean_absolute_error, 3) if agreement else None,
        outages=None
        if outages is None
        else [OutageModel(begin=format_timestamp(begin), end=format_timestamp(end)) for begin, end in outages],
    )
