"""Query parameters of the JSON API, parsed and validated."""

from __future__ import annotations

import contextlib
import re
from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema

from weatherd.city import ID_PATTERN
from weatherd.daemon.status import CityState
from weatherd.web.schemas import Model

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


_INTEGER = BeforeValidator(_parse_integer)  # used after the bounds, which would otherwise be lost in the JSON Schema
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


class CitiesQuery(Model):
    """Filters for the list of cities."""

    name: Annotated[
        str | None,
        Field(min_length=1, max_length=200, description="Only cities with this id or name; ignores case"),
    ] = None
    state: Annotated[_InlineState | None, Field(description="Only cities in this state")] = None
    after: Annotated[CityId | None, Field(description="Continue after this city: `next` of the previous page")] = None
    limit: Annotated[int, Field(ge=1, le=1000, description="Cities per page"), _INTEGER] = 100


class ObservationsQuery(Model):
    """Filters for the observations in the journal."""

    city: Annotated[CityId | None, Field(description="Only observations of this city")] = None
    since: Annotated[Timestamp | None, Field(description="Only observations made at this time or later")] = None
    until: Annotated[Timestamp | None, Field(description="Only observations made before this time")] = None
    after: Annotated[
        int,
        Field(ge=0, le=_MAX_SEQ, description="Continue after this sequence number: `next` of the previous page"),
        _INTEGER,
    ] = 0
    limit: Annotated[int, Field(ge=1, le=1000, description="Observations per page"), _INTEGER] = 100


class StreamQuery(Model):
    """Filters for the event stream."""

    city: Annotated[CityId | None, Field(description="Only observations of this city")] = None


class NoQuery(Model):
    """No parameters."""
