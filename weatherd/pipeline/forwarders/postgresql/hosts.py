"""The hosts in the address of a database, so that each is tried with a time limit of its own. Pure.

asyncpg has one limit for all hosts: behind a silent first host it never reaches the second.
"""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit


class DatabaseHost(NamedTuple):
    """A host, and the address of the database there."""

    name: str
    dsn: str


def split_hosts(dsn: str) -> list[DatabaseHost]:
    """Return the hosts of an address of the form ``postgresql://user:password@host1:5432,host2/database``.

    They may also stand in the query: ``?host=host1,host2&port=5432,5433``.
    """
    parts = urlsplit(dsn)
    query = dict(parse_qsl(parts.query))
    login, at, netloc = parts.netloc.partition("@") if "@" in parts.netloc else ("", "", parts.netloc)
    names = (netloc or query.get("host", "")).split(",")
    if len(names) == 1:
        return [DatabaseHost(names[0] or "localhost", dsn)]
    ports = query.get("port", "").split(",")
    others = urlencode({key: value for key, value in query.items() if key not in ("host", "port")})
    hosts = []
    for index, name in enumerate(names):
        port = ports[min(index, len(ports) - 1)]
        address = quote(name, safe="") if name.startswith("/") else name
        if port and ":" not in address.rpartition("]")[2]:
            address = f"{address}:{port}"
        hosts.append(DatabaseHost(name, urlunsplit((parts.scheme, f"{login}{at}{address}", parts.path, others, ""))))
    return hosts
