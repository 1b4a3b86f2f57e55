"""The address of a view. Unlike the API's, unknown and invalid parameters are ignored: links bring their own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import ValidationError

from weatherd.journal.days.periods import DayPart  # noqa: TC001 - pydantic resolves it
from weatherd.web.query_models import CitiesQuery, CityId

if TYPE_CHECKING:
    from multidict import MultiMapping


class PageQuery(CitiesQuery):
    """The parameters of the page: those of the list, and a city, a view or the wall."""

    city: CityId | None = None
    view: Literal["map", "service"] | None = None
    span: Literal["24h", "7d", "90d", "1y"] = "24h"
    by: DayPart | None = None
    wall: str | None = None
    limit: int = 50


_CITIES = frozenset(CitiesQuery.model_fields)


def parse_page_query(parameters: MultiMapping[str]) -> PageQuery:
    """Return the valid ones among the parameters of a request. A tag that is given several times is a list of tags."""
    known = {
        name: ",".join(parameters.getall(name)) if name == "tag" else parameters[name]
        for name in parameters
        if name in PageQuery.model_fields and name != "limit"
    }
    try:
        return PageQuery.model_validate(known)
    except ValidationError as error:
        wrong = {item["loc"][0] for item in error.errors()}
        return PageQuery.model_validate({name: value for name, value in known.items() if name not in wrong})


def list_query(query: PageQuery) -> CitiesQuery:
    """Return the part of a query that concerns the list, which is sorted by name unless it says otherwise."""
    values = {name: getattr(query, name) for name in _CITIES}
    values["sort"] = values["sort"] or "name"
    return CitiesQuery.model_construct(**values)
