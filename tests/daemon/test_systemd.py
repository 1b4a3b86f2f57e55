"""The notifications to systemd."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import TYPE_CHECKING

from tests.support import virtual_time
from tests.support.daemon import make_status
from tests.support.fakes import BERLIN, KIEL, make_fetched
from weatherd.daemon.systemd import feed_watchdog, open_notifier, watchdog_period

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from weatherd.daemon.status import DaemonStatus


def messages_of(prepare: Callable[[DaemonStatus], None], seconds: float) -> list[str]:
    """Return the messages of the given seconds."""

    async def scenario() -> list[str]:
        messages: list[str] = []
        status = make_status([KIEL, BERLIN])
        prepare(status)
        feeding = asyncio.create_task(feed_watchdog(status, messages.append, 30.0))
        await asyncio.sleep(seconds)
        feeding.cancel()
        await asyncio.wait([feeding])
        return messages

    result: list[str] = virtual_time.run(scenario())
    return result


def _due(seconds: float) -> Callable[[DaemonStatus], None]:
    return lambda status: status.history.begin(KIEL).plan(seconds, "its turn")


def test_the_watchdog_is_fed_while_everything_makes_progress() -> None:
    """Messages come often enough for WatchdogSec=30, each with a summary."""
    messages = messages_of(_due(1000), 60)
    assert len(messages) >= 6
    assert all("WATCHDOG=1" in message for message in messages)
    assert messages[0].startswith("STATUS=2 cities: 0 fresh, 0 stale, 0 down, 2 waiting; next poll in 1000 s")


def test_a_full_queue_does_not_stop_the_watchdog() -> None:
    """The status says that polls wait for the journal, but a restart would lose the queue."""
    producers: list[asyncio.Task[None]] = []

    def prepare(status: DaemonStatus) -> None:
        producers.extend(asyncio.create_task(status.queue.put(make_fetched())) for _ in range(2))
        asyncio.get_running_loop().call_later(72, status.queue.mark_done, 2)

    messages = messages_of(prepare, 77)
    assert all("WATCHDOG=1" in message for message in messages)
    assert messages[0].startswith("STATUS=2 cities")
    text = "polls have been waiting for 70 s, because 2 observations are not stored yet"
    assert messages[-2] == f"STATUS={text}\nWATCHDOG=1"
    assert messages[-1].startswith("STATUS=2 cities")


def test_stalled_producers_stop_the_watchdog() -> None:
    """A poll is long overdue."""
    messages = messages_of(_due(10), 100)
    assert "WATCHDOG=1" in messages[0]
    assert messages[-1] == "STATUS=the producers make no progress"


def test_cities_that_are_down_do_not_stop_the_watchdog() -> None:
    """An outage of the weather service is no reason for a restart."""

    def prepare(status: DaemonStatus) -> None:
        status.latest.record([make_fetched()])

    assert all("WATCHDOG=1" in message for message in messages_of(prepare, 20_000))


def test_the_messages_arrive_where_systemd_listens(tmp_path: Path) -> None:
    """Messages arrive at a path and at an abstract address; a missing listener is no error."""
    for address, name in ((str(tmp_path / "notify"), str(tmp_path / "notify")), (f"\0weatherd-{os.getpid()}", None)):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(address)
            open_notifier({"NOTIFY_SOCKET": name or "@" + address[1:]})("READY=1")
            assert listener.recv(100) == b"READY=1"
    open_notifier({})("READY=1")
    open_notifier({"NOTIFY_SOCKET": "/nowhere/at/all"})("READY=1")


def test_a_service_manager_that_does_not_read_blocks_nothing(tmp_path: Path) -> None:
    """When its queue is full, messages are dropped; the event loop, which sends them, goes on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
        listener.bind(str(tmp_path / "notify"))
        notify = open_notifier({"NOTIFY_SOCKET": str(tmp_path / "notify")})
        for _ in range(10_000):
            notify("WATCHDOG=1")
        assert listener.recv(100) == b"WATCHDOG=1"


def test_the_watchdog_of_another_process_is_ignored() -> None:
    """WATCHDOG_PID names the process that the watchdog belongs to."""
    assert watchdog_period({"WATCHDOG_USEC": "30000000"}) == 30.0
    assert watchdog_period({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}) == 0.0
    assert watchdog_period({}) == 0.0
