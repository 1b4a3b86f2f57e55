"""Targets of redirects: where a server may send a client, and where it may not.

A weather service, or a server that responds in its place, must not make weatherd send requests to servers that only
this machine or its network can reach, and must not make it send a key over plain HTTP, where others could read it.
"""

from __future__ import annotations

import contextlib
from enum import IntEnum
from typing import TYPE_CHECKING

from weatherd.errors import Failure, ProviderError
from weatherd.http.plain_urls import parse_url
from weatherd.text.addresses import parse_ip_address

if TYPE_CHECKING:
    from yarl import URL

REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})
_SCHEMES = ("http", "https")


class Reach(IntEnum):
    """The hosts that can reach an address, in descending order of their number."""

    PUBLIC = 0
    PRIVATE = 1  # the local network: 10.0.0.0/8, 192.168.0.0/16, fc00::/7, 100.64.0.0/10, ...
    HOST = 2  # this machine or its link: 127.0.0.0/8, ::1, 0.0.0.0, 169.254.0.0/16, fe80::/10


_DESCRIPTIONS = {Reach.PRIVATE: "a private", Reach.HOST: "a loopback or link-local"}


def find_reach(host: str) -> Reach:
    """Return the reach of an IP address. A name counts as public: its address is checked when it is connected."""
    ip = parse_ip_address(host.strip("[]"))
    if ip is None:
        return Reach.PUBLIC
    ip = getattr(ip, "ipv4_mapped", None) or ip  # ::ffff:127.0.0.1
    if ip.is_loopback or ip.is_link_local or ip.is_unspecified:
        return Reach.HOST
    return Reach.PUBLIC if ip.is_global else Reach.PRIVATE


def check_reach(host: str, limit: Reach) -> None:
    """Raise ProviderError if fewer hosts can reach an address than the server that redirects to it, *limit*."""
    if (reach := find_reach(host)) > limit:
        raise ProviderError(f"the service redirects to {_DESCRIPTIONS[reach]} address", Failure.UNAVAILABLE)


def resolve_location(address: URL, location: str) -> URL:
    """Return the target of a ``Location`` header. User name and password are kept for the same server only.

    Raises ProviderError if it is not a URL for HTTP, or if it leads from HTTPS to HTTP.
    """
    with contextlib.suppress(ValueError):
        target = parse_url(location)
        target = target if target.scheme else address.join(target)
        if target.scheme in _SCHEMES:
            if target.scheme != "https" and address.scheme == "https":
                raise ProviderError("the service redirects from https to http", Failure.UNAVAILABLE)
            is_same = target.origin() == address.origin() and not target.user
            return target.with_user(address.user).with_password(address.password) if is_same else target
    raise ProviderError("the service redirects to an invalid URL", Failure.UNAVAILABLE)
