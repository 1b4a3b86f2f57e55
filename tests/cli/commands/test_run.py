"""``weatherd run``: the end of a daemon that does not stop."""

from __future__ import annotations

import threading

import pytest

from weatherd.cli.commands.run import ShutdownWatchdog

pytestmark = pytest.mark.real_time


def test_the_watchdog_ends_the_process_after_the_grace_period(monkeypatch: pytest.MonkeyPatch) -> None:
    """An armed watchdog calls the given function once the grace period and the margin are over."""
    monkeypatch.setattr(ShutdownWatchdog, "margin", 0.0)
    ended = threading.Event()
    watchdog = ShutdownWatchdog(3600.0, ended.set)
    watchdog.grace = 0.0
    assert not ended.is_set()
    watchdog.arm()
    assert ended.wait(10)


def test_the_watchdog_does_not_keep_the_process_alive() -> None:
    """Its thread is a daemon thread, so a daemon that stops in time exits immediately."""
    before = set(threading.enumerate())
    ShutdownWatchdog(3600.0, lambda: None).arm()
    (timer,) = set(threading.enumerate()) - before
    assert isinstance(timer, threading.Timer)
    timer.cancel()
    assert timer.daemon
