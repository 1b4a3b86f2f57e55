"""The other nodes as sources of parts of the list. A request with ``scope=own`` is never passed on, so none circles."""

from __future__ import annotations

import asyncio
import re
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Generic, TypeVar
from urllib.parse import urlencode

from pydantic import BaseModel, ValidationError

from weatherd.cluster.peers import PeerError
from weatherd.web.schemas import ProblemModel

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from weatherd.cluster.member import ClusterMember
    from weatherd.cluster.view import ClusterView, NodeRow
    from weatherd.http.response import Response

_M = TypeVar("_M", bound=BaseModel)
SHARDS_HEADER = "Weatherd-Shards"  # of an answer about a node's own part: the shards that it polls
_MASK = re.compile("[0-9a-f]{1,8192}")
_NO_ADDRESS = "it has no address for other nodes: set cluster.url, or http.enabled"


def format_shards(shards: Collection[int]) -> str:
    """Return shards as a hexadecimal number in which each is a bit."""
    mask = 0
    for shard in shards:
        mask |= 1 << shard
    return f"{mask:x}"


def parse_shards(text: str) -> frozenset[int]:
    """Return the shards in a text of :func:`format_shards`; none if it is anything else."""
    if not _MASK.fullmatch(text):
        return frozenset()
    mask = int(text, 16)
    return frozenset(shard for shard in range(mask.bit_length()) if mask >> shard & 1)


@dataclass(frozen=True, slots=True)
class NodeAnswer(Generic[_M]):
    """The answer of a node about the shards that it polls."""

    node: NodeRow
    model: _M
    shards: frozenset[int]


@dataclass(frozen=True, slots=True)
class Answers(Generic[_M]):
    """The answers of all other nodes to one request."""

    view: ClusterView  # at the time of the request
    given: Sequence[NodeAnswer[_M]]
    problems: Mapping[int, str] = field(default_factory=dict)  # why a node has not answered, by its id

    @property
    def models(self) -> list[_M]:
        """What the nodes have answered."""
        return [answer.model for answer in self.given]

    @property
    def own_name(self) -> str:
        """The name of this node; "" before it has joined."""
        return next((node.name for node in self.view.nodes if node.id == self.view.own_id), "")

    def find_missing(self) -> frozenset[int]:
        """Return the shards that this node does not poll, and about which no other one has answered."""
        known = set(find_own_shards(self.view)).union(*(answer.shards for answer in self.given))
        return frozenset(range(self.view.shard_count)) - known


def find_own_shards(view: ClusterView) -> tuple[int, ...]:
    """Return the shards that the database gives this node."""
    return next((node.shards for node in view.nodes if node.id == view.own_id), ())


class OtherNodes:
    """Asks the other nodes of the cluster."""

    def __init__(self, member: ClusterMember) -> None:
        self._member = member

    @property
    def view(self) -> ClusterView:
        """The cluster as this node sees it now."""
        return self._member.view()

    async def ask(self, path: str, model: type[_M], ids: Collection[int] | None = None) -> Answers[_M]:
        """Return the answers of all other nodes, or of those with *ids*, at the latest after two seconds.

        A node speaks for the shards that the database gives it, and no others: what it says of them is not used.
        """
        view = self._member.view()
        nodes = [node for node in view.nodes if node.id != view.own_id and (ids is None or node.id in ids)]
        found = await asyncio.gather(*(self._ask(node, path, model) for node in nodes))
        return Answers(
            view,
            [answer for answer in found if isinstance(answer, NodeAnswer)],
            {node.id: answer for node, answer in zip(nodes, found, strict=True) if isinstance(answer, str)},
        )

    async def fetch(self, node: NodeRow, path: str) -> Response:
        """Return a node's response to a request with ``scope=own``. Raises PeerError without one."""
        if not node.url:
            raise PeerError(_NO_ADDRESS)
        return await self._member.peers.get(node.url, path + ("&" if "?" in path else "?") + "scope=own")

    async def _ask(self, node: NodeRow, path: str, model: type[_M]) -> NodeAnswer[_M] | str:
        """Return a node's answer, or the reason why there is none."""
        try:
            response = await self.fetch(node, path)
            parsed = parse_answer(response, model)
        except PeerError as error:
            return str(error)
        shards = parse_shards(response.headers.get(SHARDS_HEADER, ""))
        return NodeAnswer(node, parsed, shards.intersection(node.shards))


def parse_answer(response: Response, model: type[_M]) -> _M:
    """Return the document of a response. Raises PeerError for an error, and for one that has another form."""
    if response.status == HTTPStatus.UNAUTHORIZED:
        raise PeerError("status 401: its http.token is not that of this node")
    if response.status != HTTPStatus.OK:
        raise PeerError(f"status {response.status}{_read_detail(response.body)}")
    try:
        return model.model_validate_json(response.body, extra="ignore")  # a newer node may send more fields
    except ValidationError:
        raise PeerError("its answer cannot be read: it may run another version of weatherd") from None


def _read_detail(body: bytes) -> str:
    try:
        return f": {ProblemModel.model_validate_json(body).detail[:200]}"
    except ValidationError:
        return ""


def encode_query(query: BaseModel) -> str:
    """Return the parameters of a query for another node, without those that have their default value."""
    values = query.model_dump(mode="json", exclude_defaults=True, exclude={"scope"})
    return urlencode({name: "true" if value is True else value for name, value in values.items()}, safe=",")
