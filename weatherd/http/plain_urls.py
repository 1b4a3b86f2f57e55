"""URLs in which nothing has to be encoded, such as the built-in addresses of the services.

yarl parses and encodes all others. With its libraries it takes 1 MB, so it is imported when it is first needed.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import TypeAlias

    from yarl import URL

    Address: TypeAlias = "PlainUrl | URL"

_HOST = r"(?![^/:?]*xn--)[a-z0-9](?:[a-z0-9.-]*[a-z0-9])?"  # xn-- stands for letters that yarl decodes
_PATH = r"(?:/(?!\.)[\w.,:-]*)*"  # a dot after a slash may be one of the segments that yarl removes
_PAIR = r"[\w.,:-]+=[\w.,:-]*"
_parse_plain = re.compile(
    rf"(https?)://({_HOST})(?::([1-9]\d{{0,4}}))?({_PATH})(?:\?({_PAIR}(?:&{_PAIR})*))?", re.ASCII
).fullmatch
_find_special = re.compile(r"[^\w.,:&=+-]", re.ASCII).search  # a character that may have to be encoded in a query
_find_reserved = re.compile(r"[^\w.,:-]", re.ASCII).search  # or in a name or a value of it
_PORTS = {"http": 80, "https": 443}
_MAX_PORT = 65_535


class PlainUrl(NamedTuple):
    """The parts of a URL, named as those of yarl's."""

    scheme: str
    raw_host: str
    port: int
    raw_path: str
    raw_query_string: str

    @property
    def host_port_subcomponent(self) -> str:
        """The host, and the port unless it is the default of the scheme."""
        return self.raw_host if self.port == _PORTS[self.scheme] else f"{self.raw_host}:{self.port}"


def split_plain_url(url: str) -> PlainUrl | None:
    """Return the parts of a URL, or None if yarl has to parse it."""
    found = _parse_plain(url)
    if not found:
        return None
    scheme, host, port, path, query = found.groups(default="")
    number = int(port or _PORTS[scheme])
    return PlainUrl(scheme, host, number, path or "/", query) if number <= _MAX_PORT else None


def join_plain_query(query: Mapping[str, str] | str) -> str | None:
    """Return the text of a query, or None if yarl has to encode it."""
    if isinstance(query, str):
        return None if _find_special(query) else query
    if any(map(_find_reserved, (*query, *query.values()))):
        return None
    return "&".join(map("=".join, query.items()))


def parse_url(text: str, *, encoded: bool = False) -> URL:
    """Return yarl's URL. Raises ValueError if it is invalid."""
    from yarl import URL  # noqa: PLC0415 - see above

    return URL(text, encoded=encoded)
