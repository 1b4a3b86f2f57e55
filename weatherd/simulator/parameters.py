"""Reads what a client asked, out of the URL and the body."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from weatherd.simulator.query import Query, RefusedError

if TYPE_CHECKING:
    from aiohttp import web


async def parameters(request: web.Request) -> Query:
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
        raise RefusedError("The body is not a JSON object")
    return {
        name: [str(item) for item in (value if isinstance(value, list) else [value])] for name, value in members.items()
    }
