"""The state folder: its path, and the lock that one daemon holds on it."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING

from weatherd.config.paths import MACHINE_CONFIG_FOLDER, MACHINE_STATE_FOLDER, expand_home
from weatherd.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def find_state_folder(setting: Path | None, file: Path, environ: Mapping[str, str]) -> Path:
    """Return the state folder: the setting, else systemd's, else the user's by the XDG Base Directory Specification.

    Commands typed by hand are not started by systemd; for settings in /etc/weatherd they use the service's folder.
    """
    if setting is not None:
        return file.parent / setting
    if folders := environ.get("STATE_DIRECTORY"):
        return Path(folders.split(":")[0])
    if file.parent == MACHINE_CONFIG_FOLDER:
        return MACHINE_STATE_FOLDER
    home = Path(environ.get("XDG_STATE_HOME", ""))
    if not home.is_absolute():  # the specification says to ignore a relative path
        home = expand_home("~/.local/state")
    return home / "weatherd"


@contextlib.contextmanager
def lock_state_folder(path: Path) -> Iterator[None]:
    """Lock the folder inside the ``with``. Raises StateError if another daemon holds the lock."""
    with translate_errors(path):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o640)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            process = os.read(descriptor, 20).decode(errors="replace").strip() or "unknown"
            message = f"{path} is in use by another weatherd (process {process}): stop that one, or set 'state' to"
            raise StateError(f"{message} another folder") from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(descriptor)


def is_state_folder_locked(path: Path) -> bool:
    """Return whether a daemon that runs now uses the folder."""
    try:
        descriptor = os.open(path / "lock", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)  # released a moment later by close()
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def check_state_folder(path: Path) -> None:
    """Raise StateError if a daemon could not create the folder, or write into it. Nothing is created."""
    with translate_errors(path):
        existing = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
        if not existing.is_dir():
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR))
        if not os.access(existing, os.W_OK | os.X_OK):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))


@contextlib.contextmanager
def translate_errors(path: Path) -> Iterator[None]:
    """Translate an OSError into a StateError that names the folder."""
    try:
        yield
    except OSError as error:
        reason = f"the state folder {path} cannot be used: {error.strerror}"
        raise StateError(f"{reason}; set 'state' to a writable folder") from None
