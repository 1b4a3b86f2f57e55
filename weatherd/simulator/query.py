"""What a client asked, and how a simulated service answers: the plain values between protocol and server."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from aiohttp import web

Query: TypeAlias = Mapping[str, Sequence[str]]  # parameters, each with all its values
StatusAndBody: TypeAlias = tuple[int, Any]  # status and JSON body


@dataclass(frozen=True, slots=True)
class ServiceRequest:
    """All that a service may look at."""

    query: Query
    path: Mapping[str, str] = field(default_factory=dict)  # what stands in the path's placeholders
    headers: Mapping[str, str] = field(default_factory=dict)
    base: str = ""  # scheme and host that were asked, for addresses in answers


class ServiceResponse(NamedTuple):
    """An answer with a head of its own. A body that is a string is sent as plain text, None not at all."""

    status: int
    body: Any
    headers: Mapping[str, str] = {}
    content_type: str = "application/json"


class RejectedRequestError(Exception):
    """A request that the service turns down; the text is its own wording."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.status = status


def last_value(query: Query, name: str, default: str = "") -> str:
    """Return the last value of a parameter, which is what web frameworks take of several."""
    return query[name][-1].strip() if query.get(name) else default


def split_values(query: Query, name: str) -> list[str]:
    """Return all values of a parameter, given repeatedly, in comma lists, or both."""
    parts = (part.strip() for value in query.get(name, ()) for part in value.split(","))
    return [part for part in parts if part]


def parse_whole_number(text: str) -> int | None:
    """Read a whole number of at most nine digits; anything else is None."""
    return int(text) if text.isdecimal() and len(text) <= 9 else None


async def read_query(request: web.Request) -> Query:
    """Collect the parameters of a URL and of the body of a POST, which is a form or a JSON object.

    Raise RefusedError for a body that is neither.
    """
    query = {name: request.query.getall(name) for name in request.query}
    if request.method != "POST":
        return query
    if request.content_type == "application/json":
        return query | _json_query(await request.text())
    form = await request.post()
    return query | {name: [str(value) for value in form.getall(name)] for name in form}


def _json_query(text: str) -> dict[str, list[str]]:
    try:
        members = json.loads(text)
    except ValueError:
        members = None
    if not isinstance(members, dict):
        raise RejectedRequestError("The body is not a JSON object")
    return {
        name: [str(item) for item in (value if isinstance(value, list) else [value])] for name, value in members.items()
    }
