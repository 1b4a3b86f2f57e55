"""Response models of alerts, a part of those in :mod:`weatherd.web.schemas`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

AlertPhaseWord = Literal["pending", "firing"]
_TIME = {"format": "date-time"}


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)


class AlertModel(_Model):
    """Alert of a rule for a city. Times are RFC 3339 texts in UTC."""

    city: str
    name: Annotated[str, Field(description="Name of the city")]
    rule: str
    state: AlertPhaseWord
    severity: str
    since: Annotated[str, Field(description="When its condition began to hold", json_schema_extra=_TIME)]
    message: Annotated[str, Field(description="Of the last notification; empty before the first one")]
    notified_at: Annotated[
        str | None, Field(description="When it began to fire, or was repeated last", json_schema_extra=_TIME)
    ]


class AlertsPage(_Model):
    """Page of alerts that are pending or firing, by city id; of a city, the firing ones first."""

    alerts: list[AlertModel]
    next: Annotated[str | None, Field(description="`after` for the next page; null on the last page")]


class AlertStatusModel(_Model):
    """Alerts: counts, and the most serious ones that are firing."""

    rules: int
    firing: int
    pending: int
    worst: Annotated[list[AlertModel], Field(description="At most ten, the most serious first, then the newest")]
