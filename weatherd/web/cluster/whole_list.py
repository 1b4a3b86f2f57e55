"""What concerns all cities, from this node and the others."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Generic, NamedTuple, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel

from weatherd.cluster.peers import STATE_PATH
from weatherd.web.cluster.city_pages import CityPages
from weatherd.web.cluster.description import describe_cluster
from weatherd.web.cluster.entry_pages import merge_alert_pages, merge_warning_pages
from weatherd.web.cluster.map_merging import merge_maps
from weatherd.web.cluster.merging import merge_curves, merge_overview, merge_status
from weatherd.web.cluster.models import NodeStateModel
from weatherd.web.cluster.nodes import OtherNodes, encode_query
from weatherd.web.cluster.owner import CityOwners
from weatherd.web.page.map_points import make_map
from weatherd.web.page.models import MapModel
from weatherd.web.query_models import MAX_IDS, CitiesQuery

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from weatherd.cluster.member import ClusterMember
    from weatherd.daemon.status import DaemonStatus
    from weatherd.web.alerts.models import AlertsPage
    from weatherd.web.cluster.models import ClusterModel
    from weatherd.web.cluster.nodes import Answers
    from weatherd.web.page.city_index import CityIndex
    from weatherd.web.page.models import CurvesModel, OverviewModel
    from weatherd.web.query_models import AlertsQuery, MapQuery, WarningsQuery
    from weatherd.web.schemas import CityModel, StatusModel
    from weatherd.web.warnings.models import WarningsPage

_M = TypeVar("_M", bound=BaseModel)
_REUSE = 2.0  # seconds, because each open page needs an overview every ten


class _Gathered(NamedTuple, Generic[_M]):
    """The answers of all nodes, this one first."""

    models: list[_M]
    cluster: ClusterModel


class WholeList:
    """The answers of all nodes as one. Each method gets the answer of this node."""

    def __init__(self, status: DaemonStatus, member: ClusterMember, index: CityIndex) -> None:
        self._status = status
        self._member = member
        self._overviews: tuple[float, _Gathered[OverviewModel]] | None = None  # with the time of the request
        self._lock = asyncio.Lock()
        self.nodes = OtherNodes(member)
        self.pages = CityPages(status, member, self.nodes, index)
        self.owners = CityOwners(status, member, self.nodes)

    async def describe(self) -> ClusterModel:
        """Return the nodes, and whether they answer."""
        answers = await self.nodes.ask(STATE_PATH, NodeStateModel)
        return self._describe(answers)

    async def merge_status(self, own: StatusModel) -> StatusModel:
        """Return the status of all nodes."""
        found = await self._gather("/api/v1/status", own)
        merged = merge_status(found.models, len(self._status.cities))
        return merged.model_copy(update={"cluster": found.cluster})

    async def merge_overview(self, own: OverviewModel) -> OverviewModel:
        """Return all cities at a glance. Readers share the other nodes' overviews for two seconds."""
        async with self._lock:
            now = asyncio.get_running_loop().time()
            if self._overviews is None or now - self._overviews[0] >= _REUSE:
                self._overviews = now, await self._gather("/api/v1/overview", own)
            found = self._overviews[1]
        merged = merge_overview([own, *found.models[1:]], len(self._status.cities))
        return merged.model_copy(update={"cluster": found.cluster.problems})

    async def merge_curves(self, ids: Sequence[str], own: CurvesModel) -> CurvesModel:
        """Return the curves of cities."""
        path = f"/api/v1/curves?{urlencode({'city': ','.join(ids)}, safe=',')}"
        return merge_curves([own, *(await self.nodes.ask(path, type(own))).models])

    async def merge_map(self, query: MapQuery, own: MapModel) -> MapModel:
        """Return the cities on a part of the earth."""
        answers = await self.nodes.ask(f"/api/v1/map?{encode_query(query)}", MapModel)
        silent = await self.pages.read_silent(answers)
        points = [await asyncio.to_thread(make_map, silent, query)] if silent else []
        return merge_maps([own, *answers.models, *points], len(self._status.cities))

    async def find_foreign_cities(self, ids: Collection[str]) -> Sequence[CityModel]:
        """Return those of the cities that this node does not poll."""
        foreign = sorted(self.owners.select_elsewhere(ids))[:MAX_IDS]
        if not foreign:
            return ()
        return (await self.pages.find_cities(CitiesQuery(id=",".join(foreign), limit=MAX_IDS))).cities

    async def merge_alerts(self, query: AlertsQuery, own: AlertsPage) -> AlertsPage:
        """Return a page of the alerts of all nodes."""
        answers = await self.nodes.ask(f"/api/v1/alerts?{encode_query(query)}", type(own))
        pages = [(answers.own_name, own), *((answer.node.name, answer.model) for answer in answers.given)]
        return merge_alert_pages(pages, query.limit)

    async def merge_warnings(self, query: WarningsQuery, own: WarningsPage) -> WarningsPage:
        """Return a page of the official warnings of all nodes."""
        answers = await self.nodes.ask(f"/api/v1/warnings?{encode_query(query)}", type(own))
        return merge_warning_pages([own, *answers.models], query.limit)

    def _describe(self, answers: Answers[Any]) -> ClusterModel:
        member = self._member
        return describe_cluster(answers.view, answers.problems, member.lease, member.count_cities)

    async def _gather(self, path: str, own: _M) -> _Gathered[_M]:
        answers = await self.nodes.ask(path, type(own))
        return _Gathered([own, *answers.models], self._describe(answers))
