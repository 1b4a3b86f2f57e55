"""The state folder: where it is, and whose."""

from __future__ import annotations

import contextlib
import fcntl
import os
from pathlib import Path
from typing import TYPE_CHECKING

from weatherd.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


def find_state_folder(setting: Path | None, file: Path, environ: Mapping[str, str]) -> Path:
    """Return the state folder: the one that is set, else systemd's, else that of the user; see XDG's base folders."""
    if setting is not None:
        return file.parent / setting.expanduser()
    if given := environ.get("STATE_DIRECTORY"):
        return Path(given.split(":")[0])
    home = environ.get("XDG_STATE_HOME", "")
    if not Path(home).is_absolute():  # such a one is to be ignored
        home = os.path.expanduser("~/.local/state")  # noqa: PTH111 - pathlib's raises errors
    return Path(home) / "weatherd"


@contextlib.contextmanager
def lock_state_folder(path: Path) -> Iterator[None]:
    """Keep other daemons off the folder inside the ``with``. Raises StateError when one is there."""
    with translate_errors(path):
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            whose = os.read(descriptor, 20).decode(errors="replace").strip() or "unknown"
            message = f"{path} is in use by another weatherd (process {whose}): stop that one, or give this one a"
            raise StateError(f"{message} folder of its own with 'state'") from None
        os.ftruncate(descriptor, 0)
        os.write(descriptor, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(descriptor)


@contextlib.contextmanager
def translate_errors(path: Path) -> Iterator[None]:
    """Turn what the system says of the folder into a StateError."""
    try:
        yield
    except OSError as error:
        reason = f"the state folder {path} cannot be used: {error.strerror}"
        raise StateError(f"{reason}; set 'state' to a folder that may be written") from None
