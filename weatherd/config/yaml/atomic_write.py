"""Atomic replacement of a text file."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import tempfile
from pathlib import Path

from weatherd.errors import ConfigError, Problem

_NOT_REPLACEABLE = {errno.EBUSY, errno.EXDEV, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENAMETOOLONG}


def write_atomically(path: Path, text: str) -> None:
    """Replace a file atomically: a reader sees either the old or the new text. Mode and owner are preserved.

    A file that cannot be replaced, such as one that is bind-mounted into a container, is overwritten in place.
    Raises ConfigError if the file cannot be written.
    """
    path = path.resolve()
    try:
        try:
            _replace(path, text.encode())
        except OSError as error:
            if error.errno not in _NOT_REPLACEABLE:
                raise
            path.write_bytes(text.encode())
    except OSError as error:
        raise ConfigError(Problem(str(path), f"cannot be written: {error.strerror}")) from None


def _replace(path: Path, data: bytes) -> None:
    with tempfile.NamedTemporaryFile("wb", dir=path.parent, prefix=f".{path.name}.", delete=False) as new:
        try:
            new.write(data)
            new.flush()
            os.fsync(new.fileno())
            with contextlib.suppress(FileNotFoundError):
                shutil.copymode(path, new.name)
                with contextlib.suppress(PermissionError):  # because only root may change the owner
                    os.chown(new.fileno(), path.stat().st_uid, path.stat().st_gid)
            Path(new.name).replace(path)
        except BaseException:
            Path(new.name).unlink()
            raise
