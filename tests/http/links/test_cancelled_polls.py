"""Polls that are cancelled, or that end with the session."""

from __future__ import annotations

import asyncio

import pytest

from tests.http.fixed_service import Service, running
from tests.http.raw_server import RESPONSE, serve_bytes
from weatherd.http.polling import PollingClient
from weatherd.http.session import open_session


async def test_a_cancelled_request_closes_its_connection() -> None:
    """At once, so that the server stops; other connections stay open."""
    service = Service(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{")
    async with running(service) as session:
        polls = PollingClient(session, service.url)
        requests = [polls.get() for _ in range(3)]
        await asyncio.sleep(2)
        for closed, request in enumerate(requests, 1):
            request.cancel()
            await asyncio.sleep(0.1)
            assert (service.opened, service.closed) == (3, closed)


async def test_a_request_is_cancelled_while_it_connects() -> None:
    """The server gets no request."""
    service = Service(RESPONSE)
    async with running(service) as session:
        polls = PollingClient(session, service.url)
        for turns in range(5):
            request = polls.get()
            for _ in range(turns):
                await asyncio.sleep(0)
            request.cancel()
            with pytest.raises(asyncio.CancelledError):
                await request
            await asyncio.sleep(1)
            assert (service.opened, service.heads) == (service.closed, [])
        assert (await polls.get()).status == 200


async def test_requests_in_progress_end_with_the_session() -> None:
    """Those that connect, those that wait for a response, and idle connections."""
    service = Service(RESPONSE, pause=100)
    async with serve_bytes(service.serve) as port:
        async with open_session("weatherd/test") as session:
            polls = PollingClient(session, f"http://127.0.0.1:{port}/")
            await polls.get()
            waiting = [polls.get(), PollingClient(session, f"http://127.0.0.1:{port}/").get()]
            await asyncio.sleep(1)
            waiting.append(PollingClient(session, f"http://127.0.0.1:{port}/").get())
        assert all(request.cancelled() for request in waiting[2:])
        assert all(request.done() for request in waiting)
        await asyncio.sleep(200)
        assert service.opened == service.closed
