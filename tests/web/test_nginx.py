"""The event stream behind a real nginx."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import aiohttp
import pytest

from tests.end_to_end.test_process import KIEL
from tests.support.servers import Server, program, running
from tests.web.test_web import run_daemon

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

pytestmark = [pytest.mark.real_time, pytest.mark.processes, pytest.mark.once]


class Nginx(Server):
    """A reverse proxy with nginx's defaults, compression, and a sub-path; it passes the name of the public host on."""

    def __init__(self, folder: Path, upstream: str) -> None:
        super().__init__(folder)
        self._upstream = upstream

    def command(self) -> Sequence[str]:
        """Return the command that starts it."""
        config = self.folder / "nginx.conf"
        proxy = f"proxy_pass {self._upstream}/; proxy_set_header Host $host;"
        config.write_text(
            f"daemon off; pid {self.folder}/pid; error_log {self.folder}/errors; events {{}}\n"
            f"http {{ access_log off; gzip on; gzip_types *; gzip_proxied any; gzip_min_length 0;\n"
            f"server {{ listen 127.0.0.1:{self.port}; location /weather/ {{ {proxy} }} }} }}\n"
        )
        return [program("nginx", "nginx"), "-p", str(self.folder), "-c", str(config)]


async def test_events_pass_through_nginx_at_once(tmp_path: Path) -> None:
    """Nginx neither holds back nor compresses the stream, and rejects no name in ``http.allowed_hosts``."""
    folder = tmp_path / "nginx"
    folder.mkdir()
    async with run_daemon(tmp_path, KIEL, http="{port: 0, allowed_hosts: [weather.example.org]}") as daemon:
        nginx = Nginx(folder, daemon.url)
        url = f"http://127.0.0.1:{nginx.port}/weather/api/v1/stream"
        headers = {"Host": "weather.example.org", "Accept-Encoding": "gzip", "Last-Event-ID": "0"}
        async with running(nginx), aiohttp.ClientSession() as session, asyncio.timeout(10):
            async with session.get(url, headers=headers) as response:
                assert await response.content.readuntil(b"\n\n") == b"retry: 5000\n\n"
                assert (await response.content.readuntil(b"\n\n")).startswith(b"id: 1\nevent: observation\ndata: {")
            async with session.get(url, headers=headers | {"Host": "evil.example"}) as response:
                assert response.status == 421
