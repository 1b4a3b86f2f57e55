"""The rate limiter when a request is cancelled: at any point, it stays usable, and other requests are not affected."""

from __future__ import annotations

import asyncio

import pytest

from tests.quota.fake_service import CROWDED, RATE_LIMITED, FakeService
from tests.support import virtual_time
from tests.support.fakes import new_limiter, unavailable
from weatherd.quota.plans import Plan


@pytest.mark.parametrize("crash", [ZeroDivisionError(), asyncio.CancelledError(), BaseException("odd")], ids=repr)
async def test_the_request_after_a_crashed_probe_is_the_probe(crash: BaseException) -> None:
    """After a probe that crashes, also in the parser, the next waiting request becomes the probe."""
    service = FakeService()
    service.failure = RATE_LIMITED
    await service.error()
    await asyncio.sleep(60)
    service.failure, service.response_time = crash, 1.0
    with pytest.raises(type(crash)):
        await service.send()
    waiting = asyncio.create_task(service.error())
    service.failure = None
    assert await service.errors(3) == [None] * 3
    assert await waiting is None
    assert service.times[1:] == [60, 61, 62, 62, 62]


async def test_a_request_that_waits_for_a_cancelled_probe_becomes_the_probe() -> None:
    """The requests that wait for its result do not wait for ever."""
    service = FakeService()
    service.failure = RATE_LIMITED
    await service.error()
    await asyncio.sleep(60)
    service.failure, service.response_time = None, 5.0
    probe = asyncio.create_task(service.send())
    others = [asyncio.create_task(service.send()) for _ in range(3)]
    await asyncio.sleep(2)
    probe.cancel()
    await asyncio.wait(others)
    assert probe.cancelled()
    assert service.times[1:] == [60, 62, 67, 67]


async def _cancel_at(point: int, *, crowded: bool) -> None:
    """Cancel one of nine tasks at one step of a life with pauses, probes and queues."""
    service = FakeService(new_limiter(plan=Plan({"minute": 30}, rate=2.0, burst=3), concurrency=2))
    service.limiter.set_planned_rate(1.0)
    service.response_time = 0.4
    loop = asyncio.get_running_loop()
    loop.call_at(0.3, setattr, service, "failure", CROWDED if crowded else RATE_LIMITED)
    loop.call_at(70, setattr, service, "failure", unavailable())
    loop.call_at(140, setattr, service, "failure", None)
    victims = [loop.create_task(service.retry_until_success()) for _ in range(3)]
    others = [loop.create_task(service.retry_until_success()) for _ in range(6)]
    for step in range(point):
        await asyncio.sleep(0 if step % 3 else 0.83)
    victims[point % 3].cancel()
    await asyncio.wait([*victims, *others])
    assert not any(task.cancelled() for task in others)
    service.max_concurrent = 0
    await asyncio.sleep(7200)
    assert await service.errors(3) == [None] * 3
    assert service.max_concurrent == 2
    limiter = service.limiter
    assert not limiter._turn.locked()
    assert (limiter._slots.taken, limiter._waiting) == (0, 0)
    assert limiter._breaker.is_closed


@pytest.mark.parametrize("crowded", [False, True])
@pytest.mark.parametrize("start", range(0, 400, 100))
def test_a_request_may_be_cancelled_anywhere(start: int, crowded: bool) -> None:  # noqa: FBT001
    """While it waits for its turn, before or in a request, as the probe or behind it."""
    for point in range(start, start + 100):
        virtual_time.run(_cancel_at(point, crowded=crowded))
