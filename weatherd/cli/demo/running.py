"""The running demo, as other commands find it: a file in the user's state folder has the settings that it uses."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import structlog

from weatherd.config import loader
from weatherd.journal.state_folder import find_state_folder, is_state_folder_locked

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_FILE = "demo.json"
_CONFIG = "config"  # key of the settings file of the demo, beside its settings
_OF_THE_DAEMON = {"console", "log"}  # sections that concern its own output only


def find_demo_settings(file: Path) -> dict[str, Any]:
    """Return the settings of the running demo; {} unless *file* is the shipped one and there is a demo.

    They override those in the file, so that commands use the demo's address, journal and simulated services.
    """
    flags = _read_running()
    return flags if _is_shipped(file) and _is_shipped(Path(flags.pop(_CONFIG, file))) else {}


def find_demo_state(file: Path) -> Path | None:
    """Return the state folder of the running demo with the user's own settings in *file*; None if there is none."""
    flags = _read_running()
    is_same = not _is_shipped(file) and flags.get(_CONFIG) == os.path.realpath(file)
    return Path(flags["state"]) if is_same else None


def _read_running() -> dict[str, Any]:
    """Return what the running demo has written; {} without one."""
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
        flags: dict[str, Any] = json.loads(_find_file().read_text("utf-8"))
        if is_state_folder_locked(Path(flags["state"])):
            return flags
    return {}


@contextlib.contextmanager
def announce_demo(file: Path, flags: Mapping[str, Any], url: str, port: int) -> Iterator[None]:
    """Write the settings of this demo where other commands find them, and log its page and a command to try.

    Commands do not use a demo with the user's own settings, nor a second one: they need its address.
    """
    is_shipped = file == loader.SHIPPED_SETTINGS
    is_written = not (find_demo_settings(file) if is_shipped else _read_running()) and _write(file, flags, port)
    is_found = is_written and is_shipped
    program = sys.argv[0] if Path(sys.argv[0]).name == "weatherd" else "weatherd"
    command = f"{program} status{_find_option()}" if is_found else f"{program} status --url {url}"
    structlog.get_logger().info("demo.ready", page=f"{url}/", **{"try": command})
    try:
        yield
    finally:
        if is_written:
            with contextlib.suppress(OSError):
                _find_file().unlink()


def _is_shipped(file: Path) -> bool:
    # In Python 3.11, pathlib's resolve() raises RuntimeError for a loop of links
    return os.path.realpath(file) == os.path.realpath(loader.SHIPPED_SETTINGS)


def _find_file() -> Path:
    return find_state_folder(None, loader.SHIPPED_SETTINGS, os.environ) / _FILE


def _find_option() -> str:
    """Return the option that commands need here: none, unless they would use other settings than the demo's."""
    return "" if _is_shipped(loader.find_settings_file(None, os.environ)) else f" --config {loader.SHIPPED_SETTINGS}"


def _write(file: Path, flags: Mapping[str, Any], port: int) -> bool:
    """Write the file; return False if that is impossible, as with a read-only home folder."""
    values = {key: value for key, value in flags.items() if key not in _OF_THE_DAEMON}
    values |= {_CONFIG: os.path.realpath(file)}
    try:
        _find_file().parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _find_file().write_text(json.dumps(values | {"http": {"port": port}}, default=str), "utf-8")
    except OSError:
        return False
    return True
