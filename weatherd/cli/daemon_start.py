"""The process of the daemon: its start, its log, and its exit code. Typer and pydantic are imported only if needed."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import importlib
import os
import resource
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import structlog

from weatherd import __version__, log, plugins
from weatherd.cli.exit_codes import ExitCode
from weatherd.config.configuration import DEFAULT_SHUTDOWN_GRACE, SHIPPED_SETTINGS
from weatherd.config.plain_settings import collect_secrets
from weatherd.daemon import signals
from weatherd.daemon.loading.process import begin_loading, load_again
from weatherd.errors import ConfigError, LoadingError, StateError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from contextlib import AbstractAsyncContextManager
    from typing import NoReturn

    from weatherd.config.http_section import HttpSection
    from weatherd.daemon.loading.loaded import Loaded
    from weatherd.daemon.log_writer import LineWriter
    from weatherd.daemon.status import DaemonStatus


def start_daemon(config: Path | None, *, demo: bool) -> NoReturn:
    """Run the daemon with the settings file *config*, and exit with its code; *demo* uses simulated weather."""
    _raise_descriptor_limit()
    wait_for_loading = (lambda: None) if demo else begin_loading(config)  # before the log starts a thread
    from weatherd.daemon.log_writer import LineWriter

    lines = LineWriter(sys.stderr)
    log.configure(write=lines.write)
    try:
        code = _new_event_loop().run_until_complete(_run(config, wait_for_loading, lines, demo=demo))
    except ConfigError as error:
        structlog.get_logger().error("config.rejected", problems=[str(problem) for problem in error.problems])
        code = ExitCode.CONFIG
    except LoadingError as error:
        structlog.get_logger().error("config.not_loaded", reason=str(error))
        code = ExitCode.NO_PROCESS
    except StateError as error:
        structlog.get_logger().error("state.refused", reason=str(error))
        code = ExitCode.NO_STATE
    except Exception as error:  # noqa: BLE001 - a bug is logged and has its own exit code
        structlog.get_logger().critical("daemon.crashed", exc_info=error, version=__version__)
        code = ExitCode.BUG
    _exit(code, lines)


async def _run(
    config: Path | None, wait_for_loading: Callable[[], Loaded | None], lines: LineWriter, *, demo: bool
) -> ExitCode:
    from weatherd.daemon import lifecycle
    from weatherd.daemon.gc_tuning import freeze_startup
    from weatherd.daemon.grace_period import ShutdownWatchdog
    from weatherd.daemon.parts import open_parts

    stop, reload = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    watchdog = ShutdownWatchdog(DEFAULT_SHUTDOWN_GRACE, functools.partial(_abandon, lines))

    def begin_to_stop() -> None:
        watchdog.arm()
        loop.call_soon_threadsafe(stop.set)

    with signals.handle_signals(loop, begin_to_stop, reload.set):
        async with contextlib.AsyncExitStack() as stack:
            flags: dict[str, Any] = {}
            if (loaded := wait_for_loading()) is None:
                loaded, flags = await _load(stack, config, demo=demo)
            first, snapshot = loaded
            settings, file, is_shipped = first.settings, first.file, first.file == SHIPPED_SETTINGS
            watchdog.grace = settings.shutdown_grace
            log.configure(settings.log.level, settings.log.format, collect_secrets(settings), write=lines.write)
            if is_shipped and not demo:
                structlog.get_logger().warning(
                    "config.shipped", config=str(file), action="pass your own file with --config"
                )
            if demo and is_shipped:
                from weatherd.cli.demo.services import write_history

                write_history(flags["state"], first.cities)
            serve = _add_progress(_make_server(settings.http, file, flags if demo else None), stop)
            load = functools.partial(load_again, file, is_clustered=settings.cluster is not None, **flags)
            parts = await stack.enter_async_context(open_parts(first, load, snapshot, serve))
            del first, loaded  # because they have the positions of all rows
            freeze_startup()
            clean = await lifecycle.run_daemon(parts, stop=stop, reload=reload)
    return ExitCode.OK if clean else ExitCode.UNCLEAN


async def _load(stack: contextlib.AsyncExitStack, config: Path | None, *, demo: bool) -> tuple[Loaded, dict[str, Any]]:
    """Load the configuration in this process. Return it with the settings of the demo."""
    from weatherd.config.loader import find_settings_file
    from weatherd.daemon.loading.loaded import load_with_snapshot

    file = SHIPPED_SETTINGS if demo and not config else find_settings_file(config, os.environ)
    flags = await _open_demo(stack, file) if demo else {}
    return load_with_snapshot(file, os.environ, list(plugins.find_plugins("providers")), **flags), flags


async def _open_demo(stack: contextlib.AsyncExitStack, file: Path) -> dict[str, Any]:
    """Start the simulated services and return settings that use them.

    The port is the user's, in *file* or a variable, or else the default one if that is free.
    """
    from weatherd.cli.demo.services import choose_port, simulated_services
    from weatherd.config import loader
    from weatherd.config.yaml import reader

    flags = await stack.enter_async_context(simulated_services())
    text = "" if file == SHIPPED_SETTINGS else reader.read_text(file)
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
