"""Import of aiohttp without the system's CA file."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

_PROGRAM = """
import os, sys
def report(event, args):
    if event == "import" and args[0] == "aiohttp.connector":
        print(os.environ.get("SSL_CERT_FILE"))
sys.addaudithook(report)
from weatherd.http.aiohttp_import import import_aiohttp
import_aiohttp()
import aiohttp
print(os.environ.get("SSL_CERT_FILE"))
"""


@pytest.mark.parametrize(
    ("certificate", "named_file", "expected"),
    [
        ("002c0b4f.0", None, [os.devnull, "None"]),
        ("ca-bundle.crt", None, ["None", "None"]),
        ("002c0b4f.0", "/ca.pem", ["/ca.pem", "/ca.pem"]),
    ],
)
def test_the_ca_file_is_skipped_if_a_folder_has_the_certificates(
    tmp_path: Path, certificate: str, named_file: str | None, expected: list[str]
) -> None:
    """The file is skipped only during the import, and only if the user names no other file in SSL_CERT_FILE."""
    (tmp_path / certificate).touch()
    environ = {name: value for name, value in os.environ.items() if name != "SSL_CERT_FILE"}
    environ |= {"SSL_CERT_DIR": str(tmp_path)} | ({"SSL_CERT_FILE": named_file} if named_file else {})
    printed = subprocess.check_output([sys.executable, "-c", _PROGRAM], env=environ, text=True)  # noqa: S603
    assert printed.split() == expected
