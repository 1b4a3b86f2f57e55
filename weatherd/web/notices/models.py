"""Response models of notices, a part of those in :mod:`weatherd.web.schemas`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

_TIME = {"format": "date-time"}


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)


class NoticeModel(_Model):
    """Alert that is firing and not silenced, or official warning in force."""

    kind: Literal["alert", "warning"]
    title: Annotated[str, Field(description="Name of the rule, or kind of the event")]
    severity: Annotated[str, Field(description="Of the rule, or on the scale of the Common Alerting Protocol")]


class NoticeGroup(NoticeModel):
    """The same notice for several cities: alerts of one rule, or a service's warnings of the same kind and severity."""

    count: Annotated[int, Field(description="Cities, or other subjects")]
    cities: Annotated[list[str], Field(description="Ids of the first ones; empty if it is not about cities")]
    names: list[str]
    text: Annotated[str, Field(description="Message of the last notification, or headline, of the first one")]
    since: Annotated[str, Field(description="Of the first one", json_schema_extra=_TIME)]
    ends: Annotated[str | None, Field(description="Of the first one; null: unknown", json_schema_extra=_TIME)]


class NoticeSummary(_Model):
    """All notices: counts, and the most serious ones."""

    alerts: Annotated[int, Field(description="Alerts that are firing and not silenced")]
    warnings: Annotated[int, Field(description="Official warnings in force, those of each city")]
    groups: Annotated[list[NoticeGroup], Field(description="At most 50: alerts first, then by severity")]
