"""The webhook, against a web server in the test."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.pipeline.forwarders.destination import capture_warnings
from tests.pipeline.forwarders.harness import is_caught_up, open_harness, wait_until
from tests.support.fakes import BERLIN, KIEL
from weatherd.formatting import to_dict
from weatherd.pipeline.forwarders.group import DeliveryStatus
from weatherd.pipeline.forwarders.webhook import open_forwarder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = [pytest.mark.real_time, pytest.mark.once]


class Receiver:
    """Receives batches, skips those whose key it has seen, and responds with a script of statuses."""

    def __init__(self) -> None:
        self.received: list[dict[str, Any]] = []  # observations, each batch once
        self.warnings: list[dict[str, Any]] = []  # changes of official warnings, each batch once
        self.requests: list[tuple[dict[str, str], bytes]] = []
        self.script: list[int | str] = []
        self.rejected_temperatures: set[float] = set()
        self.rejection = "too cold"
        self._keys: set[str] = set()
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Handle ``POST /in``."""
        body = await request.read()
        self.requests.append((dict(request.headers), body))
        document = json.loads(body)
        batch = document.get("observations", [])
        step = self.script.pop(0) if self.script else 204
        if step == "hang":
            await asyncio.get_running_loop().create_future()
        if step in (204, "cut") and self.rejected_temperatures & {observation["temperature"] for observation in batch}:
            return web.Response(status=422, text=self.rejection)
        if step in (204, "cut") and request.headers["Idempotency-Key"] not in self._keys:
            self._keys.add(request.headers["Idempotency-Key"])
            self.received += batch
            self.warnings += document.get("warnings", [])
        if step == "cut":
            assert request.transport
            request.transport.abort()
        headers = {"Retry-After": "1"} if step == 429 else {}
        return web.Response(status=step if isinstance(step, int) else 204, headers=headers)


@contextlib.asynccontextmanager
async def run_receiver() -> AsyncIterator[Receiver]:
    """Run a receiver."""
    receiver = Receiver()
    app = web.Application(client_max_size=10**7)
    app.router.add_post("/in", receiver.handle)
    async with TestServer(app, host="127.0.0.1") as server:
        receiver.url = str(server.make_url("/in"))
        yield receiver


async def test_batches_come_as_json_with_a_key_and_a_signature(tmp_path: Path) -> None:
    """The body has every field, and name and tags of a listed city; it is signed, and has an idempotency key."""
    async with run_receiver() as receiver, open_harness(tmp_path) as harness:
        harness.cities = (replace(KIEL, tags=(("region", "north"),)),)
        await harness.add_observations(2)
        await harness.add_observations(1, BERLIN)
        block = {"url": f"{receiver.url}?key=a%2Fb", "secret": "sesame"}
        async with harness.run_forwarder(open_forwarder, webhook=block):
            await wait_until(lambda: _has(receiver, 3))
        async with harness.journal.open_reader() as reading:
            entries = await reading.read_after(0, 10)
    headers, body = receiver.requests[0]
    names: list[dict[str, Any]] = [{"name": "Kiel", "tags": {"region": "north"}}] * 2 + [{"name": None, "tags": {}}]
    assert receiver.received == [
        to_dict(entry.observation) | named for entry, named in zip(entries, names, strict=True)
    ]
    assert len(headers["Idempotency-Key"]) == 32
    expected = hmac.new(b"sesame", body, hashlib.sha256).hexdigest()
    assert headers["X-Weatherd-Signature"] == f"sha256={expected}"
    assert headers["Content-Type"] == "application/json"


@pytest.mark.parametrize("failure", [500, 503, 429, 401, 404, 302, "cut"])
async def test_a_batch_is_sent_again_until_it_is_accepted(tmp_path: Path, failure: int | str) -> None:
    """A failure that does not concern the batch: it is sent again unchanged, and stored once."""
    async with run_receiver() as receiver, open_harness(tmp_path) as harness:
        receiver.script = [failure]
        await harness.add_observations(3)
        with capture_warnings() as logs:
            async with harness.run_forwarder(open_forwarder, webhook={"url": receiver.url}) as deliveries:
                await wait_until(lambda: _has_answered(receiver, 2))
                await wait_until(lambda: is_caught_up(deliveries))
                assert deliveries.statuses()["destination"] == DeliveryStatus(3, 0, 0, is_down=False)
    assert [observation["temperature"] for observation in receiver.received] == [0, 1, 2]
    assert len({body for _, body in receiver.requests}) == 1
    assert len({headers["Idempotency-Key"] for headers, _ in receiver.requests}) == 1
    assert [log["event"] for log in logs] == ["forwarder.down", "forwarder.recovered"]
    assert receiver.url not in str(logs)


async def test_a_rejected_observation_is_skipped_alone(tmp_path: Path) -> None:
    """A 4xx status about the body costs only the observation that causes it."""
    async with run_receiver() as receiver, open_harness(tmp_path) as harness:
        receiver.rejected_temperatures = {7.0}
        await harness.add_observations(20)
        with capture_warnings() as logs:
            async with harness.run_forwarder(open_forwarder, webhook={"url": receiver.url}) as deliveries:
                await wait_until(lambda: is_caught_up(deliveries))
                assert deliveries.statuses()["destination"] == DeliveryStatus(19, 1, 0, is_down=False)
    assert [observation["temperature"] for observation in receiver.received] == [
        number for number in range(20) if number != 7
    ]
    assert [(log["event"], log["reason"]) for log in logs] == [
        ("forwarder.skipped", "HTTP status 422: too cold"),
    ]


@pytest.mark.parametrize("is_escaped", [False, True])
async def test_a_secret_is_redacted_before_a_reason_is_shortened(tmp_path: Path, *, is_escaped: bool) -> None:
    """A server's text quotes the key in the address where the text is cut: no part of the key is logged."""
    key = "0123456789abcdef"
    echo = "".join(f"\\u{ord(character):04x}" for character in key) if is_escaped else key
    async with run_receiver() as receiver, open_harness(tmp_path) as harness:
        receiver.rejected_temperatures = {0.0}
        receiver.rejection = f'{{"error": "{"x" * 170} POST /in?key={echo}"}}'
        await harness.add_observations(1)
        block = {"url": f"{receiver.url}?key={key}"}
        with capture_warnings() as logs:
            async with harness.run_forwarder(open_forwarder, webhook=block) as deliveries:
                await wait_until(lambda: is_caught_up(deliveries))
    assert "POST /in?" in logs[0]["reason"]
    assert key[:4] not in str(logs)
    assert "u0030" not in str(logs)


async def _has(receiver: Receiver, count: int) -> bool:
    return len(receiver.received) >= count


async def _has_answered(receiver: Receiver, count: int) -> bool:
    return len(receiver.requests) >= count
