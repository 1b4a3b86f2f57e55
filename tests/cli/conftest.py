"""The command line in a temporary folder, with a simulated weather service on loopback."""

from __future__ import annotations

import asyncio
import functools
import os
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest

from tests.support.commands import run_weatherd
from tests.support.servers import free_port
from weatherd.simulator.server import create_app, serve_app

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    Weatherd = Callable[..., tuple[int, str, str]]

ROWS = "cities:\n  - {name: Kiel, lat: 54.3, lon: 10.1} # sea\n  - {name: München, lat: 48.1, lon: 11.6}\n"


@pytest.fixture(autouse=True)
def _pipe(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset the width of the terminal, which pytest-xdist exports, because the output of a test is a pipe."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture(scope="module")
def service() -> Iterator[str]:
    """Serve simulated weather on loopback in a thread; yield its address."""
    loop, ready, url = asyncio.new_event_loop(), threading.Event(), [""]
    stop = asyncio.Event()

    async def serving() -> None:
        async with serve_app("127.0.0.1", 0, create_app(now=lambda: datetime.now(UTC))) as url[0]:
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=lambda: loop.run_until_complete(serving()))
    thread.start()
    ready.wait()
    yield url[0]
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.close()


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, service: str) -> Path:
    """Change to an empty folder with settings and a list under ``config``, and unset weatherd's variables."""
    for name in [name for name in os.environ if name.startswith(("WEATHERD_", "OPEN_WEATHER", "XDG_CONFIG"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("WEATHERD_HTTP__PORT", str(free_port()))  # because a demo may run at the usual one
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "weatherd.yaml").write_text(f"open_meteo: {{base_url: '{service}'}}\n")
    (tmp_path / "config" / "cities.yaml").write_text(ROWS)
    return tmp_path / "config"


@pytest.fixture
def weatherd(folder: Path, capsys: pytest.CaptureFixture[str]) -> Weatherd:
    """Return the command line as a function: arguments in; exit code, standard output and standard error out."""
    assert folder.is_dir()
    return functools.partial(run_weatherd, capsys)
