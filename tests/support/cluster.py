"""A cluster in this process: real HTTP interfaces, and membership that a test decides."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import aiohttp

from tests.support.daemon import make_latest, make_registry, make_status
from tests.support.fakes import VirtualJournal
from weatherd.cluster.lease import shard_of
from weatherd.cluster.member import ClusterMember
from weatherd.cluster.peers import open_peers
from weatherd.cluster.quota.allotment import Allotment
from weatherd.cluster.view import ClusterView, NodeRow
from weatherd.config.http_section import HttpSection
from weatherd.observation import FetchedObservation, Observation
from weatherd.pipeline.forwarders.group import DeliveryGroup
from weatherd.polling.poll_history import Histogram
from weatherd.web.on_demand import serve_http

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Collection, Mapping, Sequence
    from pathlib import Path

    from weatherd.city import City
    from weatherd.cluster.peers import Peers
    from weatherd.daemon.status import DaemonStatus

SHARDS = 16
TOKEN = "shared-by-all-nodes"


class FakeMember(ClusterMember):
    """A member whose view a test sets; it holds the shards of its own row."""

    def __init__(self, own_id: int, cities: Sequence[City], peers: Peers) -> None:
        self.peers = peers
        self.lease = 10.0
        self.allotment = Allotment(600.0, lambda: datetime.now(UTC))
        self.state: Any = "member"
        self.shard_count = SHARDS
        self.nodes: tuple[NodeRow, ...] = ()
        self._own_id = own_id
        self._all = cities
        self._own: tuple[City, ...] = ()

    def set_nodes(self, nodes: Sequence[NodeRow]) -> None:
        """Take what the database shows."""
        self.nodes = tuple(nodes)
        self._own = tuple(self.cities_of(self.own_shards))

    @property
    def beats(self) -> Histogram:
        """No beats."""
        return Histogram()

    @property
    def moved_shards(self) -> Mapping[str, int]:
        """The shards that moved since the start."""
        return {"taken": 5}

    @property
    def own_shards(self) -> Collection[int]:
        """The shards of this node."""
        return next((node.shards for node in self.nodes if node.id == self._own_id), ())

    def view(self) -> ClusterView:
        """Return what the test has set."""
        return ClusterView(self._own_id, self.nodes, self.shard_count, self.state, 8.5, 0.4, self.state != "member")

    def cities(self) -> tuple[City, ...]:
        """Return the cities of the own shards."""
        return self._own

    def holds(self) -> bool:
        """Return whether it polls."""
        return bool(self.state != "paused")

    def shown_cities(self) -> tuple[City, ...]:
        """Return the same."""
        return self._own

    def cities_of(self, shards: Collection[int]) -> list[City]:
        """Return the cities of shards, sorted by id."""
        return [city for city in self._all if shard_of(city.id, SHARDS) in shards]

    def count_cities(self, shards: Collection[int]) -> int:
        """Return their number."""
        return len(self.cities_of(shards))


class ServedNode:
    """A node that is served over HTTP."""

    def __init__(self, number: int, url: str, status: DaemonStatus, member: FakeMember) -> None:
        self.number = number
        self.url = url
        self.status = status
        self.member = member
        self.name = f"n{number}"

    @contextlib.asynccontextmanager
    async def open_stream(self, path: str) -> AsyncIterator[AsyncIterator[tuple[str, Any]]]:
        """Open an event stream, and yield an iterator of the names and the data of its events."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with aiohttp.ClientSession() as session, session.get(self.url + path, headers=headers) as response:
            yield _read_events(response)

    async def get(self, path: str, expected: int = 200) -> Any:
        """Return the document of a response."""
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with aiohttp.ClientSession() as session, session.get(self.url + path, headers=headers) as response:
            assert response.status == expected, await response.text()
            return await response.json() if "json" in response.content_type else await response.text()


async def _read_events(response: aiohttp.ClientResponse) -> AsyncIterator[tuple[str, Any]]:
    name = ""
    async for line in response.content:
        key, _, value = line.decode().rstrip("\n").partition(": ")
        name = value if key == "event" else name
        if key == "data":
            yield name, json.loads(value)


def divide_shards(count: int) -> list[tuple[int, ...]]:
    """Return the shards of each of *count* nodes."""
    return [tuple(range(index, SHARDS, count)) for index in range(count)]


@contextlib.asynccontextmanager
async def serve_cluster(
    folder: Path,
    cities: Sequence[City],
    temperatures: Mapping[str, float],
    nodes: int = 3,
    urls: Mapping[int, str | None] = {},
) -> AsyncIterator[list[ServedNode]]:
    """Serve nodes that share *cities*; each knows only the observations of its own ones.

    *urls* replace the addresses of some nodes for the others.
    """
    cities = sorted(cities, key=lambda city: city.id)
    parts = divide_shards(nodes)
    async with contextlib.AsyncExitStack() as stack:
        served = []
        for number, shards in enumerate(parts, 1):
            peers = await stack.enter_async_context(open_peers(TOKEN, None))
            member = FakeMember(number, cities, peers)
            member.set_nodes([NodeRow(number, f"n{number}", None, "aaaa", shards, 0.2)])
            journal = stack.enter_context(contextlib.closing(VirtualJournal(folder / f"n{number}.sqlite")))
            status = make_status(
                registry=make_registry(cities),
                latest=_make_latest(
                    cities, {city.id: temperatures[city.id] for city in member.cities() if city.id in temperatures}
                ),
                journal=journal,
                deliveries=DeliveryGroup([]),
                cluster=member,
                now=lambda: datetime.now(UTC),
            )
            url = await stack.enter_async_context(serve_http(status, HttpSection(port=0, token=TOKEN)))
            served.append(ServedNode(number, url, status, member))
        rows = [
            NodeRow(node.number, node.name, urls.get(node.number, node.url), "aaaa", parts[node.number - 1], 0.2)
            for node in served
        ]
        for node in served:
            node.member.set_nodes(rows)
        yield served


def _make_latest(cities: Sequence[City], temperatures: Mapping[str, float]) -> Any:
    now = datetime.now(UTC)
    latest = make_latest(cities)
    for city in cities:
        if city.id in temperatures:
            observation = Observation(
                city.id, "fake", now - timedelta(minutes=5), now, temperatures[city.id], "rain", 61
            )
            latest.record([FetchedObservation(city, observation)])
    return latest
