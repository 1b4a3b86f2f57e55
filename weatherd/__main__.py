"""Entry point of ``weatherd`` and ``python -m weatherd``."""

from __future__ import annotations

import gc
import importlib
import io
import os
import sys
from pathlib import Path

from weatherd.daemon import signals
from weatherd.daemon.gc_tuning import set_threshold


def main() -> None:
    """Run the command line and exit with its code."""
    if starts_daemon(sys.argv[1:]):
        signals.block_signals()  # until the command installs its signal handlers
        gc.disable()  # until the command calls freeze_startup()
    _replace_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")  # a terminal whose encoding lacks ° shows ?
    set_threshold()
    try:
        _import_structlog_alone()
        if (file := find_plain_start(sys.argv[1:])) is not None:
            from weatherd.cli.daemon_start import start_daemon  # noqa: PLC0415 - it is a third of the program

            start_daemon(Path(file) if file else None, demo=False)
        from weatherd.cli.app import execute  # noqa: PLC0415 - here, so that Ctrl-C during the import prints no traceback
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(execute(sys.argv[1:]))


def starts_daemon(arguments: list[str]) -> bool:
    """Return whether the command is ``run``, also after ``--config FILE``."""
    match arguments:
        case ["run", *_]:
            return True
        case ["-c" | "--config", _, *rest]:
            return starts_daemon(rest)
        case [option, *rest] if option.startswith(("-c", "--config=")):
            return starts_daemon(rest)
    return False


def find_plain_start(arguments: list[str]) -> str | None:
    """Return the settings file of ``weatherd run`` without other options; "" for none.

    Returns None for other command lines: typer parses them, and imports pydantic, which the daemon's memory lacks room
    for.
    """
    match arguments:
        case ["run"]:
            return ""
        case ["run", "-c" | "--config", file] | ["-c" | "--config", file, "run"] if file and file[0] != "-":
            return file
    return None


def _replace_closed_streams() -> None:
    """Discard output to a standard stream that the caller has closed, for example with ``2>&-``."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            null = os.open(os.devnull, os.O_WRONLY)
            if null != number:
                os.dup2(null, number)
            setattr(sys, name, open(number, "w", encoding="utf-8", closefd=False))  # noqa: SIM115 - open until the process ends


def _import_structlog_alone() -> None:
    """Import structlog as if rich and greenlet were not installed, because weatherd's log uses neither.

    Without rich, which prints tracebacks, a start takes a seventh less time and 5 MB less; greenlet takes 1 MB. It is
    done here and not in ``weatherd/__init__.py``, because a program that imports weatherd may need them.
    See https://www.structlog.org/en/stable/exceptions.html
    """
    if "structlog" not in sys.modules:
        unused = [name for name in ("rich", "greenlet") if name not in sys.modules]
        sys.modules.update(dict.fromkeys(unused))  # type: ignore[arg-type]  # None makes an import raise ImportError
        importlib.import_module("structlog")
        for name in unused:
            del sys.modules[name]


if __name__ == "__main__":
    main()
