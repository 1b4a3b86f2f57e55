"""A file of private CA certificates: checked at the start, where the mistake is, and not by the first request."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from pydantic import ValidationInfo


def resolve_ca_file(path: Path | None, info: ValidationInfo) -> Path | None:
    """Return the whole path of a CA file; the context's ``folder`` is what it is relative to.

    Raises ValueError when OpenSSL cannot use the file.
    """
    folder = (info.context or {}).get("folder")
    if path is None or folder is None:
        return path
    try:
        file: Path = folder / path.expanduser()
    except RuntimeError:
        raise ValueError("begins with ~, and the home folder is not known") from None
    try:
        file.open("rb").close()  # because OpenSSL does not say whether the file or its contents are wrong
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(file)
    except ssl.SSLError:
        raise ValueError(f"should hold certificates in PEM format, which {file} does not") from None
    except OSError as error:
        raise ValueError(f"cannot be read: {file}: {error.strerror}") from None
    return file
