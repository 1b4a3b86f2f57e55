"""Proxies from the environment: HTTP_PROXY, HTTPS_PROXY and NO_PROXY, interpreted as by curl and Go.

aiohttp's ``trust_env`` would read them too, but is off: it starts two threads per request (230 us instead of 1), and
sends a password in ``~/.netrc`` to any service whose host name has an entry there.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from weatherd.errors import Failure, ProviderError
from weatherd.http.plain_urls import parse_url
from weatherd.text.addresses import is_loopback, parse_ip_address

if TYPE_CHECKING:
    from collections.abc import Mapping

    from yarl import URL


def find_proxy(address: URL, environ: Mapping[str, str]) -> URL | None:
    """Return the proxy for an address, or None.

    Requests to this machine never go through a proxy. Raises ProviderError if the proxy's own address is invalid.
    """
    text = _variable(environ, f"{address.scheme}_proxy")
    host = (address.host or "").rstrip(".")
    if not text or is_loopback(host) or _is_excluded(host, address.port, _variable(environ, "no_proxy")):
        return None
    try:
        proxy = parse_url(text if "://" in text else f"http://{text}")
    except ValueError:
        proxy = parse_url("")
    if proxy.scheme not in ("http", "https") or not proxy.host:
        name = f"{address.scheme.upper()}_PROXY"
        raise ProviderError(f"{name} is not the address of a proxy, such as http://proxy:3128", Failure.UNAVAILABLE)
    return proxy


def _variable(environ: Mapping[str, str], name: str) -> str:
    """Return the value of a variable; the lower-case name takes precedence, as in curl."""
    return (environ.get(name) or environ.get(name.upper()) or "").strip()


def _is_excluded(host: str, port: int | None, no_proxy: str) -> bool:
    """Return whether an entry of NO_PROXY matches: ``*``, a host, a domain, an IP address or network (10.0.0.0/8).

    An entry with a port matches only that port. ``example.org`` and ``.example.org`` are equivalent and include the
    subdomains.
    """
    return any(_matches(entry.strip().lower(), host.lower(), port) for entry in no_proxy.split(","))


def _matches(entry: str, host: str, port: int | None) -> bool:
    ip = parse_ip_address(host)
    try:
        if ip is not None and ip in ipaddress.ip_network(entry.strip("[]"), strict=False):
            return True
    except ValueError:
        pass
    name, _, number = entry.rpartition(":")
    if name and number.isdecimal():
        return int(number) == port and _matches(name, host, port)
    domain = entry.removeprefix("*").strip(".")
    if not domain or ip:
        return entry == "*"
    return host == domain or host.endswith(f".{domain}")
