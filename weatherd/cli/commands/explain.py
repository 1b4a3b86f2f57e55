"""``weatherd explain``: why a city was or was not updated, and when it will be."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import typer

from weatherd import duration
from weatherd.city import make_slug
from weatherd.cli.client import ask, cities, city_path, daemon
from weatherd.cli.commands.status import ago, ahead
from weatherd.cli.exit_codes import OK
from weatherd.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from weatherd.cli.client import Daemon


def explain(name: str, config: Path | None, url: str | None) -> int:
    """Print it. Raises UnansweredError when there is no daemon."""
    where = daemon(config, url)
    (city,) = ask(where, city_path(find(where, name)))
    for line in _lines(city, datetime.now(UTC)):
        typer.echo(line)
    return OK


def find(where: Daemon, name: str) -> str:
    """Return the id of a city that is called so, or has that id; typer's error when there is none."""
    known = cities(where)
    for city in known:
        if name.casefold() in (city["name"].casefold(), city["id"]):
            return str(city["id"])
    words = [word for city in known for word in (city["id"], city["name"])]
    raise typer.BadParameter(
        f"no city is called {name!r}{did_you_mean(name, words) or did_you_mean(make_slug(name), words)}"
    )


def _lines(city: dict[str, Any], now: datetime) -> Iterator[str]:
    yield f"{city['name']} ({city['id']}, {city['lat']:g}, {city['lon']:g}) is {city['state']}"
    last = city["observation"]
    if last:
        place = f" at station {last['station']}" if last["station"] else ""
        yield f"  last observation   {last['temperature']:.1f} °C, {last['description']}, by {last['provider']}{place}"
        observed, fetched = ago(last["observed_at"], now), ago(last["fetched_at"], now)
        yield f"                     observed {observed} ago, fetched {fetched} ago"
        yield f"                     stale when it is older than {duration.format_duration(city['budget'])}"
    else:
        yield "  last observation   none yet"
    every, order = duration.format_duration(city["interval"]), ", then ".join(city["providers"])
    yield f"  schedule           every {every}, {city['phase']:g} s into it; asks {order}"
    yield from _attempt(city["attempt"], now)
    then = city["next"]
    yield (
        f"  next attempt       {ahead(then['at'], now)} ({then['at']}): {then['why']}"
        if then
        else "  next attempt       it is being polled now"
    )


def _attempt(attempt: dict[str, Any] | None, now: datetime) -> Iterator[str]:
    if attempt is None:
        yield "  last attempt       none since the start"
        return
    began, took = ago(attempt["began"], now), f"{attempt['seconds'] * 1000:.0f} ms"
    yield f"  last attempt       {began} ago, took {took}: {attempt['decided']}"
    for each in attempt["tries"]:
        reason = f": {each['reason']}" if each["reason"] else ""
        yield f"    {each['provider']:<16} {each['outcome']}, {each['seconds'] * 1000:.0f} ms{reason}"
        for one in each["exchanges"]:
            status = f"status {one['status']}" if one["status"] else "no answer"
            yield f"      {one['host']}: {status}; {', '.join(phases(one['phases'])) or 'no phase was reached'}"
    if attempt["failures"]:
        yield f"                     {attempt['failures']} in a row brought nothing fresh"


def phases(marks: dict[str, float]) -> Iterator[str]:
    """Turn the moments at which phases ended into how long each took, in words."""
    before, tls = 0.0, "tls_begun" in marks
    names = {
        "dns": "DNS",
        "tls_begun": "connect",
        "connected": "TLS" if tls else "connect",
        "first_byte": "first byte",
        "done": "rest",
    }
    if "reused" in marks:
        yield "connection reused"
    for mark, moment in sorted(marks.items(), key=lambda each: each[1]):
        if mark in names:
            yield f"{names[mark]} {(moment - before) * 1000:.1f} ms"
        before = moment
