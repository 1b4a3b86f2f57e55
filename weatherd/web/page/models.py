"""Response models that the page needs beside those of the JSON API. They are a part of the API, too."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from weatherd.daemon.status import CityState
from weatherd.web.notices.models import NoticeSummary
from weatherd.web.schemas import Model, PauseModel, StatusModel

_Time = Annotated[str, Field(json_schema_extra={"format": "date-time"})]


class NamedTemperature(Model):
    """A city and its temperature in °C."""

    id: str
    name: str
    temperature: float


class CityTrouble(Model):
    """Cities that are not fresh for the same reason."""

    state: CityState
    count: int
    cities: Annotated[list[str], Field(description="Ids of the first ones")]
    names: list[str]
    reason: str
    since: Annotated[_Time | None, Field(description="Time of the last observation, if it is one city")]
    next_poll: Annotated[_Time | None, Field(description="Time of the next poll, if it is one city")]


class PausedProvider(PauseModel):
    """A provider that is paused, and how its cities are served."""

    provider: str
    served: Annotated[int, Field(description="Its cities that another provider serves")]
    waiting: Annotated[int, Field(description="Its cities without another provider, or with none that serves")]


class OverviewModel(Model):
    """All cities at a glance: counts by state, the distribution of temperatures, and what needs a look."""

    now: _Time
    seq: Annotated[int, Field(description="Number of the newest observation in the journal")]
    version: str
    edition: Annotated[int, Field(description="Changes with the list of cities")]
    total: int
    quarantined: int
    counts: dict[str, int]
    tags: Annotated[dict[str, int], Field(description="Cities by tag, such as `region=north`; the 50 most frequent")]
    histogram: Annotated[
        list[tuple[int, int]], Field(description="Whole degree Celsius, and number of cities; no suspect ones")
    ]
    coldest: NamedTemperature | None
    warmest: NamedTemperature | None
    trouble: Annotated[list[CityTrouble], Field(description="At most 50")]
    paused: list[PausedProvider]
    next_poll: _Time | None
    notices: NoticeSummary = NoticeSummary(alerts=0, warnings=0, groups=[])
    cluster: Annotated[
        Sequence[str], Field(description="What is wrong with the nodes of the cluster, as sentences")
    ] = ()


class CurveModel(Model):
    """Temperatures of one city, in tenths of a degree Celsius."""

    values: Annotated[list[int | None], Field(description="The last one in each step; null without any")]
    low: int
    high: int
    gap: Annotated[int, Field(description="More consecutive steps without a value than this are a gap")]


class CurvesModel(Model):
    """The last 24 hours of several cities. ``begin`` and ``step`` are POSIX seconds."""

    begin: int
    step: int
    curves: Annotated[dict[str, CurveModel], Field(description="By city id; without cities that have no values")]


class SlotsModel(Model):
    """Values by time, as columns of equal length. Times are POSIX seconds, values SI units as in observations.

    A slot is one observation, an hour or a day of the city; ``low``, ``temperature`` and ``high`` are its lowest, mean
    and highest temperature. Slots without observations are missing.
    """

    begin: list[int]
    end: list[int]
    temperature: list[float]
    low: list[float]
    high: list[float]
    apparent_temperature: list[float | None]
    precipitation: Annotated[list[float | None], Field(description="mm in the slot")]
    wind_speed: list[float | None]
    wind_gust: list[float | None]
    wind_direction: list[float | None]
    pressure_msl: list[float | None]
    relative_humidity: list[float | None]
    cloud_cover: list[float | None]
    visibility: list[float | None]
    provider: list[str]
    suspect: Annotated[list[bool], Field(description="Whether no temperature in the slot is plausible")]
    hours: Annotated[list[float | None], Field(description="Observed hours of a day; null for other slots")]


class ChartModel(Model):
    """A city's history for a chart. Times are POSIX seconds; days are those of its time zone."""

    city: str
    span: str
    zone: str
    begin: int
    end: int
    step: Annotated[str, Field(description="`raw`, `hour` or `day`")]
    slots: SlotsModel
    hours: Annotated[SlotsModel | None, Field(description="Hours beside raw values, for precipitation")]
    days: Annotated[SlotsModel, Field(description="The last seven days, today last")]
    gaps: Annotated[list[tuple[int, int]], Field(description="Times without observations")]
    midnights: Annotated[list[int], Field(description="Starts of days")]
    lowest: Annotated[float | None, Field(description="Of 90 days, °C")]
    highest: float | None


class MapModel(Model):
    """The cities on a part of the earth, as columns of equal length."""

    total: Annotated[int, Field(description="Cities in the list")]
    cell: Annotated[float, Field(description="Degrees of a cell whose cities are one point; 0: each city is a point")]
    id: Annotated[list[str], Field(description="A city of the point")]
    name: list[str]
    lat: list[float]
    lon: list[float]
    temperature: Annotated[list[int | None], Field(description="Median, tenths of a degree Celsius")]
    state: Annotated[list[CityState], Field(description="The worst one")]
    count: Annotated[list[int], Field(description="Cities of the point")]
    wind: Annotated[list[int | None], Field(description="Tenths of m/s")]
    direction: list[int | None]
    rain: Annotated[list[int | None], Field(description="Tenths of mm in the last hour")]


class ProviderPolls(Model):
    """How the polls of a provider ended since the start of the daemon."""

    provider: str
    serves: Annotated[int, Field(description="Cities whose latest observation is from it")]
    outcomes: Annotated[dict[str, int], Field(description="Attempts by outcome; `fresh` is a success")]
    median_seconds: Annotated[float | None, Field(description="Upper bound of the median duration of an attempt")]
    day: Annotated[
        list[tuple[int, int, int]],
        Field(
            description="Quarters of an hour with attempts in the last day: POSIX time of the begin, served, failed; "
            "at most a minute old"
        ),
    ]


class RejectedRow(Model):
    """A row of the city list that is quarantined: where it is, and what is wrong."""

    where: str
    message: str


class ServiceModel(Model):
    """The daemon itself: its status, how its providers respond, its files, and its last warnings."""

    now: _Time
    seq: int
    started: _Time
    status: StatusModel
    polls: list[ProviderPolls]
    next_poll: _Time | None
    journal_bytes: int
    backlogs: Annotated[
        dict[str, list[int]], Field(description="Observations left to deliver by forwarder, each minute of an hour")
    ]
    list_read: Annotated[_Time, Field(description="Time of the last successful reload")]
    rejected: Annotated[list[RejectedRow], Field(description="At most 100")]
    warnings: Annotated[list[str], Field(description="The last 200 lines of the log of level warning and above")]


class WordsModel(Model):
    """A language's words for the weather by WMO code; a pair has those for the day and those for the night."""

    language: str
    words: dict[int, str | list[str]]
