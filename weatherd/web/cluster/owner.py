"""What concerns one city, from the node that polls it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, TypeVar

from pydantic import BaseModel

from weatherd.cluster.peers import PeerError
from weatherd.web.alerts.models import AlertsPage
from weatherd.web.cluster.nodes import encode_query, parse_answer
from weatherd.web.cluster.silent_cities import explain_silence, serialize_silent
from weatherd.web.middleware import ProblemError
from weatherd.web.page.models import ChartModel
from weatherd.web.query_models import ChartQuery
from weatherd.web.schemas import CityDetail
from weatherd.web.serializers import serialize_city_detail
from weatherd.web.warnings.models import WarningsPage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from weatherd.city import City
    from weatherd.cluster.member import ClusterMember
    from weatherd.cluster.view import NodeRow
    from weatherd.daemon.status import DaemonStatus
    from weatherd.web.alerts.models import AlertModel
    from weatherd.web.cluster.nodes import OtherNodes
    from weatherd.web.schemas import Model
    from weatherd.web.warnings.models import WarningModel

_M = TypeVar("_M", bound=BaseModel)


class CityOwners:
    """Asks the node that polls a city."""

    def __init__(self, status: DaemonStatus, member: ClusterMember, nodes: OtherNodes) -> None:
        self._status = status
        self._member = member
        self._nodes = nodes

    def is_elsewhere(self, city_id: str) -> bool:
        """Return whether this node does not poll a city."""
        return not self._member.view().owns(city_id)

    def select_elsewhere(self, ids: Iterable[str]) -> list[str]:
        """Return the cities that this node does not poll."""
        view = self._member.view()
        return [city_id for city_id in ids if not view.owns(city_id)]

    async def read_city(self, city: City) -> CityDetail:
        """Return the details of a city; it is waiting if nobody polls it, or its node does not answer."""
        view, path = self._member.view(), f"/api/v1/cities/{city.id}"
        owner = view.owner_of(city.id)
        own = serialize_city_detail(city, self._status).model_copy(update={"node": owner.name if owner else None})
        if owner and owner.id == view.own_id:
            return own
        problems = {}
        if owner:
            try:
                found = await self._fetch(owner, path, CityDetail)
                return found.model_copy(update={"node": owner.name})
            except PeerError as error:
                problems[owner.id] = str(error)
        silent = serialize_silent(city, explain_silence(city.id, view, problems))
        return own.model_copy(update={**dict(silent), "budget": None, "attempt": None})

    async def read(self, city_id: str, part: str, query: Model, model: type[_M]) -> _M:
        """Return a part of a city that another node polls, such as its ``days``.

        Raises ProblemError (503) if that does not answer.
        """
        view, path = self._member.view(), f"/api/v1/cities/{city_id}/{part}?{encode_query(query)}"
        owner = view.owner_of(city_id)
        try:
            if owner:
                return await self._fetch(owner, path, model)
            reason = explain_silence(city_id, view, {})
        except PeerError as error:
            reason = explain_silence(city_id, view, {owner.id: str(error)} if owner else {})
        raise ProblemError(HTTPStatus.SERVICE_UNAVAILABLE, reason)

    async def read_chart(self, city_id: str, span: str) -> ChartModel:
        """Return the chart of a city that another node polls. Raises ProblemError (503) if that does not answer."""
        return await self.read(city_id, "chart", ChartQuery.model_validate({"span": span}), ChartModel)

    async def read_notices(self, city_id: str) -> tuple[Sequence[AlertModel], Sequence[WarningModel]]:
        """Return the alerts and official warnings of a city that another node polls."""
        alerts = await self._try(city_id, f"/api/v1/alerts?city={city_id}", AlertsPage)
        warnings = await self._try(city_id, f"/api/v1/warnings?city={city_id}", WarningsPage)
        return alerts.alerts if alerts else (), warnings.warnings if warnings else ()

    async def _try(self, city_id: str, path: str, model: type[_M]) -> _M | None:
        owner = self._member.view().owner_of(city_id)
        try:
            return await self._fetch(owner, path, model) if owner else None
        except PeerError:
            return None

    async def _fetch(self, owner: NodeRow, path: str, model: type[_M]) -> _M:
        return parse_answer(await self._nodes.fetch(owner, path), model)
