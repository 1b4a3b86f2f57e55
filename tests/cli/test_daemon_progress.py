"""The progress of a running daemon's long work, in the last row of a terminal."""

from __future__ import annotations

import asyncio
import os
import random
import termios
import time
from contextlib import closing, redirect_stderr
from typing import TYPE_CHECKING

import pytest
from rich.cells import cell_len

from tests.support import virtual_time
from tests.support.daemon import make_latest, make_status
from tests.support.fakes import FakeJournal, make_fetched
from weatherd.city import City
from weatherd.cli.progress.daemon_work import Work, WorkFinder, format_work, is_capable_terminal, show_daemon_progress
from weatherd.cli.progress.footer import TerminalFooter
from weatherd.config.diff import diff
from weatherd.pipeline.forwarders.engine import Delivery
from weatherd.pipeline.forwarders.feeds import ObservationFeed
from weatherd.pipeline.forwarders.group import DeliveryGroup

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractAsyncContextManager

    from weatherd.daemon.status import DaemonStatus
    from weatherd.pipeline.forwarders import Connection


class _Nowhere:
    """A forwarder that never connects."""

    batch_size = 100

    def connect(self) -> AbstractAsyncContextManager[Connection]:
        raise NotImplementedError


def start_daemon(cities: int = 0, entries: int = 0) -> tuple[DaemonStatus, Delivery]:
    """Return the status of a daemon with unpolled cities and with one forwarder that has to deliver all entries."""
    journal = FakeJournal()
    journal.last_seq = entries
    delivery = Delivery("mqtt", _Nowhere(), ObservationFeed(journal), random.Random(0))
    listed = [City(name=f"City {number}", lat=1.0, lon=1.0) for number in range(cities)]
    group = DeliveryGroup([delivery])
    return make_status(listed, latest=make_latest(listed), journal=journal, deliveries=group), delivery


def finder_of(status: DaemonStatus) -> WorkFinder:
    """Return a finder on virtual time."""
    return WorkFinder(status, virtual_time.boot)


async def test_the_first_fill_of_a_long_list_is_work() -> None:
    """Its total stays while the cities are polled; it ends with them, and a longer list begins another one."""
    status, _ = start_daemon(cities=300)
    finder = finder_of(status)
    assert await finder.find() == [Work("first polls", 0, 300, 0.0)]
    await asyncio.sleep(10)
    status.latest.record([make_fetched(city) for city in status.cities[:120]])
    assert await finder.find() == [Work("first polls", 120, 300, 10.0)]
    status.latest.record([make_fetched(city) for city in status.cities])
    assert await finder.find() == []
    more = [*status.cities, *(City(name=f"New {number}", lat=1.0, lon=1.0) for number in range(150))]
    status.registry.apply(diff(status.cities, more))
    assert await finder.find() == [Work("first polls", 0, 150, 0.0)]


async def test_short_work_is_not_shown() -> None:
    """A few polls, rows or observations are done before anybody reads a bar."""
    assert await finder_of(start_daemon(cities=20)[0]).find() == []
    status, _ = start_daemon(entries=99)
    status.journal.unmigrated = 99
    assert await finder_of(status).find() == []


async def test_catching_up_and_the_migration_are_work() -> None:
    """What waits for an unavailable destination is none, because nothing can be done about it here."""
    status, delivery = start_daemon(entries=50_000)
    status.journal.unmigrated = 7000
    finder = finder_of(status)
    assert [work[:3] for work in await finder.find()] == [
        ("upgrading the journal", 0, 7000),
        ("forwarding to mqtt", 0, 50_000),
    ]
    status.journal.unmigrated = 2000
    delivery.progress.is_down = True
    assert [work[:3] for work in await finder.find()] == [("upgrading the journal", 5000, 7000)]


@pytest.mark.parametrize("width", [1, 10, 30, 60, 120])
def test_the_line_fits(width: int) -> None:
    """A narrow terminal has no bar; several works share the width."""
    works = [Work("first polls", 1200, 20_000, 60.0), Work("forwarding to influxdb", 0, 5000, 1.0)]
    assert cell_len(format_work(works, width)) <= width
    assert cell_len(format_work(works[:1], width)) <= width


def test_the_line_has_the_remaining_time() -> None:
    """It is estimated from the time that the first part took."""
    line = format_work([Work("first polls", 5000, 20_000, 60.0)], 100)
    assert line == "first polls " + "━" * 10 + "─" * 30 + " 5,000/20,000, 3m left"
    assert format_work([Work("first polls", 0, 20_000, 1.0)], 30, "#-") == "first polls --------- 0/20,000"


@pytest.fixture
def terminal() -> Iterator[tuple[int, int]]:
    """Both ends of a terminal with 10 rows of 60 cells: that of the screen and that of the program."""
    screen, program = os.openpty()
    termios.tcsetwinsize(program, (10, 60))
    yield screen, program
    os.close(screen)
    os.close(program)


def test_the_footer_is_outside_of_the_scrolling_region(terminal: tuple[int, int]) -> None:
    """The region is set once, anew for another size, and ends with the footer."""
    screen, program = terminal
    footer = TerminalFooter(program)
    footer.remove()
    footer.show(lambda width: f"{width} cells")
    assert os.read(screen, 999) == b"\r\n\x1b7\x1b[1;9r\x1b8\x1b[1A\x1b7\x1b[10;1H\x1b[2K59 cells\x1b8"
    footer.show(lambda _: "2")
    assert os.read(screen, 999) == b"\x1b7\x1b[10;1H\x1b[2K2\x1b8"
    termios.tcsetwinsize(program, (20, 60))
    footer.show(lambda _: "3")
    assert b"\x1b[1;19r" in os.read(screen, 999)
    footer.remove()
    footer.remove()
    assert os.read(screen, 999) == b"\x1b7\x1b[r\x1b[20;1H\x1b[2K\x1b8"


@pytest.mark.real_time
async def test_a_terminal_shows_the_work_until_the_stop(
    terminal: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only work that takes over a second is shown. The footer is gone before the daemon ends.

    Otherwise a second signal would leave it behind.
    """
    screen, program = terminal
    stop, begin = asyncio.Event(), time.monotonic()
    monkeypatch.setenv("TERM", "xterm")
    with closing(os.fdopen(os.dup(program), "w")) as stream, redirect_stderr(stream):
        assert is_capable_terminal()
        async with show_daemon_progress(start_daemon(cities=200)[0], stop):
            text = await asyncio.to_thread(os.read, screen, 999)
            assert time.monotonic() - begin >= 1.0
            assert "first polls" in text.decode()
            assert "0/200" in text.decode()
            stop.set()
            while b"\x1b[r" not in text:
                text = await asyncio.to_thread(os.read, screen, 999)


def test_pipes_and_dumb_terminals_get_nothing(monkeypatch: pytest.MonkeyPatch, terminal: tuple[int, int]) -> None:
    """A terminal without escape sequences has no region."""
    assert not is_capable_terminal()
    monkeypatch.setenv("TERM", "dumb")
    with closing(os.fdopen(os.dup(terminal[1]), "w")) as stream, redirect_stderr(stream):
        assert not is_capable_terminal()
