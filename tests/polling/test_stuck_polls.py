"""Polls that do not end are logged."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from structlog.testing import capture_logs

from tests.support import virtual_time
from tests.support.daemon import DaemonRunner, make_configuration, make_status
from tests.support.fakes import BERLIN, KIEL, FakeProvider
from weatherd.cli.wording import describe_running_poll
from weatherd.web.serializers import format_timestamp, serialize_city


async def _run(running: DaemonRunner, seconds: float) -> list[Any]:
    """Run for this time and return the events ``city.stuck``."""
    asyncio.get_running_loop().call_later(seconds, running.stop.set)
    with capture_logs() as logs:
        await running.run()
    return [event for event in logs if event["event"] == "city.stuck"]


async def test_a_poll_that_does_not_end_is_logged_once() -> None:
    """After its interval and five minutes, with the city and its providers; each city has a line of its own."""
    running = DaemonRunner(FakeProvider().hangs(), {}, make_configuration(KIEL, replace(BERLIN, interval=3600.0)))
    assert not await _run(running, 900)
    running = DaemonRunner(FakeProvider().hangs(), {}, make_configuration(KIEL, replace(BERLIN, interval=3600.0)))
    events = await _run(running, 86400)
    assert [(event["city"], event["providers"], event["log_level"]) for event in events] == [
        ("kiel", ("fake",), "error"),
        ("berlin", ("fake",), "error"),
    ]
    assert [event["seconds"] for event in events] == pytest.approx([900, 3900], abs=60)


@pytest.mark.parametrize("seconds", [0.5, 60.0, 590.0, 899.0])
async def test_slow_polls_are_not_stuck(seconds: float) -> None:
    """Polls that end are never logged, however many follow each other, nor those that wait for the rate limiter."""
    assert not await _run(DaemonRunner(FakeProvider().responds(after=seconds), {}, make_configuration(KIEL)), 86400)


async def test_an_edited_row_ends_a_stuck_poll() -> None:
    """The next poll is on time, and is logged if it does not end either."""
    provider = FakeProvider().hangs()
    running = DaemonRunner(provider, {}, make_configuration(KIEL))
    loop = asyncio.get_running_loop()
    start = loop.time()

    async def edit() -> None:
        await asyncio.sleep(7200)
        await running.edit(make_configuration(replace(KIEL, interval=300.0)))

    editing = loop.create_task(edit())
    events = await _run(running, 14400)
    await editing
    assert [event["city"] for event in events] == ["kiel", "kiel"]
    assert [time - start for time in provider.times(KIEL)] == pytest.approx([0, 7200], abs=1)


async def test_a_removed_city_is_not_stuck() -> None:
    """Its poll is cancelled, so there is nothing to log."""
    running = DaemonRunner(FakeProvider().hangs(), {}, make_configuration(KIEL, BERLIN))

    async def edit() -> None:
        await asyncio.sleep(100)
        await running.edit(make_configuration(BERLIN))

    editing = asyncio.get_running_loop().create_task(edit())
    assert [event["city"] for event in await _run(running, 7200)] == ["berlin"]
    await editing


@pytest.mark.parametrize(
    ("age", "text"),
    [
        (3.0, "poll in progress for 3s"),
        (960.0, "poll in progress for 16m; it is stuck: a fetch() probably waits without a timeout"),
    ],
)
async def test_a_poll_in_progress_shows_since_when(age: float, text: str) -> None:
    """The API and the commands show when it began, and whether it is stuck."""
    status, began = make_status([KIEL]), virtual_time.now().timestamp()
    polls = status.history.begin(KIEL)
    polls.plan(virtual_time.boot(), "on schedule")
    assert serialize_city(KIEL, status).polling is None
    polls.is_running = True
    await asyncio.sleep(age)
    polling = serialize_city(KIEL, status).polling
    assert polling is not None
    assert polling.since == format_timestamp(began)
    assert describe_running_poll(polling, virtual_time.now()) == text
