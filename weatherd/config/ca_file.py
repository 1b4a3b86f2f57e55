"""Validation of a file with private CA certificates when the settings are loaded, not at the first request."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import ValidationInfo


def resolve_ca_file(path: Path | None, info: ValidationInfo) -> Path | None:
    """Return the absolute path of a CA file; a relative *path* is relative to the context's ``folder``.

    Raises ValueError if OpenSSL cannot use the file.
    """
    folder = (info.context or {}).get("folder")
    if path is None or folder is None:
        return path
    try:
        file: Path = folder / path.expanduser()
    except RuntimeError:
        raise ValueError("begins with ~, but the home folder is unknown") from None
    try:
        file.open("rb").close()  # because OpenSSL's errors do not distinguish an unreadable file from wrong contents
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
    except ssl.SSLError:
        raise ValueError(f"should hold certificates in PEM format, which {file} does not") from None
    except OSError as error:
        raise ValueError(f"cannot be read: {file}: {error.strerror}") from None
    return file
