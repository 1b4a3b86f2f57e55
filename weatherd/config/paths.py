"""Validation of paths when the settings are loaded, not at their first use."""

from __future__ import annotations

import errno
import os
import ssl
import stat
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pydantic import ValidationInfo


# The folders of the systemd service and of the container image, which commands typed by hand use, too.
MACHINE_CONFIG_FOLDER = Path("/etc/weatherd")
MACHINE_STATE_FOLDER = Path("/var/lib/weatherd")
SERVICE_USER = "weatherd"  # and the name of its group


def expand_home(path: Path | str) -> Path:
    """Return the path with ``~`` replaced by the home folder, if that is known."""
    return Path(os.path.expanduser(path))  # noqa: PTH111 - pathlib raises an error if it is not known


def read_regular_file(path: Path) -> bytes:
    """Return the contents of a file. Raises OSError, also for a device or a pipe, whose contents may never end."""
    mode = path.stat().st_mode
    if stat.S_ISREG(mode) or stat.S_ISDIR(mode):  # for a folder, the system's error is raised
        return path.read_bytes()
    raise OSError(errno.EINVAL, "not a regular file")


def resolve_path(path: Path | None) -> Path | None:
    """Return the path of a setting without ``~``. Raises ValueError if the home folder is unknown, or for no path."""
    if path is None:
        return None
    if path == Path() or "\0" in str(path):
        raise ValueError("should be the path of a file or folder")
    expanded = expand_home(path)
    if str(expanded).startswith("~"):
        raise ValueError(f"begins with {path.parts[0]}, but that home folder is unknown")
    return expanded


def resolve_file(path: Path | None, info: ValidationInfo) -> Path | None:
    """Return the absolute path of a file; a relative *path* is relative to the context's ``folder``.

    Raises ValueError if it cannot be read.
    """
    folder = (info.context or {}).get("folder")
    if path is None or folder is None:
        return path
    file: Path = folder / path
    try:
        read_regular_file(file)  # because OpenSSL's errors do not distinguish an unreadable file from wrong contents
    except OSError as error:
        raise ValueError(f"cannot be read: {file}: {error.strerror}") from None
    return file


def resolve_ca_file(path: Path | None, info: ValidationInfo) -> Path | None:
    """Return the absolute path of a CA file, as resolve_file() does. Raises ValueError if OpenSSL cannot use it."""
    file = resolve_file(path, info)
    if file and file.is_absolute():
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
        except ssl.SSLError:
            raise ValueError(f"should hold certificates in PEM format, which {file} does not") from None
    return file


def check_certificate(cert_file: Path, key_file: Path | None) -> None:
    """Raise ValueError unless two files hold a certificate and its key. Without *key_file* the first holds both."""
    try:
        # The empty password, because OpenSSL would ask for that of an encrypted key on the terminal
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_cert_chain(cert_file, key_file, password="")
    except (ssl.SSLError, OSError) as error:
        reason = getattr(error, "reason", None) or type(error).__name__
        raise ValueError(
            f"should have a certificate in 'cert_file' and its key, not encrypted, in 'key_file' (PEM): {reason}"
        ) from None
