"""Real servers on loopback, each in a process that a test can kill and suspend."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import select
import shutil
import signal
import socket
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import aiohttp
import asyncpg
import pytest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Sequence

_PATIENCE = 30.0  # seconds for a start


def program(name: str, package: str, *folders: str) -> str:
    """Return the path of a program; skip the test if it is missing, or fail it where it is required."""
    path = os.pathsep.join([os.environ["PATH"], "/usr/sbin", *folders])
    found = shutil.which(name, path=path)
    if found:
        return found
    reason = f"needs {name}: run scripts/servers, or apt install {package}"
    if os.environ.get("CI") == "true":
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    """Return an unused port."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Server:
    """A server with its data in a folder; it keeps its port over restarts."""

    def __init__(self, folder: Path) -> None:
        self.port = free_port()
        self.folder = folder
        self._process: subprocess.Popen[bytes] | None = None

    async def starts(self) -> None:
        """Start the server, and wait until it accepts connections."""
        with (self.folder / "output").open("ab") as output:
            self._process = subprocess.Popen(  # noqa: ASYNC220, S603 - it returns at once; the command is ours
                self.command(), stdout=output, stderr=output, start_new_session=True
            )
        async with asyncio.timeout(_PATIENCE):
            while not await self.serves():
                assert self._process.poll() is None, (self.folder / "output").read_text()
                await asyncio.sleep(0.02)

    def dies(self) -> None:
        """Kill the server and its child processes."""
        if self._process:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
            self._process = None

    def freezes(self) -> None:
        """Suspend the server: the kernel accepts connections for it, but nobody responds."""
        self._signal(signal.SIGSTOP)

    def thaws(self) -> None:
        """Resume the server."""
        self._signal(signal.SIGCONT)

    def _signal(self, number: signal.Signals) -> None:
        assert self._process
        os.killpg(self._process.pid, number)

    def command(self) -> Sequence[str]:
        """Return the command that starts it."""
        raise NotImplementedError

    async def serves(self) -> bool:
        """Return whether it accepts connections."""
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self.port)
        except OSError:
            return False
        writer.close()
        return True


class Mosquitto(Server):
    """An MQTT broker that persists retained messages; *options* are lines of its configuration."""

    def __init__(self, folder: Path, *options: str) -> None:
        super().__init__(folder)
        self.options = options

    def command(self) -> Sequence[str]:
        """Return the command that starts it."""
        config = self.folder / "mosquitto.conf"
        data = f"persistence true\npersistence_location {self.folder}/\nautosave_interval 1\nmax_queued_messages 0\n"
        user = "user root\n" if os.getuid() == 0 else ""
        options = "".join(f"{option}\n" for option in self.options)
        config.write_text(f"listener {self.port} 127.0.0.1\nallow_anonymous true\n{user}{data}{options}")
        return [program("mosquitto", "mosquitto"), "-c", str(config)]


class _Http(Server):
    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self.port}"

    async def ask(self, path: str, **params: str) -> str:
        """Return its response."""
        async with aiohttp.ClientSession() as session, session.post(self.url + path, params=params) as response:
            return await response.text()

    async def serves(self) -> bool:
        """Return whether it responds."""
        with contextlib.suppress(aiohttp.ClientError, OSError):
            await self.ask("/ping")
            return True
        return False


class Influxd(_Http):
    """InfluxDB 1, with a database ``weather``."""

    async def starts(self) -> None:
        """Start the server, and create the database if it is missing."""
        await super().starts()
        await self.ask("/query", q="CREATE DATABASE weather")

    def command(self) -> Sequence[str]:
        """Return the command that starts it."""
        config = self.folder / "influxdb.conf"
        folders = [f'[{name}]\n  dir = "{self.folder}/{name}"\n' for name in ("meta", "data")]
        wal = f'wal-dir = "{self.folder}/wal"'
        config.write_text(
            f'reporting-disabled = true\nbind-address = "127.0.0.1:{free_port()}"\n{folders[0]}{folders[1]}'
            f'  {wal}\n[http]\n  bind-address = "127.0.0.1:{self.port}"\n  log-enabled = false\n'
            "[monitor]\n  store-enabled = false\n"
        )
        return [program("influxd", "influxdb"), "-config", str(config)]

    async def rows(self, query: str) -> list[dict[str, Any]]:
        """Return the points of a query."""
        async with (
            aiohttp.ClientSession() as session,
            session.get(f"{self.url}/query", params={"db": "weather", "q": query, "epoch": "u"}) as response,
        ):
            document = await response.json()
        series = document["results"][0].get("series", [])
        return [dict(zip(table["columns"], values, strict=True)) for table in series for values in table["values"]]


class Victoria(_Http):
    """VictoriaMetrics, which accepts the line protocol too."""

    def command(self) -> Sequence[str]:
        """Return the command that starts it."""
        options = [f"-storageDataPath={self.folder}/data", f"-httpListenAddr=127.0.0.1:{self.port}"]
        return [program("victoria-metrics", "victoria-metrics"), *options, "-retentionPeriod=100y"]

    async def values(self, metric: str) -> int:
        """Return the number of values of a metric."""
        await self.ask("/internal/force_flush")
        text = await self.ask("/api/v1/export", **{"match[]": metric})
        return text.count("timestamps") and sum(line.count(",") for line in [_timestamps(text)]) + 1

    async def read_values(self, metric: str) -> list[float]:
        """Return the values of a metric with one series, in order of time."""
        await self.ask("/internal/force_flush")
        text = await self.ask("/api/v1/export", **{"match[]": metric})
        return [float(value) for line in text.splitlines() for value in json.loads(line)["values"]]


def _timestamps(text: str) -> str:
    return text.split('"timestamps":[')[1].split("]", maxsplit=1)[0]


class Postgres(Server):
    """PostgreSQL, with a database ``postgres`` without authentication. It does not run as root."""

    def __init__(self) -> None:
        super().__init__(Path(tempfile.mkdtemp(prefix="weatherd-postgres-")))
        self.setpriv: list[str] = []  # the beginning of a command that runs as another user
        if os.getuid() == 0:
            self.setpriv = [program("setpriv", "util-linux"), "--reuid=postgres", "--regid=postgres", "--init-groups"]
            shutil.chown(self.folder, "postgres", "postgres")

    @property
    def dsn(self) -> str:
        """Its address."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def command(self) -> Sequence[str]:
        """Return the command that starts it; create its files first."""
        data = self.folder / "data"
        places = [str(path) for path in sorted(Path("/usr/lib/postgresql").glob("*/bin"))]
        if not data.exists():
            initdb = [program("initdb", "postgresql", *places), "-D", str(data), "-A", "trust", "-U", "postgres", "-N"]
            subprocess.run([*self.setpriv, *initdb], check=True, capture_output=True, cwd="/")  # noqa: S603 - ours
        options = ["-c", "listen_addresses=127.0.0.1", "-c", "fsync=off", "-c", f"port={self.port}"]
        options += ["-c", f"unix_socket_directories={self.folder}", "-c", "shared_preload_libraries=pg_stat_statements"]
        return [*self.setpriv, program("postgres", "postgresql", *places), "-D", str(data), *options]

    async def serves(self) -> bool:
        """Return whether it executes queries."""
        with contextlib.suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
            await self.rows("SELECT 1")
            return True
        return False

    async def rows(self, query: str) -> list[Any]:
        """Return the rows of a query."""
        connection = await asyncpg.connect(self.dsn, timeout=10)
        try:
            return list(await connection.fetch(query))
        finally:
            await connection.close()

    async def count_statements(self) -> None:
        """Count the statements from now on."""
        await self.rows("CREATE EXTENSION IF NOT EXISTS pg_stat_statements")
        await self.rows("SELECT pg_stat_statements_reset()")

    async def statements(self) -> dict[str, int]:
        """Return how often each statement was executed by others since :meth:`count_statements`."""
        counted = await self.rows("SELECT query, calls FROM pg_stat_statements WHERE query NOT LIKE '%pg_stat_stat%'")
        return {row["query"]: row["calls"] for row in counted}

    def _signal(self, number: signal.Signals) -> None:
        super()._signal(number)
        for child in self._children():
            with contextlib.suppress(ProcessLookupError):  # one whose client gave up before the server resumed ends
                os.kill(child, number)

    def _children(self) -> list[int]:
        # They serve the connections, and are not in the process group of the server
        if not self._process:
            return []
        path = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        return [int(child) for child in path.read_text().split()]

    def dies(self) -> None:
        """Kill the server and its child processes; wait for their ends, because a new server refuses their memory."""
        children = self._children()
        super().dies()
        for child in children:
            with contextlib.suppress(ProcessLookupError):
                os.kill(child, signal.SIGKILL)
                end = os.pidfd_open(child)
                select.select([end], [], [], _PATIENCE)
                os.close(end)
        with contextlib.suppress(FileNotFoundError):  # it would be taken for a running one's
            (self.folder / "data" / "postmaster.pid").unlink()


class PgBouncer(Server):
    """A pooler in transaction mode, whose clients share *sessions* of a PostgreSQL server."""

    def __init__(self, postgres: Postgres, sessions: int = 1) -> None:
        folder = postgres.folder / "pgbouncer"
        folder.mkdir()
        super().__init__(folder)
        self._postgres = postgres
        self._sessions = sessions
        if postgres.setpriv:
            shutil.chown(folder, "postgres", "postgres")

    @property
    def dsn(self) -> str:
        """Its address."""
        return f"postgresql://postgres@127.0.0.1:{self.port}/postgres"

    def command(self) -> Sequence[str]:
        """Return the command that starts it."""
        config = self.folder / "pgbouncer.ini"
        config.write_text(
            f"[databases]\npostgres = host=127.0.0.1 port={self._postgres.port} user=postgres\n"
            f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {self.port}\nunix_socket_dir =\n"
            f"auth_type = any\npool_mode = transaction\ndefault_pool_size = {self._sessions}\n"
        )
        return [*self._postgres.setpriv, program("pgbouncer", "pgbouncer"), str(config)]


@contextlib.asynccontextmanager
async def running(server: Server) -> AsyncIterator[None]:
    """Run a server."""
    try:
        await server.starts()
        yield
    finally:
        server.dies()
        if isinstance(server, Postgres):
            shutil.rmtree(server.folder)
