"""Addresses of servers: IP addresses, which may also be host names, and URLs."""

from __future__ import annotations

import ipaddress


def parse_ip_address(text: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """Return an IP address without brackets and port, or None for anything else, such as a host name."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def is_loopback(host: str) -> bool:
    """Return whether only this machine can reach *host*: localhost, 127.0.0.0/8 or ::1."""
    ip = parse_ip_address(host)
    return ip.is_loopback if ip else host == "localhost"


def format_url(host: str, port: int) -> str:
    """Return the URL of an HTTP server; an IPv6 address gets brackets, as in ``http://[::1]:8080``."""
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
