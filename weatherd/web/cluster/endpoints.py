"""Handlers for the other nodes. They never ask any other node, so that no request circles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web

from weatherd.web.cluster.models import NodeStateModel
from weatherd.web.cluster.nodes import SHARDS_HEADER, find_own_shards, format_shards
from weatherd.web.cluster.parts import PartQuery, parse_cursor
from weatherd.web.middleware import json_response, parse_query
from weatherd.web.query_models import ScopeQuery

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware

    from weatherd.web.cluster.whole_list import WholeList


class NodeEndpoints:
    """The state of this node, and its part of a page of cities."""

    def __init__(self, cluster: WholeList) -> None:
        self._cluster = cluster

    async def state(self, request: web.Request) -> web.Response:
        """Return whether this node is in contact with the database, and polls without it."""
        parse_query(request, ScopeQuery)
        view = self._cluster.nodes.view
        return json_response(
            NodeStateModel(
                id=view.own_id,
                state=view.state,
                database=not view.is_cut,
                going_on=view.state == "going_on",
            )
        )

    async def cities(self, request: web.Request) -> web.Response:
        """Return this node's part of a page of cities."""
        query = parse_query(request, PartQuery)
        cursor = parse_cursor(query.cursor) if query.cursor else None
        return json_response(await self._cluster.pages.find_own_part(query, cursor))


def add_shards(cluster: WholeList) -> Middleware:
    """Return a middleware that adds to each answer about this node's part which shards that is."""

    @web.middleware
    async def add_header(request: web.Request, handler: Handler) -> web.StreamResponse:
        response = await handler(request)
        if request.query.get("scope") == "own" and not response.prepared:
            response.headers[SHARDS_HEADER] = format_shards(find_own_shards(cluster.nodes.view))
        return response

    return add_header
