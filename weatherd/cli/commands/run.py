"""``weatherd run``: the daemon."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib
import os
import random
import sys
import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from weatherd import __version__, log, plugins
from weatherd.cli.exit_codes import BUG, CONFIG, NO_STATE, OK, UNCLEAN
from weatherd.config import loader
from weatherd.config.settings import Settings, collect_secrets
from weatherd.daemon import lifecycle, signals, systemd
from weatherd.daemon.file_watch import watch_files
from weatherd.daemon.log_writer import LineWriter
from weatherd.daemon.wiring import open_forwarders, open_providers, open_sinks, utc_now
from weatherd.errors import ConfigError, StateError
from weatherd.journal import provider_state, state_folder
from weatherd.journal.journal import open_journal
from weatherd.pipeline.latest import LatestObservations

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from contextlib import AbstractAsyncContextManager
    from typing import NoReturn

    from weatherd.config.sections import HttpSection
    from weatherd.daemon.status import DaemonStatus

_DEMO_DAY = 600.0  # a day's weather passes in ten minutes
_DEMO_INTERVAL = 5.0


def run(config: Path | None, *, demo: bool) -> NoReturn:
    """Run the daemon and leave the process with its exit code."""
    lines = LineWriter(sys.stderr)
    log.configure(write=lines.write)
    try:
        code = _new_loop().run_until_complete(_run(config, lines, demo=demo))
    except ConfigError as error:
        structlog.get_logger().error("config.rejected", problems=[str(problem) for problem in error.problems])
        code = CONFIG
    except StateError as error:
        structlog.get_logger().error("state.refused", reason=str(error))
        code = NO_STATE
    except Exception as error:  # noqa: BLE001 - the last line of defence
        structlog.get_logger().critical("daemon.crashed", exc_info=error, version=__version__)
        code = BUG
    _leave(code, lines)


async def _run(config: Path | None, lines: LineWriter, *, demo: bool) -> int:
    stop, reload = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    grace = Settings().shutdown_grace  # until the user's own is known

    def begin_to_stop() -> None:
        abandoning = threading.Timer(grace + 0.5, _abandon, [lines])  # should a plug-in block the loop, or not let go
        abandoning.daemon = True
        abandoning.start()
        loop.call_soon_threadsafe(stop.set)

    with signals.handle_signals(loop, begin_to_stop, reload.set):
        async with contextlib.AsyncExitStack() as stack:
            file = loader.SHIPPED_SETTINGS if demo and not config else loader.find_settings_file(config, os.environ)
            flags = await stack.enter_async_context(_demo()) if demo else {}
            if demo and not _port_is_set(config):
                flags["http"] = {"port": 0}
            load = functools.partial(
                loader.load_configuration, file, os.environ, list(plugins.find_plugins("providers")), **flags
            )
            first = load()
            grace = first.settings.shutdown_grace
            log.configure(
                first.settings.log.level, first.settings.log.format, collect_secrets(first.settings), write=lines.write
            )
            if file == loader.SHIPPED_SETTINGS and not demo:
                structlog.get_logger().warning("config.shipped", config=str(file), action="name your own with --config")
            path = state_folder.find_state_folder(first.settings.state, file, os.environ)
            stack.enter_context(state_folder.lock_state_folder(path))
            journal = await stack.enter_async_context(open_journal(path))
            kept = await stack.enter_async_context(provider_state.open_provider_state(journal, utc_now))
            providers = await stack.enter_async_context(open_providers(first.settings, utc_now, kept))
            first = providers.require_usable(first)
            sinks = await stack.enter_async_context(open_sinks(first.settings))
            board = LatestObservations(first.cities, kept.latest)
            forwarders = await stack.enter_async_context(open_forwarders(first.settings, kept, lambda: board.cities))
            clean = await lifecycle.run_daemon(
                first,
                lambda cities: providers.require_usable(load(reuse=cities)),
                providers.usable,
                sinks,
                journal,
                forwarders=forwarders,
                board=board,
                planner=providers.planner,
                gates=providers.limiters,
                serve=_serving(first.settings.http),
                notify=systemd.open_notifier(os.environ),
                watchdog=systemd.watchdog_period(os.environ),
                watch=watch_files,
                stop=stop,
                reload=reload,
                now=utc_now,
                random=random.Random(),  # noqa: S311 - it spreads retries
            )
    return OK if clean else UNCLEAN


def _port_is_set(config: Path | None) -> bool:
    """Tell whether a demo is to take a port of the user's; the shipped file's is nobody's wish."""
    if "WEATHERD_HTTP__PORT" in os.environ:
        return True
    return config is not None and "port" in loader.load_settings(config, os.environ).http.model_fields_set


def _serving(http: HttpSection) -> Callable[[DaemonStatus], AbstractAsyncContextManager[None]] | None:
    if not http.enabled:
        return None
    from weatherd.web.server import serve_http  # noqa: PLC0415 - it takes a while, and may be switched off

    return lambda view: serve_http(view, http)


@contextlib.asynccontextmanager
async def _demo() -> AsyncIterator[dict[str, Any]]:
    """Serve simulated weather on loopback and return the settings that point at it."""
    from weatherd.simulator.server import create_app, serve_app  # noqa: PLC0415 - only a demo needs it

    with tempfile.TemporaryDirectory(prefix="weatherd-demo-") as folder:
        async with serve_app("127.0.0.1", 0, create_app(now=utc_now, day=_DEMO_DAY)) as url:
            structlog.get_logger().info("simulator.ready", url=url, weather="simulated, not real")
            simulated = {"base_url": url, "plan": "unlimited"}
            flags: dict[str, Any] = {
                "interval": _DEMO_INTERVAL,
                "console": {"enabled": True},
                "state": Path(folder),
                "open_meteo": simulated,
                "openweathermap": simulated | {"api_key": "simulated-key"},
                "met_norway": simulated | {"contact": "demo@localhost"},
                "nws": simulated,
                "bright_sky": simulated,
            }
            if sys.stderr.isatty() and sys.stdout.isatty():
                flags["log"] = {"observations": False}  # they are on the screen already
            yield flags


def _new_loop() -> asyncio.AbstractEventLoop:
    with contextlib.suppress(ImportError):
        loop: asyncio.AbstractEventLoop = importlib.import_module("uvloop").new_event_loop()
        return loop
    return asyncio.new_event_loop()


def _abandon(lines: LineWriter) -> None:
    structlog.get_logger().error("daemon.abandoned", reason="something did not end within the grace period")
    _leave(UNCLEAN, lines)


def _leave(code: int, lines: LineWriter) -> NoReturn:
    """End the process now: Python would wait for threads, and a name look-up or a write may be stuck in one."""
    lines.flush(deadline=1.0)
    os._exit(code)
