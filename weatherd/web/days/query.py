"""Query parameters of the days of a city."""

from __future__ import annotations

import contextlib
import re
from datetime import date
from typing import Annotated

from pydantic import BeforeValidator, Field, WithJsonSchema

from weatherd.journal.days.periods import DayPart
from weatherd.web.query_models import Scope
from weatherd.web.schemas import Model


def _parse_date(value: object) -> object:
    if not isinstance(value, str):
        return value
    with contextlib.suppress(ValueError):
        if re.fullmatch(r"\d{4}-\d\d-\d\d", value, re.ASCII):
            return date.fromisoformat(value)
    raise ValueError("should be a date such as 2026-01-31")


_Date = Annotated[
    date, BeforeValidator(_parse_date), WithJsonSchema({"type": "string", "format": "date"}, mode="validation")
]


class DaysQuery(Model):
    """The dates and the parts of the calendar of a city's days."""

    since: Annotated[
        _Date | None,
        Field(
            description="First date of the city; the part that has it is whole. By default 30 days before `until`, "
            "12 weeks, a year of months, or all years"
        ),
    ] = None
    until: Annotated[_Date | None, Field(description="The date after the last one; by default tomorrow")] = None
    by: Annotated[DayPart, Field(description="Parts of the calendar")] = "day"
    scope: Scope = "all"
