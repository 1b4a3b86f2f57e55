"""What a poll sends, and what is recorded of it."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from tests.http.fixed_service import Service, running
from tests.http.raw_server import RESPONSE, respond, serve_bytes
from tests.support.private_ca import create_server_tls
from weatherd.errors import ProviderError
from weatherd.http import client
from weatherd.http.polling import PendingResponse, PollingClient
from weatherd.http.session import open_session
from weatherd.http.trace import RequestTrace, start_tracing, stop_tracing

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from tests.http.clients import Get


@pytest.mark.parametrize("path", ["/v1/forecast", "/a%20b", "", "/x?key=%C3%A9&units=metric"])
@pytest.mark.parametrize(
    ("query", "headers"),
    [
        ("lat=1.50000&lon=-2.00000", {}),
        ({"latitude": "1.5,-2", "current": "a,b"}, {"X-Key": "0123"}),
        ({"q": "Kiel & Ümea=1", "x": "#%?/\r\n"}, {"user-agent": "me/1", "accept": "application/geo+json"}),
        ("q=a b", {}),
        ("", {"If-Modified-Since": "Thu, 01 Jan 2026 00:00:00 GMT"}),
    ],
)
async def test_a_poll_sends_what_the_other_client_sends(
    path: str, query: Mapping[str, str] | str, headers: Mapping[str, str]
) -> None:
    """Request line and headers are the same, so a service cannot distinguish the two."""
    service = Service(RESPONSE)
    async with running(service) as session:
        url = service.url.removesuffix("/data") + path
        await client.get(session, url, query, headers)
        await PollingClient(session, url, headers).get(query)
        await PollingClient(session, url, {"User-Agent": "other", **headers}).get(query, headers)
    expected, *others = (head.split(b"\r\n") for head in service.heads)
    assert [lines[0] for lines in others] == [expected[0]] * 2
    assert {line.lower() for line in others[0]} == {line.lower() for line in expected}


async def test_a_path_is_added_to_that_of_the_client() -> None:
    """The host is that of the client, whatever the path contains."""
    service = Service(RESPONSE)
    async with running(service) as session:
        polls = PollingClient(session, service.url)
        for path in ("/stations/KSFO/latest", "/a b?c#d", "/@example.org/", "/%zz"):
            assert (await polls.get(path=path)).status == 200
    assert [head.split(b" ", 2)[1] for head in service.heads] == [
        b"/data/stations/KSFO/latest",
        b"/data/a%20b?c",
        b"/data/@example.org/",
        b"/data/%25zz",
    ]
    assert service.opened == 1


PHASES = ["connected", "first_byte", "done"], ["reused", "first_byte", "done"]


async def test_the_phases_of_a_request(get: Get) -> None:
    """A new connection to an address, and a reused one."""
    service = Service(RESPONSE)
    async with running(service) as session:
        for phases in PHASES:
            token = start_tracing()
            await get(session, service.url, "")
            (trace,) = stop_tracing(token)
            assert (trace.status, sorted(trace.phases)) == (200, sorted(phases))
            assert trace.phases["first_byte"] <= trace.phases["done"]


async def test_the_phases_of_a_request_over_tls(get: Get, tmp_path: Path) -> None:
    """The name is resolved, and a handshake begins."""
    context = create_server_tls(tmp_path / "ca.pem", "localhost")
    async with serve_bytes(respond, context) as port, open_session("test", ca_file=tmp_path / "ca.pem") as session:
        token = start_tracing()
        await get(session, f"https://localhost:{port}/", "")
        (trace,) = stop_tracing(token)
    assert list(trace.phases) == ["dns", "tls_begun", "connected", "first_byte", "done"]
    assert trace.host == f"localhost:{port}"


async def test_a_poll_ends_while_aiohttp_is_imported_in_a_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that is not complete yet changes neither errors nor deadlines, for this poll and for later ones."""
    monkeypatch.setitem(sys.modules, "aiohttp", ModuleType("aiohttp"))
    service = Service()
    async with running(service) as session:
        polls = PollingClient(session, service.url)
        for _ in range(2):
            with pytest.raises(ProviderError, match="no complete response within 1 s"):
                await polls.get(deadline=1)


class BrokenTrace(RequestTrace):
    """A trace with a bug."""

    def reached(self, phase: str) -> None:
        """Fail when the headers have arrived."""
        if phase == "first_byte":
            raise LookupError


async def test_a_bug_in_a_callback_is_the_error_of_the_request() -> None:
    """It is not taken for a fault of the server."""
    service = Service(RESPONSE)
    async with running(service) as session:
        polls = PollingClient(session, service.url)
        await polls.get()
        pending = polls.get()
        assert isinstance(pending, PendingResponse)
        pending.trace = BrokenTrace("", session.clock)
        with pytest.raises(LookupError):
            await pending
