"""Requests and responses of the simulated services: plain values between the HTTP server and the endpoints."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple, TypeAlias

if TYPE_CHECKING:
    from aiohttp import web

Query: TypeAlias = Mapping[str, Sequence[str]]  # each parameter with all its values
StatusAndBody: TypeAlias = tuple[int, Any]  # HTTP status and JSON body


@dataclass(frozen=True, slots=True)
class ServiceRequest:
    """Everything in a request that an endpoint may read."""

    query: Query
    path: Mapping[str, str] = field(default_factory=dict)  # values of the path's placeholders
    headers: Mapping[str, str] = field(default_factory=dict)
    origin: str = ""  # scheme and host of the request, for URLs in responses


class ServiceResponse(NamedTuple):
    """Response with headers of its own. A string body is sent as plain text; None means no body."""

    status: int
    body: Any
    headers: Mapping[str, str] = {}
    content_type: str = "application/json"


class RejectedRequestError(Exception):
    """Request that the service rejects. The text is the service's own wording."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.status = status


def last_value(query: Query, name: str, default: str = "") -> str:
    """Return the last value of a parameter, as web frameworks do for repeated parameters."""
    return query[name][-1].strip() if query.get(name) else default


def split_values(query: Query, name: str) -> list[str]:
    """Return all values of a parameter that is repeated, a comma-separated list, or both."""
    parts = (part.strip() for value in query.get(name, ()) for part in value.split(","))
    return [part for part in parts if part]


def parse_whole_number(text: str) -> int | None:
    """Parse a whole number of at most nine digits. Return None for anything else."""
    return int(text) if text.isdecimal() and len(text) <= 9 else None


async def read_query(request: web.Request) -> Query:
    """Collect the parameters of the URL and, for a POST, of the body: a form or a JSON object.

    Raise RejectedRequestError for a body that is neither.
    """
    query = {name: request.query.getall(name) for name in request.query}
    if request.method != "POST":
        return query
    if request.content_type == "application/json":
        return query | _parse_json_query(await request.text())
    form = await request.post()
    return query | {name: [str(value) for value in form.getall(name)] for name in form}


def _parse_json_query(text: str) -> dict[str, list[str]]:
    try:
        members = json.loads(text)
    except ValueError:
        members = None
    if not isinstance(members, dict):
        raise RejectedRequestError("The body is not a JSON object")
    return {
        name: [str(item) for item in (value if isinstance(value, list) else [value])] for name, value in members.items()
    }
