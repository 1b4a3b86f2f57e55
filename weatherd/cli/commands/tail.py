"""``weatherd tail``: new observations, as they come."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import typer

from weatherd.cli.client import cities, daemon, unanswered
from weatherd.cli.commands.explain import find
from weatherd.cli.exit_codes import UNAVAILABLE
from weatherd.errors import ProviderError
from weatherd.http.client import stream_lines
from weatherd.http.session import open_session

if TYPE_CHECKING:
    from pathlib import Path

    from weatherd.cli.client import Daemon


def tail(name: str | None, config: Path | None, url: str | None, *, as_json: bool) -> int:
    """Print them until the daemon ends. Raises UnansweredError when there is none."""
    where = daemon(config, url)
    names = {city["id"]: city["name"] for city in cities(where)}
    path = "/api/v1/stream" + (f"?city={find(where, name)}" if name else "")
    asyncio.run(_follow(where, path, names, as_json=as_json))
    typer.echo("weatherd: the daemon has ended the stream", err=True)
    return UNAVAILABLE


async def _follow(where: Daemon, path: str, names: dict[str, str], *, as_json: bool) -> None:
    async with open_session("weatherd") as session:
        try:
            async for line in stream_lines(session, where.url + path, where.headers):
                if line.startswith("data: "):
                    typer.echo(line.removeprefix("data: ") if as_json else _said(json.loads(line[6:]), names))
        except ProviderError as error:
            raise unanswered(where, error) from None


def _said(observation: dict[str, Any], names: dict[str, str]) -> str:
    name = names.get(observation["city"], observation["city"])
    return f"{observation['observed_at']}  {name}: {observation['temperature']:.0f} °C :: {observation['description']}"
