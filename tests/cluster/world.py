"""Nodes of a cluster on virtual time: the real beat loop and part; the database and the producers are fakes."""

from __future__ import annotations

import asyncio
import contextvars
import random
import tempfile
import types
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tests.cluster.fake_database import LATENCY, FakeDatabase, FakeLink
from tests.support import virtual_time
from tests.support.daemon import make_latest
from tests.support.virtual_time import VirtualTimeLoop
from weatherd.city import City
from weatherd.cluster.lease import shard_of
from weatherd.cluster.member import ClusterMember
from weatherd.cluster.peers import PeerState
from weatherd.cluster.quota.allotment import Allotment
from weatherd.cluster.registration import Registration
from weatherd.cluster.shards.part import Part

if TYPE_CHECKING:
    from collections.abc import Coroutine, Generator, Iterable, Sequence

    from weatherd.cluster.view import ClusterView

SHARDS, LEASE = 12, 10.0
CITIES = tuple(City(name=f"City {number:02}", lat=number, lon=0.0) for number in range(24))
LOOK = 0.05  # seconds between two looks at who polls what
_node: contextvars.ContextVar[Node | None] = contextvars.ContextVar("node", default=None)


@types.coroutine
def _drive(coroutine: Coroutine[Any, Any, Any], node: Node) -> Generator[Any, Any, Any]:
    """Run a coroutine of a node, which makes no step while the node's process is stopped (SIGSTOP)."""
    step, argument = coroutine.send, None
    while True:
        try:
            awaited = step(argument)
        except StopIteration as end:
            return end.value
        try:
            step, argument = coroutine.send, (yield awaited)
        except BaseException as error:  # noqa: ASYNC103, BLE001 - to be raised in the coroutine
            step, argument = coroutine.throw, error
        while not node.runs.is_set():
            try:
                yield from node.runs.wait().__await__()
            except asyncio.CancelledError as error:  # noqa: ASYNC103 - to be raised there, too
                step, argument = coroutine.throw, error


async def _await_driven(coroutine: Coroutine[Any, Any, Any], node: Node) -> Any:
    """Run :func:`_drive` as a coroutine, because a task takes no generator from Python 3.12 on."""
    return await _drive(coroutine, node)


def _create_task(loop: asyncio.AbstractEventLoop, coroutine: Any, **options: Any) -> asyncio.Task[Any]:
    node = _node.get()
    return asyncio.Task(_await_driven(coroutine, node) if node else coroutine, loop=loop, **options)


class PolledCities:
    """In place of the supervisor and the poll history: which cities have a producer."""

    def __init__(self) -> None:
        self.ids: set[str] = set()

    def start(self, cities: Iterable[City]) -> None:
        """Start to poll cities."""
        for city in cities:
            assert city.id not in self.ids
            self.ids.add(city.id)

    def remove(self, city_ids: Iterable[str]) -> list[asyncio.Task[None]]:
        """Stop to poll cities."""
        self.ids -= set(city_ids)
        return []

    def running_poll(self, _city_id: str) -> None:
        """Return no poll."""


class FakePeers:
    """The HTTP interfaces of all nodes as a node reaches them, over a network that may be cut between two nodes."""

    def __init__(self, own_url: str, nodes: Sequence[Node], cuts: set[frozenset[str | None]]) -> None:
        self._own_url, self._nodes, self._cuts = own_url, nodes, cuts

    async def ask_state(self, url: str) -> PeerState | None:
        """Return the state of a node; None after a second if it cannot be reached, or is stopped."""
        asked = next(node for node in self._nodes if node.url == url)
        if asked.task is None:
            return None
        if frozenset((self._own_url, url)) in self._cuts or not asked.runs.is_set():
            await asyncio.sleep(1)
            return None
        await asyncio.sleep(LATENCY)
        view = asked.member.view()
        return PeerState(view.own_id, not view.is_cut, view.state == "going_on")


class Node:
    """A node, whose clock runs at its own speed."""

    def __init__(self, database: FakeDatabase, folder: Path, speed: float, url: str | None, peers: FakePeers) -> None:
        self.link = FakeLink(database)
        self.url = url  # of the HTTP interface; None: it has none
        self.speed, self._loop = speed, asyncio.get_running_loop()
        self.runs = asyncio.Event()
        self.runs.set()
        self._folder, self._peers = folder, peers
        self.task: asyncio.Task[None] | None = None
        self.starts_again()

    def _clock(self) -> float:
        return (1e5 + self._loop.time()) * self.speed

    def starts_again(self) -> None:
        """Start the process on the node's state folder."""
        self.polled = PolledCities()
        self.member = ClusterMember(
            self.link, Part(lambda: CITIES), Registration(self._folder.name, self.url, self._folder), self._peers,  # type: ignore[arg-type]
            Allotment(600.0, virtual_time.now), lease=LEASE, boot=self._clock, spread=random.Random(self.speed),
        )  # fmt: skip
        self.member.attach(self.polled, self.polled, make_latest(CITIES))  # type: ignore[arg-type]
        token = _node.set(self)
        self.task = self._loop.create_task(self.member.run())
        _node.reset(token)

    def is_killed(self) -> None:
        """Kill the process."""
        assert self.task
        self.task.cancel()
        self.runs.set()
        self.polled.ids.clear()
        self.task = None

    def polls(self) -> set[int]:
        """Return the shards whose cities would be polled now: the limiter asks for the lease before each request."""
        if not self.runs.is_set() or not self.member.holds():
            return set()
        return {shard_of(city_id, SHARDS) for city_id in self.polled.ids}


class World:
    """Nodes and their database, with a record of the shards that were polled by two nodes at once."""

    def __init__(self, *, has_http: bool) -> None:
        self.runner = asyncio.Runner(loop_factory=VirtualTimeLoop)
        self.runner.get_loop().set_task_factory(_create_task)
        self.database = FakeDatabase(SHARDS, 0.3 * LEASE)
        self.nodes: list[Node] = []
        self.doubles: list[tuple[float, int]] = []  # when, and which shard
        self.peer_cuts: set[frozenset[str | None]] = set()  # pairs of addresses that cannot reach each other
        self._has_http = has_http
        self._folder = tempfile.TemporaryDirectory()

    def add(self, speed: float = 1.0) -> Node:
        """Start another node."""

        async def start() -> Node:
            folder = Path(self._folder.name) / f"n{len(self.nodes)}"
            folder.mkdir()
            url = f"http://{folder.name}"
            peers = FakePeers(url, self.nodes, self.peer_cuts)
            return Node(self.database, folder, speed, url if self._has_http else None, peers)

        node: Node = self.runner.run(start())
        self.nodes.append(node)
        return node

    def do(self, call: Any) -> None:
        """Call a function in the loop."""

        async def run() -> None:
            call()

        self.runner.run(run())

    def passes(self, seconds: float) -> None:
        """Let time pass, while somebody looks at who polls what."""

        async def watch() -> None:
            loop = asyncio.get_running_loop()
            end = loop.time() + seconds
            while loop.time() < end:
                await asyncio.sleep(LOOK)
                for shard, count in Counter(shard for node in self.nodes for shard in node.polls()).items():
                    if count > 1:
                        self.doubles.append((loop.time(), shard))
                for node in self.nodes:
                    if node.task and node.task.done():
                        node.task.result()

        self.runner.run(watch())

    def views(self) -> list[ClusterView]:
        """Return what each node knows."""

        async def read() -> list[ClusterView]:
            return [node.member.view() for node in self.nodes]

        views: list[ClusterView] = self.runner.run(read())
        return views

    def beat_of(self, node: Node) -> int:
        """Return the last beat of a node that the database has recorded."""
        (row,) = (row for row in self.database.nodes.values() if row["name"] == node.member.name)
        return int(row["beat"])

    def leaves(self, node: Node) -> None:
        """Stop a node in the regular way."""

        async def leave() -> None:
            assert node.task
            node.task.cancel()
            await asyncio.wait([node.task])
            node.task = None
            node.polled.ids.clear()
            await node.member.leave()

        self.runner.run(leave())

    def polled(self) -> Counter[int]:
        """Return how many nodes poll each shard."""
        counts: Counter[int] = self.runner.run(self._count())
        return counts

    async def _count(self) -> Counter[int]:
        return Counter(shard for node in self.nodes for shard in node.polls())

    def ends(self) -> None:
        """Stop everything."""

        async def stop() -> None:
            for node in self.nodes:
                node.runs.set()
            tasks = asyncio.all_tasks() - {asyncio.current_task()}
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

        self.runner.run(stop())
        self.runner.close()
        self._folder.cleanup()
