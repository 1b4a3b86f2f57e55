"""Clients that guess tokens."""

from __future__ import annotations

import asyncio

from weatherd.web.access.throttle import MAX_WRONG_TOKENS, PERIOD, TokenThrottle


def _make() -> TokenThrottle:
    return TokenThrottle(asyncio.get_running_loop().time)


async def test_wrong_tokens_count_for_a_quarter_of_an_hour() -> None:
    """Five wrong ones block a client until the first is old; others are not affected."""
    throttle = _make()
    for _ in range(MAX_WRONG_TOKENS):
        assert throttle.blocked_seconds("a") == 0
        throttle.record_failure("a")
        await asyncio.sleep(10)
    assert throttle.tries_left("a") == 0
    assert throttle.blocked_seconds("a") == PERIOD - 10 * MAX_WRONG_TOKENS
    assert throttle.blocked_seconds("b") == 0
    await asyncio.sleep(PERIOD - 10 * MAX_WRONG_TOKENS)
    assert throttle.blocked_seconds("a") == 0
    assert throttle.tries_left("a") == 1


async def test_a_client_that_guesses_has_one_try_a_second() -> None:
    """The tokens of such a client wait for their turns, right or wrong; beyond ten they are rejected at once."""
    throttle, clock = _make(), asyncio.get_running_loop().time
    assert await throttle.wait_for_turn("a")
    for _ in range(MAX_WRONG_TOKENS):
        throttle.record_failure("a")
    began = clock()
    allowed = await asyncio.gather(*(throttle.wait_for_turn("a") for _ in range(15)))
    assert allowed == [True] * 10 + [False] * 5
    assert clock() - began == 10
    assert await throttle.wait_for_turn("b")
    assert clock() - began == 10
    assert not throttle._waiting
    assert not throttle._turns


async def test_only_so_many_clients_are_remembered() -> None:
    """An attacker with many addresses does not fill the memory; the latest failures count."""
    throttle = _make()
    for number in range(5000):
        throttle.record_failure(str(number))
    assert throttle.tries_left("0") == MAX_WRONG_TOKENS
    assert throttle.tries_left("4999") == MAX_WRONG_TOKENS - 1
    assert len(throttle._failures) <= 1000


async def test_a_client_that_fails_again_is_remembered_longer() -> None:
    """A client cannot have its first wrong token forgotten by many others, as long as it fails itself."""
    throttle = _make()
    throttle.record_failure("a")
    for number in range(1500):
        throttle.record_failure(str(number))
        if number % 900 == 0:
            throttle.record_failure("a")
    assert throttle.tries_left("a") == MAX_WRONG_TOKENS - 3
