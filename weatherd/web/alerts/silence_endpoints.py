"""Handlers of the silences of alerts."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import TYPE_CHECKING

from weatherd.alerts.silences import Silence, find_silence_problem
from weatherd.formatting import format_rfc3339
from weatherd.pipeline.alerting.changes import to_time
from weatherd.web.alerts.models import SilenceModel, SilencesModel
from weatherd.web.middleware import ProblemError, json_response, parse_query
from weatherd.web.query_models import NoQuery, SilenceQuery, split_tags

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiohttp import web

    from weatherd.daemon.status import DaemonStatus
    from weatherd.pipeline.alerting.desk import AlertDesk


class SilenceEndpoints:
    """Handlers of ``/api/v1/silences``. Without a token in the settings, silences can be read only."""

    def __init__(self, status: DaemonStatus, *, has_token: bool) -> None:
        self._status = status
        self._has_token = has_token

    async def list_silences(self, request: web.Request) -> web.Response:
        """Return the silences in force."""
        parse_query(request, NoQuery)
        desk = self._status.alerts
        return json_response(serialize_silences(desk.silences.in_force() if desk else ()))

    async def add_silence(self, request: web.Request) -> web.Response:
        """Add a silence; 400 if it would have no effect, 403 if no token is configured."""
        query, desk = parse_query(request, SilenceQuery), self._require_desk()
        begins = self._status.now().timestamp()
        silence = Silence(
            0, query.rule, query.city, tuple(split_tags(query.tag)), begins, query.until.timestamp(), query.comment
        )
        if problem := find_silence_problem(silence, desk.rules, self._status.cities):
            raise ProblemError(HTTPStatus.BAD_REQUEST, problem)
        number = await self._status.journal.call(lambda store: store.silences.add(silence))
        await desk.follow_silences()
        return json_response(serialize_silence(silence._replace(id=number)), HTTPStatus.CREATED)

    async def end_silence(self, request: web.Request) -> web.Response:
        """End a silence, and return those that are left; 404 if it is not in force, 403 if no token is configured."""
        parse_query(request, NoQuery)
        desk, text, now = self._require_desk(), request.match_info["id"], self._status.now().timestamp()
        number = int(text) if re.fullmatch(r"[0-9]{1,18}", text, re.ASCII) else -1
        if not await self._status.journal.call(lambda store: store.silences.end(number, now)):
            raise ProblemError(HTTPStatus.NOT_FOUND, f"no silence in force has the number {text!r}")
        await desk.follow_silences()
        return json_response(serialize_silences(desk.silences.in_force()))

    def _require_desk(self) -> AlertDesk:
        if not self._has_token:
            reason = "silencing over HTTP is disabled; set http.token in weatherd's settings to enable it"
            raise ProblemError(HTTPStatus.FORBIDDEN, reason)
        if self._status.alerts is None:
            raise ProblemError(HTTPStatus.BAD_REQUEST, "there are no alert rules: set 'alerts' in weatherd's settings")
        return self._status.alerts


def serialize_silence(silence: Silence) -> SilenceModel:
    """Return a silence as a response."""
    return SilenceModel(
        id=silence.id,
        rule=silence.rule,
        city=silence.city,
        tags=dict(silence.tags),
        begins=format_rfc3339(to_time(silence.begins)),
        until=format_rfc3339(to_time(silence.ends)),
        comment=silence.comment,
    )


def serialize_silences(silences: Iterable[Silence]) -> SilencesModel:
    """Return silences as a response."""
    return SilencesModel(silences=[serialize_silence(silence) for silence in silences])
