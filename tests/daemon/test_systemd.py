"""What systemd hears, and when it hears nothing."""

from __future__ import annotations

import asyncio
import os
import socket
from typing import TYPE_CHECKING

from tests.support import virtual_time
from tests.support.daemon import make_status
from tests.support.fakes import BERLIN, KIEL, observation
from weatherd.daemon.systemd import feed_watchdog, open_notifier, watchdog_period
from weatherd.polling.poll_history import NextPoll

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from weatherd.daemon.status import DaemonStatus


def heard(prepare: Callable[[DaemonStatus], None], seconds: float) -> list[str]:
    """Return what is said in so many seconds."""

    async def scenario() -> list[str]:
        said: list[str] = []
        shown = make_status([KIEL, BERLIN])
        prepare(shown)
        attending = asyncio.create_task(feed_watchdog(shown, said.append, 30.0))
        await asyncio.sleep(seconds)
        attending.cancel()
        await asyncio.wait([attending])
        return said

    result: list[str] = virtual_time.run(scenario())
    return result


def _due(seconds: float) -> Callable[[DaemonStatus], None]:
    return lambda shown: shown.history.record_next(
        KIEL.id, NextPoll(virtual_time.EPOCH.timestamp() + seconds, "its turn")
    )


def test_while_all_moves_the_watchdog_is_fed() -> None:
    """Often enough for WatchdogSec=30, and with a sentence."""
    said = heard(_due(1000), 60)
    assert len(said) >= 6
    assert all("WATCHDOG=1" in each for each in said)
    assert said[0].startswith("STATUS=2 cities: 0 fresh, 0 stale, 0 down, 2 waiting; next poll in 1000 s")


def test_a_consumer_that_does_not_move_silences_the_watchdog() -> None:
    """It is not fed once the consumer is over its limit, and the status says so."""
    said = heard(lambda shown: shown.heartbeat.busy("consumer", 120.0), 200)
    assert "WATCHDOG=1" in said[0]
    assert said[-1] == "STATUS=the consumer makes no progress"


def test_producers_that_do_not_tick_silence_the_watchdog() -> None:
    """A poll that should have begun long ago has not."""
    said = heard(_due(10), 100)
    assert "WATCHDOG=1" in said[0]
    assert said[-1] == "STATUS=the producers make no progress"


def test_cities_that_are_down_do_not() -> None:
    """An outage of the weather service is no reason for a restart."""

    def prepare(shown: DaemonStatus) -> None:
        shown.latest.record(observation())

    assert all("WATCHDOG=1" in each for each in heard(prepare, 20_000))


def test_the_messages_arrive_where_systemd_listens(tmp_path: Path) -> None:
    """On a path, or on an abstract address; and nobody listening is no error."""
    for address, name in ((str(tmp_path / "notify"), str(tmp_path / "notify")), (f"\0weatherd-{os.getpid()}", None)):
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listener:
            listener.bind(address)
            open_notifier({"NOTIFY_SOCKET": name or "@" + address[1:]})("READY=1")
            assert listener.recv(100) == b"READY=1"
    open_notifier({})("READY=1")
    open_notifier({"NOTIFY_SOCKET": "/nowhere/at/all"})("READY=1")


def test_another_processes_watchdog_is_not_ours() -> None:
    """WATCHDOG_PID names whom systemd means."""
    assert watchdog_period({"WATCHDOG_USEC": "30000000"}) == 30.0
    assert watchdog_period({"WATCHDOG_USEC": "30000000", "WATCHDOG_PID": "1"}) == 0.0
    assert watchdog_period({}) == 0.0
