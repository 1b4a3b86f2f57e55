"""``weatherd run``: run the daemon."""
# ruff: noqa: D301 - \b before the examples preserves their line breaks

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib
import os
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import urlsplit

import structlog
import typer

from weatherd import __version__, log, plugins
from weatherd.cli.exit_codes import ExitCode
from weatherd.cli.options import ConfigFile
from weatherd.daemon import signals
from weatherd.errors import ConfigError, StateError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from contextlib import AbstractAsyncContextManager
    from typing import NoReturn

    from weatherd.config.http_section import HttpSection
    from weatherd.daemon.log_writer import LineWriter
    from weatherd.daemon.status import DaemonStatus


def run(
    config: ConfigFile = None,
    demo: Annotated[bool, typer.Option("--demo", help="Use simulated weather for three cities, every 5 s.")] = False,  # noqa: FBT002
) -> None:
    """Run the daemon until Ctrl-C or SIGTERM.

    The daemon reloads the configuration on SIGHUP and when one of its files is edited.

    \b
    Examples:
      weatherd run --demo
      weatherd run --config /etc/weatherd/weatherd.yaml 2>>weatherd.log
    """
    from weatherd.daemon.log_writer import LineWriter

    _raise_descriptor_limit()
    lines = LineWriter(sys.stderr)
    log.configure(write=lines.write)
    try:
        code = _new_event_loop().run_until_complete(_run(config, lines, demo=demo))
    except ConfigError as error:
        structlog.get_logger().error("config.rejected", problems=[str(problem) for problem in error.problems])
        code = ExitCode.CONFIG
    except StateError as error:
        structlog.get_logger().error("state.refused", reason=str(error))
        code = ExitCode.NO_STATE
    except Exception as error:  # noqa: BLE001 - a bug is logged and has its own exit code
        structlog.get_logger().critical("daemon.crashed", exc_info=error, version=__version__)
        code = ExitCode.BUG
    _exit(code, lines)


async def _run(config: Path | None, lines: LineWriter, *, demo: bool) -> ExitCode:
    from weatherd.config import loader
    from weatherd.config.settings import Settings, collect_secrets
    from weatherd.daemon import lifecycle
    from weatherd.daemon.file_watch import load_with_snapshot
    from weatherd.daemon.gc_tuning import freeze_startup
    from weatherd.daemon.grace_period import ShutdownWatchdog
    from weatherd.daemon.parts import open_parts

    stop, reload = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    watchdog = ShutdownWatchdog(Settings().shutdown_grace, functools.partial(_abandon, lines))

    def begin_to_stop() -> None:
        watchdog.arm()
        loop.call_soon_threadsafe(stop.set)

    with signals.handle_signals(loop, begin_to_stop, reload.set):
        async with contextlib.AsyncExitStack() as stack:
            file = loader.SHIPPED_SETTINGS if demo and not config else loader.find_settings_file(config, os.environ)
            flags = await _open_demo(stack, file) if demo else {}
            source = file, os.environ, list(plugins.find_plugins("providers"))
            first, snapshot = load_with_snapshot(*source, **flags)
            load = functools.partial(loader.load_configuration, *source, **flags)
            settings = first.settings
            watchdog.grace = settings.shutdown_grace
            log.configure(settings.log.level, settings.log.format, collect_secrets(settings), write=lines.write)
            if file == loader.SHIPPED_SETTINGS and not demo:
                structlog.get_logger().warning(
                    "config.shipped", config=str(file), action="pass your own file with --config"
                )
            if demo and file == loader.SHIPPED_SETTINGS:
                from weatherd.cli.demo.services import write_history

                write_history(flags["state"], first.cities)
            serve = _add_progress(_make_server(settings.http, file, flags if demo else None), stop)
            parts = await stack.enter_async_context(open_parts(first, lambda known: load(reuse=known), snapshot, serve))
            del first  # because it has the positions of all rows
            freeze_startup()
            clean = await lifecycle.run_daemon(parts, stop=stop, reload=reload)
    return ExitCode.OK if clean else ExitCode.UNCLEAN


async def _open_demo(stack: contextlib.AsyncExitStack, file: Path) -> dict[str, Any]:
    """Start the simulated services and return settings that use them.

    The port is the user's, in *file* or a variable, or else the default one if that is free.
    """
    from weatherd.cli.demo.services import choose_port, simulated_services
    from weatherd.config import loader
    from weatherd.config.yaml import reader

    flags = await stack.enter_async_context(simulated_services())
    text = "" if file == loader.SHIPPED_SETTINGS else reader.read_text(file)
    http = loader.parse_settings(text, str(file), os.environ).http
    return flags if "port" in http.model_fields_set else flags | {"http": {"port": await choose_port(http)}}


def _make_server(
    http: HttpSection, file: Path, demo_flags: Mapping[str, Any] | None
) -> Callable[[DaemonStatus], AbstractAsyncContextManager[None]] | None:
    """Return what serves the HTTP interface, unless that is disabled; a demo announces its address."""
    if not http.enabled:
        return None
    from weatherd.web.on_demand import serve_http

    @contextlib.asynccontextmanager
    async def serve(status: DaemonStatus) -> AsyncIterator[None]:
        async with serve_http(status, http) as url:
            if demo_flags is None:
                yield
                return
            from weatherd.cli.demo.running import announce_demo

            with announce_demo(file, demo_flags, url, urlsplit(url).port or http.port):
                yield

    return serve


def _add_progress(
    serve: Callable[[DaemonStatus], AbstractAsyncContextManager[None]] | None, stop: asyncio.Event
) -> Callable[[DaemonStatus], AbstractAsyncContextManager[None]] | None:
    """Return what also shows the progress of the daemon's long work, if there is a terminal for it."""
    from weatherd.cli.progress.daemon_work import is_capable_terminal, show_daemon_progress

    if not is_capable_terminal():
        return serve

    @contextlib.asynccontextmanager
    async def serve_with_progress(status: DaemonStatus) -> AsyncIterator[None]:
        async with contextlib.AsyncExitStack() as stack:
            if serve:
                await stack.enter_async_context(serve(status))
            await stack.enter_async_context(show_daemon_progress(status, stop))
            yield

    return serve_with_progress


def _raise_descriptor_limit() -> None:
    """Raise the soft limit of file descriptors to the hard limit: it is only there for programs that use select()."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):  # macOS has a lower limit beside the hard one
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _new_event_loop() -> asyncio.AbstractEventLoop:
    with contextlib.suppress(ImportError):
        loop: asyncio.AbstractEventLoop = importlib.import_module("uvloop").new_event_loop()
        return loop
    return asyncio.new_event_loop()


def _abandon(lines: LineWriter) -> None:
    structlog.get_logger().error("daemon.abandoned", reason="the daemon did not stop within the grace period")
    _exit(ExitCode.UNCLEAN, lines)


def _exit(code: ExitCode, lines: LineWriter) -> NoReturn:
    """End the process without waiting for threads, because a name lookup or a write may block a thread for minutes."""
    lines.flush(deadline=1.0)
    os._exit(code)
