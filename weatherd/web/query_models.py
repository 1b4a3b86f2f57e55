"""Query parameters of the JSON API, parsed and validated."""

from __future__ import annotations

import contextlib
import re
from datetime import UTC, datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from weatherd.city import ID_PATTERN
from weatherd.daemon.status import CityState
from weatherd.text.condition_words import Language
from weatherd.web.alerts.models import AlertPhaseWord
from weatherd.web.schemas import Model
from weatherd.web.warnings.models import SeverityWord

_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")
_MAX_SEQ = 2**63 - 1  # SQLite's largest integer
# "+01:00" that was not percent-encoded in the URL, where "+" means a space
_DECODED_PLUS = re.compile(r" (\d\d:\d\d)$")


def _parse_integer(value: object) -> object:
    if isinstance(value, str):
        if not re.fullmatch(r"-?[0-9]{1,19}", value):
            raise ValueError("should be a whole number")
        return int(value)
    return value


def _parse_timestamp(value: object) -> object:
    if not isinstance(value, str):
        return value
    value = _DECODED_PLUS.sub(r"+\1", value)
    with contextlib.suppress(ValueError, OverflowError):
        if _RFC3339.fullmatch(value):
            return datetime.fromisoformat(value.upper()).astimezone(UTC)
    raise ValueError("should be a time such as 2026-01-31T12:00:00Z")


def _check_city_id(text: str) -> str:
    if not re.fullmatch(ID_PATTERN, text):
        raise ValueError("should be the id of a city, such as kiel; see /api/v1/cities")
    return text


# Used after the bounds, which would otherwise be lost in the JSON Schema
WHOLE_NUMBER = BeforeValidator(_parse_integer)
Timestamp = Annotated[
    datetime,
    BeforeValidator(_parse_timestamp),
    WithJsonSchema({"type": "string", "format": "date-time"}, mode="validation"),
]
CityId = Annotated[
    str,
    AfterValidator(_check_city_id),
    Field(description="City id", json_schema_extra={"pattern": ID_PATTERN}),
]
# Parameters are described one by one, without the schemas that they could refer to
_InlineState = Annotated[CityState, WithJsonSchema({"type": "string", "enum": list(CityState)})]


def _check_city_ids(text: str) -> str:
    ids = text.split(",")
    if len(ids) > MAX_IDS:
        raise ValueError(f"should be at most {MAX_IDS} ids")
    for city_id in ids:
        _check_city_id(city_id)
    return text


MAX_IDS = 200  # cities in one request
CityIds = Annotated[
    str,
    AfterValidator(_check_city_ids),
    Field(
        description=f"City ids, separated by commas, at most {MAX_IDS}",
        json_schema_extra={"pattern": f"{ID_PATTERN[:-1]}(,{ID_PATTERN[1:-1]}){{0,{MAX_IDS - 1}}}$"},
    ),
]


def _parse_number(value: object) -> object:
    if isinstance(value, str):
        if not re.fullmatch(r"-?[0-9]{1,10}(\.[0-9]{1,30})?([eE]-?[0-9]{1,3})?", value):
            raise ValueError("should be a number such as -2.5")
        return float(value)
    return value


def _parse_flag(value: object) -> object:
    if isinstance(value, str) and value not in {"true", "false"}:
        raise ValueError("should be true or false")
    return value == "true" if isinstance(value, str) else value


_TAGS_PATTERN = r"[^=,]+=[^,]+(,[^=,]+=[^,]+)*"


def _check_tags(text: str) -> str:
    if not re.fullmatch(_TAGS_PATTERN, text):
        raise ValueError("should be KEY=VALUE such as region=north; commas separate several, so no value has one")
    return text


TagsText = Annotated[
    str,
    AfterValidator(_check_tags),
    Field(
        description="Only cities with this tag, `region=north`, or with all of several, separated by commas",
        max_length=1000,
        json_schema_extra={"pattern": f"^{_TAGS_PATTERN}$"},
    ),
]


def split_tags(text: str | None) -> list[tuple[str, str]]:
    """Return the keys and values in a text of the form of :data:`TagsText`."""
    pairs = (pair.partition("=") for pair in text.split(",")) if text else ()
    return [(key, value) for key, _, value in pairs]


_Temperature = Annotated[float, Field(ge=-100, le=100), BeforeValidator(_parse_number)]
_Flag = Annotated[bool, BeforeValidator(_parse_flag)]
Scope = Annotated[
    Literal["all", "own"], Field(description="In a cluster, cities of all nodes, or those that this node polls")
]
SortKey = Literal["id", "name", "state", "temperature", "feels", "weather", "wind", "humidity", "precipitation", "age"]


class CitiesQuery(Model):
    """Filters for the list of cities."""

    name: Annotated[
        str | None,
        Field(min_length=1, max_length=200, description="Only cities with this id or name; ignores case"),
    ] = None
    state: Annotated[_InlineState | None, Field(description="Only cities in this state")] = None
    tag: TagsText | None = None
    id: Annotated[CityIds | None, Field(description=f"Only cities with these ids, at most {MAX_IDS}")] = None
    search: Annotated[
        str | None,
        Field(
            min_length=1,
            max_length=200,
            description="Only cities whose name or id contains this text; ignores case and accents. Best matches first",
        ),
    ] = None
    warmer: Annotated[_Temperature | None, Field(description="Only cities of at least this temperature, °C")] = None
    colder: Annotated[_Temperature | None, Field(description="Only cities below this temperature, °C")] = None
    sort: Annotated[SortKey | None, Field(description="Order; cities without a value come last. By default the id")] = (
        None
    )
    descending: Annotated[_Flag, Field(description="Reverse the order")] = False
    after: Annotated[CityId | None, Field(description="Continue after this city: `next` of the previous page")] = None
    limit: Annotated[int, Field(ge=1, le=1000, description="Cities per page"), WHOLE_NUMBER] = 100
    scope: Scope = "all"

    @property
    def is_selective(self) -> bool:
        """Whether every city has to be looked at: for a filter, or an order by values."""
        filters = (self.id, self.state, self.tag, self.search, self.warmer, self.colder)
        return self.sort not in {None, "id", "name"} or any(value is not None for value in filters)

    @property
    def needs_index(self) -> bool:
        """Whether the whole list has to be searched or sorted."""
        others = (self.id, self.tag, self.search, self.sort, self.warmer, self.colder)
        return self.descending or any(value is not None for value in others)


class _CityEntriesQuery(Model):
    """Filters and page of what a city may have several of."""

    city: Annotated[CityId | None, Field(description="Only those of this city")] = None
    tag: TagsText | None = None
    after: Annotated[CityId | None, Field(description="Continue after this city: `next` of the previous page")] = None
    limit: Annotated[
        int, Field(ge=1, le=1000, description="Entries per page; those of a city are never divided"), WHOLE_NUMBER
    ] = 100
    scope: Scope = "all"


class AlertsQuery(_CityEntriesQuery):
    """Filters for the alerts that are pending or firing."""

    state: Annotated[AlertPhaseWord | None, Field(description="Only alerts in this state")] = None


class SilenceQuery(Model):
    """A new silence: of a rule, a city, cities with tags, or what has all of these."""

    rule: Annotated[str | None, Field(max_length=64, description="Name of a rule")] = None
    city: Annotated[CityId | None, Field(description="City id")] = None
    tag: TagsText | None = None
    until: Annotated[Timestamp, Field(description="When it ends")]
    comment: Annotated[str, Field(max_length=200, description="Why, for people")] = ""


class WarningsQuery(_CityEntriesQuery):
    """Filters for the official warnings in force."""

    severity: Annotated[SeverityWord | None, Field(description="Only warnings of at least this severity")] = None


class ObservationsQuery(Model):
    """Filters for the observations in the journal."""

    city: Annotated[CityId | None, Field(description="Only observations of this city")] = None
    tag: TagsText | None = None
    since: Annotated[Timestamp | None, Field(description="Only observations made at this time or later")] = None
    until: Annotated[Timestamp | None, Field(description="Only observations made before this time")] = None
    after: Annotated[
        int,
        Field(ge=0, le=_MAX_SEQ, description="Continue after this sequence number: `next` of the previous page"),
        WHOLE_NUMBER,
    ] = 0
    limit: Annotated[int, Field(ge=1, le=1000, description="Observations per page"), WHOLE_NUMBER] = 100


class StreamQuery(Model):
    """Filters for the event stream."""

    city: Annotated[CityIds | None, Field(description="Only observations of these cities, separated by commas")] = None
    tag: TagsText | None = None
    after: Annotated[
        int | None,
        Field(ge=0, le=_MAX_SEQ, description="Begin after this sequence number, unless there is a `Last-Event-ID`"),
        WHOLE_NUMBER,
    ] = None
    digest: Annotated[
        Literal["false", "true", "only"],
        Field(description="Also send an event `digest` every 10 s with the number of cities by state, or only that"),
    ] = "false"

    @property
    def cities(self) -> frozenset[str] | None:
        """The ids of the cities, or None for all."""
        if self.digest == "only":
            return frozenset()
        return frozenset(self.city.split(",")) if self.city else None


class CurvesQuery(Model):
    """The cities whose last 24 hours are wanted."""

    city: CityIds
    scope: Scope = "all"


class ChartQuery(Model):
    """The time span and the form of a chart."""

    span: Annotated[Literal["24h", "7d", "90d", "1y"], Field(description="The time until now")] = "24h"
    format: Annotated[Literal["json", "csv"], Field(description="Form of the response")] = "json"
    scope: Scope = "all"


class WordsQuery(Model):
    """The language of words for the weather."""

    language: Annotated[Language, Field(description="ISO 639 code")]


class MapQuery(Model):
    """The part of the earth that a map shows, in degrees."""

    south: Annotated[float, Field(ge=-90, le=90), BeforeValidator(_parse_number)] = -90.0
    north: Annotated[float, Field(ge=-90, le=90), BeforeValidator(_parse_number)] = 90.0
    west: Annotated[float, Field(ge=-180, le=180), BeforeValidator(_parse_number)] = -180.0
    east: Annotated[float, Field(ge=-180, le=180), BeforeValidator(_parse_number)] = 180.0
    scope: Scope = "all"


class ScopeQuery(Model):
    """The part of the list."""

    scope: Scope = "all"


class NoQuery(Model):
    """No parameters."""
