"""Response models of official warnings, a part of those in :mod:`weatherd.web.schemas`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

SeverityWord = Literal["unknown", "minor", "moderate", "severe", "extreme"]
_TIME = {"format": "date-time"}


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)


class WarningModel(_Model):
    """Official warning in force in a city. Times are RFC 3339 texts in UTC."""

    city: str
    provider: str
    key: Annotated[str, Field(description="Identifies the event at the provider, in all messages about it")]
    message: Annotated[str, Field(description="Identifies the message at the provider")]
    event: Annotated[str, Field(description="Kind of the event, in English")]
    severity: Annotated[SeverityWord, Field(description="On the scale of the Common Alerting Protocol")]
    urgency: str
    certainty: str
    sent: Annotated[str | None, Field(description="Time of issue", json_schema_extra=_TIME)]
    onset: Annotated[str | None, Field(description="Beginning of the event", json_schema_extra=_TIME)]
    ends: Annotated[str | None, Field(description="End of the event; null: unknown", json_schema_extra=_TIME)]
    headline: str
    description: str
    instruction: str
    area: str
    url: Annotated[str, Field(description="Source of the warning, or an empty text")]
    language: Annotated[str, Field(description="Language of the texts")]
    since: Annotated[str, Field(description="When weatherd found the warning", json_schema_extra=_TIME)]
    name: Annotated[str, Field(description="Name of the city")] = ""


class WarningsPage(_Model):
    """Page of warnings in force, by city id, those of a city with the most severe first."""

    warnings: list[WarningModel]
    next: Annotated[str | None, Field(description="`after` for the next page; null on the last page")]


class WarningServiceModel(_Model):
    """Service whose warnings are requested."""

    provider: str
    cities: Annotated[int, Field(description="Cities that it covers")]
    last_success: Annotated[str | None, Field(description="Time of the last good answer", json_schema_extra=_TIME)]
    failure: Annotated[str | None, Field(description="Why the requests fail, or null")]


class WarningStatusModel(_Model):
    """Official warnings: counts, the most severe ones without their long texts, and the services."""

    in_force: int
    cities: Annotated[int, Field(description="Cities with a warning in force")]
    worst: Annotated[list[WarningModel], Field(description="At most ten, the most severe first; without long texts")]
    services: list[WarningServiceModel]
