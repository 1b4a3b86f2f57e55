"""The host names that are served, against DNS rebinding."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from typing import TYPE_CHECKING, Any

import pytest
from yarl import URL

from tests.support.daemon import make_status
from tests.support.fakes import KIEL, VirtualJournal
from weatherd.config.http_section import HttpSection
from weatherd.web.on_demand import serve_http

if TYPE_CHECKING:
    from pathlib import Path

LOCAL = [
    "localhost",
    "LOCALHOST.",
    "a.localhost:80",
    "127.0.0.1",
    "127.0.0.1:8080",
    "192.168.1.7",
    "[::1]",
    "[::1]:8080",
]
FOREIGN = [
    "evil.example",
    "evil.example:8080",
    "localhost.evil.example",
    "127.0.0.1.evil.example",
    "[evil]",
    "kiel",
    "1.2",
]


async def request_health(folder: Path, host: str, **http: Any) -> tuple[int, str]:
    """Send a request with a ``Host`` header. Return the status and the explanation of an error."""
    with contextlib.closing(VirtualJournal(folder / "weatherd.sqlite")) as journal:
        status = make_status([KIEL], journal=journal)
        async with serve_http(status, HttpSection(port=0, **http)) as url:
            reader, writer = await asyncio.open_connection("127.0.0.1", URL(url).port)
            writer.write(f"GET /-/ready HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
            head, _, body = (await reader.read()).partition(b"\r\n\r\n")
            writer.close()
            await writer.wait_closed()
            return int(head.split()[1]), json.loads(body).get("detail", "")


@pytest.mark.parametrize("host", [*LOCAL, socket.gethostname(), f"{socket.gethostname()}:8080"])
async def test_local_names_and_addresses_are_served(tmp_path: Path, host: str) -> None:
    """IP addresses and the names of this machine are served. The daemon is not ready, hence 503."""
    assert await request_health(tmp_path, host) == (503, "")


@pytest.mark.parametrize("host", FOREIGN)
async def test_foreign_names_are_rejected(tmp_path: Path, host: str) -> None:
    """Any other name gets 421, and a message that names the setting."""
    status, detail = await request_health(tmp_path, host)
    assert status == 421
    assert "http.allowed_hosts" in detail


async def test_allowed_names_are_served(tmp_path: Path) -> None:
    """A name in ``http.allowed_hosts`` is served, and any name with a token, which a web page does not know."""
    allowed = {"allowed_hosts": ("Weather.Example.org.",)}
    assert (await request_health(tmp_path, "weather.example.org:443", **allowed))[0] == 503
    assert (await request_health(tmp_path, "example.org", **allowed))[0] == 421
    assert (await request_health(tmp_path, "example.org", token="a-long-token"))[0] == 503  # noqa: S106 - a test
