"""Query parameters and response model of the comparison of services."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from weatherd.journal.comparison.city import ComparedField
from weatherd.journal.comparison.services import PreferenceReason
from weatherd.web.query_models import WHOLE_NUMBER, Scope
from weatherd.web.schemas import Model

_MAX_DAYS = 92  # takes 0.2 s of CPU time with values every 10 minutes
_Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


class ComparisonQuery(Model):
    """The field that is compared, and for how long."""

    field: Annotated[ComparedField, Field(description="The field of observations that is compared")] = "temperature"
    days: Annotated[int, Field(ge=1, le=_MAX_DAYS, description="The days of 24 hours until now"), WHOLE_NUMBER] = 30
    scope: Scope = "all"


class OutageModel(Model):
    """The last observation before an outage, and the first one after it."""

    begin: _Time
    end: _Time


class ComparedServiceModel(Model):
    """A service, and its errors in the unit of the field. ``bias`` is the mean of its value minus the reference."""

    provider: str
    observations: Annotated[int, Field(description="Those with a value that is not suspect")]
    pairs: Annotated[int, Field(description="Observations that are compared with one of the reference")]
    bias: Annotated[float | None, Field(description="null: the service is the reference, or there are no pairs")]
    interval: Annotated[
        tuple[float, float] | None, Field(description="Holds the bias with a probability of 95 %; takes 3 days")
    ]
    mean_absolute_error: float | None
    outages: Annotated[
        list[OutageModel] | None, Field(description="null: the service is asked only if another one fails")
    ]


class ComparisonModel(Model):
    """The services that reported a city's weather, the best one first, as ``weatherd compare`` has them."""

    city: str
    since: _Time
    until: _Time
    field: str
    unit: Annotated[str, Field(description="Of the errors; empty for none")]
    reference: Annotated[str | None, Field(description="A station's service; null: the median of the other services")]
    preferred: Annotated[str | None, Field(description="The service to put first; null if that is not known")]
    reason: Annotated[PreferenceReason, Field(description="Why it is preferred, or why none is")]
    services: list[ComparedServiceModel]
