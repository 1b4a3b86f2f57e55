"""The proxies that the environment names: HTTP_PROXY, HTTPS_PROXY and NO_PROXY, read as curl and Go read them.

aiohttp's ``trust_env`` reads them too, and is off: it starts two threads for each request (230 us in place of 1), and
sends the passwords in ``~/.netrc`` to whichever service has the name of an entry there.
"""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

from yarl import URL

from weatherd.errors import Failure, ProviderError

if TYPE_CHECKING:
    from collections.abc import Mapping


def find_proxy(address: URL, environ: Mapping[str, str]) -> URL | None:
    """Return the proxy for an address; None for none.

    This machine is never asked through a proxy. Raises ProviderError when the proxy's own address cannot be used.
    """
    text = _variable(environ, f"{address.scheme}_proxy")
    host = (address.host or "").rstrip(".")
    if not text or _is_loopback(host) or _is_excluded(host, address.port, _variable(environ, "no_proxy")):
        return None
    try:
        proxy = URL(text if "://" in text else f"http://{text}")
    except ValueError:
        proxy = URL()
    if proxy.scheme not in ("http", "https") or not proxy.host:
        name = f"{address.scheme.upper()}_PROXY"
        raise ProviderError(f"{name} is not the address of a proxy, such as http://proxy:3128", Failure.UNAVAILABLE)
    return proxy


def _variable(environ: Mapping[str, str], name: str) -> str:
    """Return the value of a variable; the lower-case name wins, as in curl."""
    return (environ.get(name) or environ.get(name.upper()) or "").strip()


def _is_loopback(host: str) -> bool:
    ip = _ip(host)
    return ip.is_loopback if ip else host == "localhost"


def _is_excluded(host: str, port: int | None, no_proxy: str) -> bool:
    """Tell whether NO_PROXY names a host: by ``*``, its name, a domain, an IP address or a network such as 10.0.0.0/8.

    A port may follow, and then only that port is meant. ``example.org`` and ``.example.org`` are the same, and mean
    the subdomains too.
    """
    return any(_matches(entry.strip().lower(), host.lower(), port) for entry in no_proxy.split(","))


def _matches(entry: str, host: str, port: int | None) -> bool:
    ip = _ip(host)
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


def _ip(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
