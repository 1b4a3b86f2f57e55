"""Response models of alerts, a part of those in :mod:`weatherd.web.schemas`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

AlertPhaseWord = Literal["pending", "firing"]
_TIME = {"format": "date-time"}


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)


class AlertModel(_Model):
    """Alert of a rule for a city, or of a built-in one about the daemon itself. Times are RFC 3339 texts in UTC."""

    city: Annotated[str, Field(description="Id of the city; empty if the alert is about the daemon itself")]
    name: Annotated[str, Field(description="Name of the city, or what of the daemon, such as a provider")]
    rule: str
    state: AlertPhaseWord
    severity: str
    since: Annotated[str, Field(description="When its condition began to hold", json_schema_extra=_TIME)]
    message: Annotated[str, Field(description="Of the last notification; empty before the first one")]
    value: Annotated[
        dict[str, float | str | bool | None],
        Field(
            description="What its condition compares, by name: the present values in weatherd's units; null: unknown"
        ),
    ] = {}
    notified_at: Annotated[
        str | None,
        Field(description="When a message that it fires was delivered last; null: never", json_schema_extra=_TIME),
    ]
    silenced_until: Annotated[
        str | None, Field(description="When its silence ends; null without one", json_schema_extra=_TIME)
    ] = None


class AlertsPage(_Model):
    """Page of alerts that are pending or firing, by city id; of a city, the firing ones first.

    Those about the daemon itself come first, unless cities are selected.
    """

    alerts: list[AlertModel]
    next: Annotated[str | None, Field(description="`after` for the next page; null on the last page")]


class AlertStatusModel(_Model):
    """Alerts: counts, and the most serious ones that are firing."""

    rules: Annotated[int, Field(description="Rules of the rules file")]
    firing: int
    pending: int
    silenced: Annotated[int, Field(description="Those of the firing ones that nobody is notified of")] = 0
    worst: Annotated[
        list[AlertModel], Field(description="At most ten without silence, the most serious first, then the newest")
    ]


class SilenceModel(_Model):
    """Silence of the alerts that have its rule, its city and all of its tags. Null stands for any."""

    id: Annotated[int, Field(description="Number of the silence")]
    rule: str | None
    city: Annotated[str | None, Field(description="City id")]
    tags: dict[str, str]
    begins: Annotated[str, Field(json_schema_extra=_TIME)]
    until: Annotated[str, Field(json_schema_extra=_TIME)]
    comment: str


class SilencesModel(_Model):
    """The silences in force."""

    silences: list[SilenceModel]
