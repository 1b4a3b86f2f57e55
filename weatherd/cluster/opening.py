"""Creation of this node's membership from the settings."""

from __future__ import annotations

import contextlib
import random
import socket
from typing import TYPE_CHECKING

from weatherd.clock import boot_time
from weatherd.cluster.database import PostgresCluster
from weatherd.cluster.housekeeping import Housekeeping
from weatherd.cluster.member import ClusterMember
from weatherd.cluster.peers import open_peers
from weatherd.cluster.quota.allotment import Allotment
from weatherd.cluster.registration import Registration
from weatherd.cluster.shards.part import Part
from weatherd.errors import ConfigError, Problem
from weatherd.plugins import explain_missing_library
from weatherd.text.addresses import format_url

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Sequence
    from datetime import datetime
    from pathlib import Path

    from weatherd.city import City
    from weatherd.cluster.database import ClusterConnection
    from weatherd.config.http_section import HttpSection
    from weatherd.config.settings import Settings

_STATEMENT = 0.3  # of a lease: the time limit of a statement
_ALL_ADDRESSES = ("0.0.0.0", "::")  # noqa: S104 - compared only


@contextlib.asynccontextmanager
async def open_member(
    settings: Settings, folder: Path, list_cities: Callable[[], Sequence[City]], now: Callable[[], datetime]
) -> AsyncIterator[ClusterMember]:
    """Open this node's membership, which joins when it runs. *folder* is the state folder.

    Raises ConfigError if the database's driver is not installed.
    """
    section, http = settings.cluster, settings.http
    if not section or not section.dsn:
        raise ValueError("without the section 'cluster' there is no membership")
    try:
        database = PostgresCluster(section.dsn.get_secret_value(), section.lease * _STATEMENT)
    except ImportError:
        raise ConfigError(Problem("cluster", explain_missing_library("postgres"))) from None
    registration = Registration(section.name or socket.gethostname(), section.url or _find_url(http), folder)
    token = http.token.get_secret_value() if http.token else None
    async with open_peers(token, settings.tls.ca_file) as peers:
        member = ClusterMember(
            database,
            Part(list_cities),
            registration,
            peers,
            Allotment(section.bridge, now),
            lease=section.lease,
            boot=boot_time,
            spread=random.Random(),  # noqa: S311 - only spreads retries
        )
        share_quota(member)
        member.subscribe_beats(Housekeeping(member.allotment, member.view, boot_time).run)
        yield member


def share_quota(member: ClusterMember) -> None:
    """Let the plans of the services follow this node's part of the list."""
    allotment = member.allotment

    def set_share() -> None:
        allotment.set_share(len(member.part.held), member.part.shards, len(member.view().nodes))

    async def exchange(connection: ClusterConnection) -> None:
        set_share()
        await allotment.exchange(connection.fetch)

    async def give_back(connection: ClusterConnection) -> None:
        await allotment.give_back(connection.fetch)

    async def shrink(_shards: frozenset[int], _connection: ClusterConnection) -> None:
        set_share()  # before the release, so that the rate is never that of two nodes

    async def grow(_shards: frozenset[int], _connection: ClusterConnection) -> None:
        """Keep the share until the next beat, which asks for the calls of the new shards."""

    member.subscribe_beats(exchange, give_back)
    member.subscribe_moves(grow, shrink)


def _find_url(http: HttpSection) -> str | None:
    """Return the address at which other machines reach the HTTP interface; None if it has none or a random port."""
    if not http.enabled or not http.port:
        return None
    return format_url(socket.gethostname() if http.host in _ALL_ADDRESSES else http.host, http.port)
