"""The calls of all plans that are handed out to this node, so that the nodes together never exceed a plan."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from weatherd.cluster.quota.call_blocks import CallsGranted, WindowKey
from weatherd.cluster.quota.quota_tables import FORGET_CALLS, GRANT_CALLS, RETURN_CALLS
from weatherd.cluster.quota.shared_meter import SharedMeter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from datetime import datetime

    from weatherd.cluster.quota.call_blocks import CallsReturned
    from weatherd.quota.limiter import RateLimiter
    from weatherd.quota.plans import Plan
    from weatherd.quota.usage import UsageMeter

_KEPT_SECONDS = 40 * 86400.0  # of the rows in the database: more than a month


class Fetch(Protocol):
    """A function that runs a statement and returns its rows, as ``asyncpg.Connection.fetch`` does."""

    async def __call__(self, statement: str, *values: Any) -> Sequence[Mapping[str, Any]]:
        """Run a statement with these values. Raises an error if there is no response in time."""


class CommandShare(NamedTuple):
    """What a command has, from its start to its end; a node has nothing at its start."""

    part: float = 0.0  # of the rates of all plans
    nodes: int = 1  # by which the requests in flight are divided
    is_guest: bool = False  # whether no node's shards are behind the part
    outage: str = ""  # why the database hands out nothing


class Allotment:
    """The shared meters of a node, and the exchange of their calls with the database.

    A statement without a response may have been carried out. Then its block is lost, and no plan is exceeded.
    """

    def __init__(self, bridge: float, now: Callable[[], datetime], command: CommandShare | None = None) -> None:
        self._bridge = bridge  # seconds for which calls are asked for in advance
        self._now = now
        self._command = command or CommandShare()
        self._meters: dict[str, SharedMeter] = {}
        self._limiters: list[RateLimiter] = []  # of the services whose plans limit the rate

    def create_meter(self, provider: str, plan: Plan) -> UsageMeter:
        """Create the meter of a provider; that of a node has no part of the plan's rate before :meth:`set_share`."""
        command = self._command
        meter = SharedMeter(provider, plan, self._bridge, part=command.part, is_guest=command.is_guest)
        meter.outage = command.outage
        self._meters[provider] = meter
        return meter

    def add_limiter(self, limiter: RateLimiter, plan: Plan) -> None:
        """Divide the requests in flight of *limiter* by the nodes, unless the service limits nothing."""
        if not math.isinf(plan.rate):
            self._limiters.append(limiter)
            limiter.divide_concurrency(self._command.nodes)

    def set_share(self, held: int, shards: int, nodes: int) -> None:
        """Set the number of shards that this node holds, of all shards, and the number of nodes.

        Call this before shards are released, so that the rate is never that of two nodes.
        """
        now = self._now().timestamp()
        for meter in self._meters.values():
            meter.set_part(held / shards if shards else 0.0, now)
        for limiter in self._limiters:
            limiter.divide_concurrency(max(1, nodes))

    def set_outage(self, reason: str) -> None:
        """Let requests without calls fail with this reason instead of waiting."""
        for meter in self._meters.values():
            meter.outage = reason

    async def exchange(self, fetch: Fetch) -> None:
        """Return calls that are not needed any more, and ask for those that will be; without a need, ask nothing."""
        now = self._now().timestamp()
        await _return_calls(fetch, [calls for meter in self._meters.values() for calls in meter.take_surplus(now)])
        wanted = [calls for meter in self._meters.values() for calls in meter.find_wanted(now)]
        if not wanted:
            return
        rows = [(*calls.key, calls.calls, calls.limit) for calls in wanted]
        calls_by_key = {calls.key: calls.calls for calls in wanted}
        for row in await fetch(GRANT_CALLS, *map(list, zip(*rows, strict=True))):
            granted = CallsGranted(
                WindowKey(row["provider"], row["win"], row["started"]), row["granted"], row["allotted"]
            )
            self._meters[granted.key.provider].add_granted(granted, calls_by_key[granted.key], now)

    async def give_back(self, fetch: Fetch) -> None:
        """Return all calls, because this node makes no more."""
        now = self._now().timestamp()
        await _return_calls(fetch, [calls for meter in self._meters.values() for calls in meter.take_all(now)])

    async def forget_old(self, fetch: Fetch) -> None:
        """Delete the rows of windows that have long been over."""
        await fetch(FORGET_CALLS, self._now().timestamp() - _KEPT_SECONDS)

    def allotted(self) -> dict[str, dict[str, tuple[float, int]]]:
        """Return by provider and window the calls that all nodes were given, as this node knows, and the limit."""
        now = self._now().timestamp()
        return {provider: meter.allotted(now) for provider, meter in self._meters.items()}


async def _return_calls(fetch: Fetch, returned: Sequence[CallsReturned]) -> None:
    if returned:
        rows = [(*calls.key, calls.calls) for calls in returned]
        await fetch(RETURN_CALLS, *map(list, zip(*rows, strict=True)))
