"""The real process, killed at random times with all forwarders, alert rules and official warnings: nothing is lost."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import random
import signal
import sqlite3
import sys
import time
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

import aiomqtt
import pytest
from aiohttp import web

from tests.crash.ledger import check_alerts, check_daemon_alerts, check_warnings
from tests.pipeline.forwarders.test_webhook import Receiver, run_receiver
from tests.support.alert_receiver import AlertReceiver, run_alert_receiver
from tests.support.servers import Influxd, Mosquitto, Postgres, running
from tests.support.weatherd_process import ENVIRONMENT
from weatherd.daemon.wiring import utc_now
from weatherd.observation import BACKFILL, LIVE
from weatherd.pipeline.forwarders.postgresql.observations import TABLE
from weatherd.simulator.server import create_app, serve_app

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

pytestmark = [pytest.mark.real_time, pytest.mark.processes, pytest.mark.once]

KILLS = int(os.environ.get("WEATHERD_KILLS", "3"))
CITIES = 80
DAY_SECONDS = 30.0  # of the simulated weather: temperatures cross the thresholds of the rules twice
THRESHOLDS = (-20, -5, 5, 15, 25)  # °C
# Messages are sent at once, because a process that is killed after a second would never send one otherwise; gaps are
# searched for at once, and the built-in rules evaluated often, for the same reason
START = """
from weatherd import __main__
__main__._import_structlog_alone()
from weatherd.pipeline.notifications import delivery
assert delivery._CHECK_PERIOD and delivery._SPACING
delivery._CHECK_PERIOD = delivery._SPACING = 0.05
from weatherd.daemon.monitor import daemon_monitor
assert daemon_monitor._PERIOD
daemon_monitor._PERIOD = 0.2
from weatherd.polling.backfill import background
from weatherd.quota import spare
assert background._DELAY and spare._MIN_REST
background._DELAY, spare._MIN_REST = 0.2, 0.01
__main__.main()
"""
# Those of alerts and warnings have numbers of their own
CURSORS = "SELECT max(delivered) FROM cursor WHERE forwarder IN ('mqtt', 'influxdb', 'webhook', 'postgres')"
IDENTITY = "city, provider, station, observed_at"


@web.middleware
async def ever_new(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Give one service a new observation each second; the other one revises its observation at every poll."""
    response = await handler(request)
    if request.path.endswith("/weather") and isinstance(response, web.Response):
        return web.json_response(json.loads(response.text or "") | {"dt": int(time.time())})
    return response


@dataclass
class World:
    """The servers around the process, and what they have received."""

    folder: Path
    url: str
    receiver: Receiver
    pager: AlertReceiver
    broker: Mosquitto
    influx: Influxd
    postgres: Postgres
    heard: list[dict[str, Any]] = field(default_factory=list)  # by MQTT
    count: int = 0  # of the cities in the list
    stored: int = 0  # the highest end of the journal that a process has reported as committed
    random: random.Random = field(default_factory=lambda: random.Random(4))

    def configure(self) -> None:
        """Write the settings."""
        blocks = {
            "interval": "1s",
            "state": "state",
            "log": {"level": "debug"},
            "open_meteo": {"base_url": self.url, "plan": "unlimited"},
            "openweathermap": {"base_url": self.url, "plan": "unlimited", "api_key": "key"},
            "mqtt": {"host": "127.0.0.1", "port": self.broker.port},
            "influxdb": {"url": self.influx.url, "database": "weather"},
            "webhook": {"url": self.receiver.url},
            "postgres": {"dsn": self.postgres.dsn},
            "alerts": "alerts.yaml",
            "warnings": "auto",
            **{name: {"base_url": self.url, "plan": "unlimited"} for name in ("nws", "bright_sky")},
        }
        text = "".join(f"{name}: {json.dumps(value)}\n" for name, value in blocks.items())
        (self.folder / "weatherd.yaml").write_text(text)
        rules = [f"  below{n}: {{when: temperature < {n}, notify: [ops]}}\n" for n in THRESHOLDS]
        target = f"notify:\n  ops: {{webhook: 'http://{self.pager.address}/'}}\n"
        daemon = "daemon: {notify: [ops], rows-quarantined: {for: 0s}, list-shrunk: {share: 10%}}\n"
        (self.folder / "alerts.yaml").write_text("alerts:\n" + "".join(rules) + daemon + target)
        self.edit(CITIES)

    def edit(self, count: int) -> None:
        """Write a list of *count* cities, half of them on either service, most of them in America.

        Every fourth number of cities has a row with a mistake, too.
        """
        self.count = count
        row = '  - {{name: City {n}, lat: {lat}, lon: {lon}, providers: ["{provider}"]}}\n'
        rows = [
            row.format(
                n=n,
                lat=25 + n * 0.3 if n % 5 else 47.5 + n * 0.09,
                lon=-95.3 if n % 5 else 10.1,
                provider=("open-meteo", "openweathermap")[n % 2],
            )
            for n in range(count)
        ]
        mistake = "  - {name: Nowhere}\n" if count % 4 == 2 else ""
        (self.folder / "new~").write_text("cities:\n" + "".join(rows) + mistake)
        (self.folder / "new~").replace(self.folder / "cities.yaml")

    async def run(self, seconds: float, number: signal.Signals, *, is_ready: bool = True) -> list[dict[str, Any]]:
        """Run the program for *seconds*, by default after it is ready; return the events that it logged."""
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", START, "run", "-c", str(self.folder / "weatherd.yaml")),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
            env=ENVIRONMENT,
            limit=2**20,  # bytes of a line
        )
        assert child.stderr
        ready = asyncio.Event()
        reading = asyncio.create_task(_read(child.stderr, ready))
        if is_ready:
            await ready.wait()
        await asyncio.sleep(seconds)
        with contextlib.suppress(ProcessLookupError):
            child.send_signal(number)
        await child.wait()
        events = await reading
        self.stored = max([self.stored, *(event["end"] for event in events if event["event"] == "journal.stored")])
        return events

    def journal(self) -> dict[tuple[Any, ...], int]:
        """Return the number of each identity in the journal, after an integrity check."""
        with closing(sqlite3.connect(self.folder / "state" / "weatherd.sqlite")) as db:
            assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            if not db.execute("PRAGMA user_version").fetchone()[0]:  # it was killed before it had begun
                return {}
            rows = db.execute(f"SELECT {IDENTITY}, seq FROM observation").fetchall()  # noqa: S608
            cursors = db.execute(CURSORS).fetchone()[0] or 0
        found = {row[:-1]: row[-1] for row in rows}
        assert len(found) == len(rows)
        assert max(found.values(), default=0) >= max(self.stored, cursors)
        return found


async def _read(stream: asyncio.StreamReader, ready: asyncio.Event) -> list[dict[str, Any]]:
    """Return the events of a log; set *ready* at the first one that says so, or at the end."""
    events = []
    async for line in stream:
        with contextlib.suppress(ValueError):  # the last one may have been cut by the kill
            events.append(json.loads(line))
            if events[-1]["event"] == "daemon.ready":
                ready.set()
    ready.set()
    return events


@contextlib.asynccontextmanager
async def world(folder: Path) -> AsyncIterator[World]:
    """Start all servers around the process."""
    for name in ("broker", "influx"):
        (folder / name).mkdir()
    broker, influx, postgres = Mosquitto(folder / "broker"), Influxd(folder / "influx"), Postgres()
    app = create_app(now=utc_now, day_seconds=DAY_SECONDS, faults=[], seed=1)
    app.middlewares.append(ever_new)
    async with (
        running(broker),
        running(influx),
        running(postgres),
        run_receiver() as receiver,
        run_alert_receiver() as pager,
        serve_app("127.0.0.1", 0, app) as url,
        aiomqtt.Client("127.0.0.1", broker.port, identifier="witness") as client,
    ):
        made = World(folder, url, receiver, pager, broker, influx, postgres)
        pager.delay = 0.2  # so that many a kill comes after a message and before its response
        made.configure()
        await client.subscribe("weatherd/+/state", qos=1)
        listening = asyncio.create_task(_listen(client, made.heard))
        try:
            yield made
        finally:
            listening.cancel()
            await asyncio.wait([listening])


async def _listen(client: aiomqtt.Client, heard: list[dict[str, Any]]) -> None:
    async for message in client.messages:
        if message.payload:
            heard += [json.loads(message.payload)]


@pytest.mark.timeout(3600)
async def test_stored_observations_survive_kills_and_reach_every_destination(tmp_path: Path) -> None:
    """After each ``kill -9`` the file holds everything that was committed, once; in the end every destination has it.

    The webhook's receiver, which skips a batch only by its key, has nothing twice. So has that of the alerts.
    """
    async with world(tmp_path) as around:
        before: dict[tuple[Any, ...], int] = {}
        for life in range(KILLS):
            if life % 10 == 9:
                around.edit(around.random.randrange(CITIES // 2, CITIES))
            is_ready = life % 2 == 0  # the other half is perhaps killed before
            seconds = around.random.uniform(0.1, 1.6 if is_ready else 0.8)
            await around.run(seconds, signal.SIGKILL, is_ready=is_ready)
            if (tmp_path / "state" / "weatherd.sqlite").exists():
                after = around.journal() if life % 5 == 4 or life < 5 else before
                assert before.keys() <= after.keys()
                assert all(after[identity] >= seq for identity, seq in before.items())
                before = after
        stopped = await _until_level(around)
        assert stopped["clean"]
        assert stopped["fetched"] == stopped["stored"] + stopped["repeated"]
        await _compare(around, before)
        _check_order(around)
        with closing(sqlite3.connect(tmp_path / "state" / "weatherd.sqlite")) as db:
            alerts = check_alerts(db, around.pager.requests, {f"below{n}": n for n in THRESHOLDS}, CITIES // 2)
            firing = {
                "daemon.rows-quarantined": around.count % 4 == 2,
                "daemon.list-shrunk": around.count <= CITIES * 0.9,
            }
            about_daemon = check_daemon_alerts(db, firing)
            warnings = check_warnings(db, around.receiver.warnings, CITIES // 2)
        print(f"{alerts} changes of alerts, {warnings} of warnings")  # noqa: T201 - with --capture=no
        assert KILLS < 20 or (alerts > KILLS and about_daemon and warnings)


async def _until_level(around: World) -> dict[str, Any]:
    """Run until no forwarder is behind, and no gap is left; return the summary of the last run."""
    while True:
        stopped = (await around.run(8.0, signal.SIGTERM))[-1]
        assert stopped["event"] == "daemon.stopped"
        if not any(counters["behind"] for counters in stopped["forwarders"].values()) and not _find_holes(around):
            assert not any(counters["skipped"] for counters in stopped["forwarders"].values())
            return stopped


async def _compare(around: World, before: dict[tuple[Any, ...], int]) -> None:
    journal = around.journal()
    assert before.keys() <= journal.keys()
    with closing(sqlite3.connect(around.folder / "state" / "weatherd.sqlite")) as db:
        rows = db.execute(f"SELECT {IDENTITY}, temperature, origin FROM observation").fetchall()  # noqa: S608
    values = {row[:-2]: row[-2] for row in rows}
    query = f"SELECT city, provider, station, extract(epoch FROM observed_at) * 1000000, temperature FROM {TABLE}"  # noqa: S608
    table = {(*row[:3], int(row[3])): row[4] for row in await around.postgres.rows(query)}
    assert table == values
    points = await around.influx.rows("SELECT city, provider, temperature FROM weather")
    assert {(p["city"], p["provider"], "", p["time"]): p["temperature"] for p in points} == values
    assert set(values.items()) <= {
        (_key(observation), observation["temperature"]) for observation in around.receiver.received
    }
    sent = [(_key(observation), observation["fetched_at"]) for observation in around.receiver.received]
    assert len(set(sent)) == len(sent)
    live = {(row[:-2], row[-2]) for row in rows if row[-1] == LIVE}  # the broker gets no others
    assert live <= {(_key(observation), observation["temperature"]) for observation in around.heard}


def _find_holes(around: World) -> dict[str, int]:
    """Return the quarters of an hour that are missing in the last day, by each city whose service has a past."""
    with closing(sqlite3.connect(around.folder / "state" / "weatherd.sqlite")) as db:
        query = "SELECT city, observed_at / 900000000 FROM observation WHERE provider = 'open-meteo'"
        rows = set(db.execute(query))
    listed = {f"city-{n}" for n in range(0, around.count, 2)}
    latest = max((quarter for _, quarter in rows), default=0)
    missing = ((city, sum((city, latest - n) not in rows for n in range(2, 94))) for city in sorted(listed))
    return {city: count for city, count in missing if count}


def _check_order(around: World) -> None:
    """Check that the past of each city was delivered in the order of time."""
    delivered: dict[str, list[str]] = {}
    for row in around.receiver.received:
        if row["origin"] == BACKFILL:
            delivered.setdefault(row["city"], []).append(row["observed_at"])
    assert len(delivered) >= CITIES // 4
    assert all(moments == sorted(moments) for moments in delivered.values())


def _key(observation: dict[str, Any]) -> tuple[Any, ...]:
    moment = datetime.fromisoformat(observation["observed_at"])
    return observation["city"], observation["provider"], observation["station"], round(moment.timestamp() * 1e6)
