"""Response models of the days of a city."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

_Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
_Date = Annotated[str, Field(json_schema_extra={"format": "date"})]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, defer_build=True)


class PeriodModel(_Model):
    """Summary of a day, week, month or year of a city. A value is null (None) if no observation has it.

    Units: temperatures in °C, rain in mm, gust in m/s. Times are RFC 3339 texts in UTC.
    """

    begin: Annotated[_Time, Field(description="A midnight of the city")]
    end: _Time
    days: Annotated[int, Field(description="Days with observations")]
    complete_days: Annotated[int, Field(description="Those of which at least 18 hours were observed")]
    count: Annotated[int, Field(description="Observations")]
    low: float | None
    low_at: _Time | None
    mean: Annotated[float | None, Field(description="Weighted by time: a value holds for an hour at most")]
    high: float | None
    high_at: _Time | None
    rain: Annotated[float | None, Field(description="mm; no hour counts twice")]
    gust: Annotated[float | None, Field(description="m/s, the strongest")]
    hours: Annotated[float, Field(description="Hours that have a temperature")]
    frost_days: Annotated[int, Field(description="Days with a low below 0 °C")]
    degree_days: Annotated[float | None, Field(description="Heating degree days: the sum of 18 °C - mean, if positive")]
    first: Annotated[_Time | None, Field(description="Time of the first observation")]
    last: _Time | None
    providers: list[str]


class RecordModel(_Model):
    """A value that a day had, and since when no day had reached it."""

    kind: Literal["lowest", "highest", "wettest", "windiest"]
    value: Annotated[float, Field(description="°C, mm or m/s")]
    date: _Date
    since: Annotated[_Date | None, Field(description="The last day that had such a value; null: none since `first`")]
    first: Annotated[
        _Date, Field(description="The first day of the history; in `records`, the first one that has such a value")
    ]
    hours: Annotated[float, Field(description="Observed hours of the day")]
    incomplete: Annotated[
        int,
        Field(description="Days between, of which fewer than 18 hours were observed, or none: they may have had it"),
    ]


class DaysModel(_Model):
    """A city's history by days, weeks, months or years; the last one is so far."""

    city: str
    timezone: Annotated[str, Field(description="IANA name of the zone whose days these are")]
    by: Literal["day", "week", "month", "year"]
    today: Annotated[PeriodModel, Field(description="Since midnight")]
    parts: list[PeriodModel]
    records: Annotated[
        list[RecordModel], Field(description="Values of the last day that no day has reached for more than 30 days")
    ]
    extremes: Annotated[
        list[RecordModel], Field(description="Of all days: the lowest, highest, wettest and windiest; `since` is null")
    ]
