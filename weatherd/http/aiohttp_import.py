"""Import of aiohttp at startup without the system's CA certificates."""

from __future__ import annotations

import importlib
import os
import ssl
from pathlib import Path


def import_aiohttp() -> None:
    """Import aiohttp, without loading the system's CA file if a folder has the same certificates.

    aiohttp loads that file when it is imported, for requests without a TLS context. weatherd's requests have one
    (:class:`weatherd.http.connections.ClientTls`), so the import would take 26 ms and 2 MB for nothing. Requests of
    plug-ins may have none. For them OpenSSL finds each CA in the folder, by the hash of its name:
    ``/etc/ssl/certs/002c0b4f.0``.
    https://docs.openssl.org/3.0/man3/SSL_CTX_load_verify_locations/
    """
    paths = ssl.get_default_verify_paths()
    folder = Path(paths.capath or os.devnull)  # None if it does not exist, for example on macOS
    if any(folder.glob("*.0")) and paths.openssl_cafile_env not in os.environ:
        os.environ[paths.openssl_cafile_env] = os.devnull
        importlib.import_module("aiohttp")
        del os.environ[paths.openssl_cafile_env]
