"""Opening of the parts of the daemon that are shared with the other nodes of a cluster."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from weatherd.daemon.wiring import utc_now
from weatherd.pipeline.forwarders.notices.official_warnings import find_change_forwarder

if TYPE_CHECKING:
    import contextlib
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from weatherd.cluster.database import ClusterConnection
    from weatherd.cluster.member import ClusterMember
    from weatherd.config.settings import Settings
    from weatherd.daemon.wiring import OpenProviders
    from weatherd.journal.journal import Journal
    from weatherd.pipeline.alerting.desk import AlertDesk
    from weatherd.pipeline.forwarders import Forwarder
    from weatherd.pipeline.forwarders.group import Guard
    from weatherd.polling.city_registry import CityRegistry
    from weatherd.warnings.desk import WarningDesk


async def open_cluster(
    stack: contextlib.AsyncExitStack, settings: Settings, folder: Path, registry: CityRegistry
) -> ClusterMember:
    """Open the membership of this node, to be closed by *stack*. Raises ConfigError."""
    from weatherd.cluster.opening import open_member  # noqa: PLC0415 - it takes memory

    return await stack.enter_async_context(open_member(settings, folder, lambda: registry.cities, utc_now))


async def share_alert_states(
    cluster: ClusterMember,
    alerts: AlertDesk,
    journal: Journal,
    registry: CityRegistry,
    forwarders: Mapping[str, Forwarder],
) -> None:
    """Share the alerts of cities with the other nodes. Raises StateError."""
    from weatherd.cluster.alerts.shared_alerts import share_alerts  # noqa: PLC0415 - it takes memory

    await share_alerts(cluster, alerts, journal, registry.get)
    alerts.open_shared_past = getattr(forwarders.get("postgres"), "open_past", None)


def count_takes(cluster: ClusterMember) -> Callable[[str], int]:
    """Return a function that returns how often this node has taken a city over, by city id."""
    from weatherd.cluster.lease import shard_of  # noqa: PLC0415 - only in a cluster

    counts = Counter[int]()

    async def take(shards: frozenset[int], _connection: ClusterConnection) -> None:
        counts.update(shards)

    async def give(_shards: frozenset[int], _connection: ClusterConnection) -> None:
        """Do nothing: a city that is given away has been taken as often as before."""

    cluster.subscribe_moves(take, give)
    return lambda city_id: counts[shard_of(city_id, cluster.part.shards)] if cluster.part.shards else 0


def create_warning_guard(cluster: ClusterMember) -> Guard:
    """Return a function that waits until this node may deliver changes of official warnings."""
    from weatherd.cluster.warnings.shared_warnings import guard_changes  # noqa: PLC0415 - it takes memory

    return guard_changes(cluster)


async def open_warning_desk(
    settings: Settings,
    providers: OpenProviders,
    registry: CityRegistry,
    journal: Journal,
    *,
    cluster: ClusterMember | None,
    forwarders: Mapping[str, Forwarder],
) -> WarningDesk:
    """Open the services of official warnings. Raises StateError if the journal cannot be used."""
    from weatherd.warnings.desk import open_warnings  # noqa: PLC0415 - it takes memory

    reserve = providers.planner.reserve
    if not cluster:
        return await open_warnings(settings, providers.open_resources, registry, journal, utc_now, reserve=reserve)
    from weatherd.cluster.warnings.shared_warnings import NodeCities, share_warnings  # noqa: PLC0415 - it takes memory

    polled = NodeCities(cluster, registry.get)
    desk = await open_warnings(
        settings, providers.open_resources, registry, journal, utc_now, reserve=reserve, polled=polled
    )
    takers = [name for name, forwarder in forwarders.items() if find_change_forwarder(forwarder, "connect_warnings")]
    await share_warnings(cluster, desk, journal, [f"{name} warnings" for name in takers])
    return desk
