"""The HTTP interface behind a real nginx with its default settings, with gzip, and below a path."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING

import aiohttp
import pytest
from yarl import URL

from tests.support.servers import Server, program, running
from tests.support.weatherd_process import KIEL
from tests.web.test_web import run_daemon

if TYPE_CHECKING:
    from collections.abc import Sequence

pytestmark = [pytest.mark.real_time, pytest.mark.processes, pytest.mark.once]

GZIP = "gzip on; gzip_proxied any; gzip_types text/event-stream application/json;"


OPERATIONS = Path(__file__).parents[2] / "docs" / "operations.md"


class Nginx(Server):
    """A reverse proxy in front of *target*, at the path *place*, with the documented line for that."""

    def __init__(self, folder: Path, target: str, place: str = "/", options: str = "") -> None:
        folder.mkdir()
        super().__init__(folder)
        self.url = URL(f"http://127.0.0.1:{self.port}{place}")
        (line,) = re.findall(rf"^location {place} {{.*}}", OPERATIONS.read_text(), re.MULTILINE)
        self._location = f"{line.replace('http://127.0.0.1:8080', target)} {options}"

    def command(self) -> Sequence[str]:
        """Return the command that starts it."""
        kinds = ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
        folders = "".join(f"{kind}_temp_path {self.folder}/{kind};" for kind in kinds)
        user = "user root;" if os.getuid() == 0 else ""
        (self.folder / "nginx.conf").write_text(
            f"daemon off; {user} pid {self.folder}/pid; error_log stderr; events {{ }}\n"
            f"http {{ access_log off; {folders} server {{ listen 127.0.0.1:{self.port}; {self._location} }} }}\n"
        )
        return [program("nginx", "nginx"), "-e", "stderr", "-c", str(self.folder / "nginx.conf")]


@pytest.mark.parametrize(("place", "options"), [("/", ""), ("/", GZIP), ("/weather/", GZIP)])
async def test_an_event_arrives_at_once(tmp_path: Path, place: str, options: str) -> None:
    """The proxy does not collect 4 kB of events, because the response forbids it; if it compresses them, it flushes."""
    async with run_daemon(tmp_path, KIEL) as daemon, aiohttp.ClientSession() as session:
        proxy = Nginx(tmp_path / "nginx", daemon.url, place, options)
        headers = {"Last-Event-ID": "0", "Accept-Encoding": "gzip"}
        async with (
            running(proxy),
            asyncio.timeout(5),  # before the comment that follows 15 s of silence
            session.get(proxy.url / "api/v1/stream", headers=headers) as response,
        ):
            assert await response.content.readuntil(b"\n\n") == b"retry: 5000\n\n"
            assert (await response.content.readuntil(b"\n\n")).startswith(b"id: 1\nevent: observation\n")


async def test_the_public_name_is_passed_on(tmp_path: Path) -> None:
    """Only a name in ``http.allowed_hosts`` is served."""
    http = "{port: 0, allowed_hosts: [weather.example.org]}"
    async with run_daemon(tmp_path, KIEL, http=http) as daemon, aiohttp.ClientSession() as session:
        proxy = Nginx(tmp_path / "nginx", daemon.url, "/weather/")
        async with running(proxy):
            for name, status in (("weather.example.org", 200), ("evil.example", 421)):
                async with session.get(proxy.url, headers={"Host": name}) as response:
                    assert response.status == status


async def test_weatherd_does_not_compress_events(tmp_path: Path) -> None:
    """A compressor would collect events, so the response is never compressed, although the client accepts it."""
    headers = {"Accept-Encoding": "gzip, deflate"}
    async with (
        run_daemon(tmp_path, KIEL) as daemon,
        aiohttp.ClientSession() as session,
        session.get(f"{daemon.url}/api/v1/stream", headers=headers) as response,
    ):
        assert "Content-Encoding" not in response.headers


async def test_every_link_works_below_a_path(tmp_path: Path) -> None:
    """The page has relative addresses only, so that it may be served as https://example.org/weather/."""
    async with run_daemon(tmp_path, KIEL) as daemon, aiohttp.ClientSession() as session:
        proxy = Nginx(tmp_path / "nginx", daemon.url, "/weather/")
        async with running(proxy):
            async with session.get(proxy.url) as response:
                links = re.findall('(?:href|src|action)="([^"#]+)"', await response.text())
            assert len(links) >= 20
            assert "?city=kiel" in links
            for link in links:
                async with session.head(proxy.url.join(URL(link))) as response:
                    assert response.status == 200, link
