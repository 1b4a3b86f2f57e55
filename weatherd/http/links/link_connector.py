"""Opening of the connections that links use: names, both address families, TLS."""

from __future__ import annotations

import asyncio
import functools
import socket
from typing import TYPE_CHECKING, Any, Protocol

import aiohappyeyeballs

from weatherd.http.connections import Attempt, ClientTls, current_attempt
from weatherd.http.errors import connect_error, lookup_error
from weatherd.text.addresses import parse_ip_address

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from aiohappyeyeballs import AddrInfoType

    from weatherd.http.plain_urls import Address
    from weatherd.http.trace import RequestTrace

_FALLBACK_DELAY = 0.25  # seconds until an address of the other family is tried at the same time, RFC 8305


class Resolver(Protocol):
    """Resolves names, as aiohttp's resolvers do."""

    async def resolve(self, host: str, port: int = 0, family: socket.AddressFamily = ...) -> Sequence[Any]:
        """Return mappings with ``host``, an IP address, and ``port``. Raises OSError."""


class SystemResolver:
    """The system's resolver; records when a name has been resolved."""

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[dict[str, Any]]:
        """Resolve a name with getaddrinfo() in a thread. Link-local addresses have a zone: ``fe80::1%2``."""
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM, family=family, flags=socket.AI_ADDRCONFIG
        )
        current_attempt.get().trace.reached("dns")
        zones = [f"%{address[3]}" if len(address) > 3 and address[3] else "" for *_, address in found]  # noqa: PLR2004
        return [
            {"host": f"{address[0]}{zone}", "port": address[1]}
            for (*_, address), zone in zip(found, zones, strict=True)
        ]


class LinkConnector:
    """Opens connections for all links of a session, with the TLS context of its other connections."""

    def __init__(self, resolver: Resolver, tls: ClientTls) -> None:
        self._loop = asyncio.get_running_loop()
        self._resolver = resolver
        self._tls = tls
        self._lookups: dict[tuple[str, int], asyncio.Task[Sequence[Any]]] = {}

    async def connect(self, address: Address, trace: RequestTrace, factory: Callable[[], asyncio.Protocol]) -> None:
        """Connect a protocol to the server of *address*. Raises ProviderError if none of its addresses responds."""
        host, port = address.raw_host or "", address.port or 0
        current_attempt.set(Attempt(trace, 0.0))  # for the resolver and the TLS context, which record their times
        is_secure = address.scheme == "https"
        addresses = await self._resolve(host, port)
        while True:
            try:
                connected = await aiohappyeyeballs.start_connection(addresses, happy_eyeballs_delay=_FALLBACK_DELAY)
                await self._loop.create_connection(
                    factory,
                    sock=connected,
                    ssl=self._tls if is_secure else None,
                    server_hostname=host.rstrip(".") if is_secure else None,
                )
            except OSError as error:  # if one address accepts connections but not TLS, another one may
                aiohappyeyeballs.pop_addr_infos_interleave(addresses)
                if not addresses:
                    raise connect_error(host, port, error) from None
            else:
                return

    async def _resolve(self, host: str, port: int) -> list[AddrInfoType]:
        """Return the addresses of a host. Concurrent calls share a lookup, which takes one of a few threads."""
        if parse_ip_address(host):
            return aiohappyeyeballs.addr_to_addr_infos((host, port)) or []
        lookup = self._lookups.get((host, port))
        if lookup is None:
            resolve = self._resolver.resolve(host, port, family=socket.AF_UNSPEC)
            lookup = self._lookups[host, port] = self._loop.create_task(resolve)
            lookup.add_done_callback(functools.partial(self._forget_lookup, (host, port)))
        await asyncio.wait([lookup])  # a caller that is cancelled does not cancel the lookup
        try:
            found = lookup.result()
        except OSError:
            raise lookup_error(host) from None
        addresses = [aiohappyeyeballs.addr_to_addr_infos((entry["host"], entry["port"])) for entry in found]
        return [info for infos in addresses for info in infos or ()]

    def _forget_lookup(self, key: tuple[str, int], lookup: asyncio.Task[Sequence[Any]]) -> None:
        """Remove a lookup that has ended, and its error if all callers have been cancelled."""
        del self._lookups[key]
        if not lookup.cancelled():
            lookup.exception()

    async def aclose(self) -> None:
        """Cancel the lookups whose callers have been cancelled."""
        lookups = list(self._lookups.values())
        for lookup in lookups:
            lookup.cancel()
        await asyncio.gather(*lookups, return_exceptions=True)
