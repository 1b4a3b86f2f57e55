"""How commands ask the running daemon: by its HTTP address, which the settings or ``--url`` name."""

from __future__ import annotations

import asyncio
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

from weatherd import log
from weatherd.config import loader
from weatherd.config.settings import Settings, collect_secrets
from weatherd.errors import ConfigError, ProviderError, WeatherdError
from weatherd.http.client import get
from weatherd.http.response import parse_json
from weatherd.http.session import open_session

if TYPE_CHECKING:
    from pathlib import Path

_DEADLINE = 5.0  # seconds for an answer
_EVERYWHERE = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - addresses to listen on, not to ask


class UnansweredError(WeatherdError):
    """The daemon cannot be asked; the text says what to do."""


@dataclass(frozen=True, slots=True)
class Daemon:
    """Where the daemon is, and what it wants to hear."""

    url: str
    headers: dict[str, str]


def daemon(config: Path | None, url: str | None) -> Daemon:
    """Return where the daemon is. Raises ConfigError, or UnansweredError when the settings switch it off."""
    settings = loader.load_settings(loader.find_settings_file(config, os.environ), os.environ)
    log.configure("error", secrets=collect_secrets(settings))
    return _daemon(settings, url)


def daemon_whatever(config: Path | None, url: str | None) -> Daemon:
    """Return where the daemon is; with the defaults where the settings have been broken since it started."""
    try:
        return daemon(config, url)
    except ConfigError:
        return _daemon(Settings(), url)


def _daemon(settings: Settings, url: str | None) -> Daemon:
    http = settings.http
    if not (url or http.enabled):
        raise UnansweredError("http.enabled is false in the settings, so nobody can ask the daemon")
    if not (url or http.port):
        raise UnansweredError("http.port is 0 in the settings: name the address that the log shows with --url")
    host = _EVERYWHERE.get(http.host, http.host)
    own = f"http://[{host}]:{http.port}" if ":" in host else f"http://{host}:{http.port}"
    headers = {"Authorization": f"Bearer {http.token.get_secret_value()}"} if http.token else {}
    return Daemon((url or own).rstrip("/"), headers)


def ask(where: Daemon, *paths: str) -> list[Any]:
    """Return the JSON of each path. Raises UnansweredError."""
    return asyncio.run(_ask(where, paths))


def cities(where: Daemon, more: str = "") -> list[dict[str, Any]]:
    """Return all cities, page by page."""
    found: list[dict[str, Any]] = []
    after = ""
    while True:
        (page,) = ask(where, f"/api/v1/cities?limit=1000{after}{more}")
        found += page["cities"]
        if page["next"] is None:
            return found
        after = "&" + urlencode({"after": page["next"]})


def city_path(city: str) -> str:
    """Return the path of a city."""
    return f"/api/v1/cities/{quote(city, safe='')}"


def unanswered(where: Daemon, reason: object) -> UnansweredError:
    """Return what is said when nobody answers."""
    advice = "is weatherd running? Start it with weatherd run, or name its address with --url"
    return UnansweredError(f"no answer from {where.url}: {reason}; {advice}")


async def _ask(where: Daemon, paths: tuple[str, ...]) -> list[Any]:
    async with open_session("weatherd") as session:
        return [await _get(session, where, path) for path in paths]


async def _get(session: Any, where: Daemon, path: str) -> Any:
    try:
        answer = await get(session, where.url + path, {}, where.headers, deadline=_DEADLINE)
        said = parse_json(answer.body)
    except ProviderError as error:
        raise unanswered(where, error) from None
    if not isinstance(said, dict) or ("ok" not in said and answer.status >= 400):  # noqa: PLR2004
        raise UnansweredError(f"{where.url}: {said.get('detail') if isinstance(said, dict) else answer.status}")
    return said
