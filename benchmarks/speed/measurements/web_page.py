"""Web page in Chromium, and the daemon with many readers of its stream."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import shutil
import statistics
import sys
import time
from typing import TYPE_CHECKING

from yarl import URL

from benchmarks.speed import daemon
from benchmarks.speed.city_lists import grid_cities
from benchmarks.speed.plan import PAGE_CITIES, PAGE_READERS
from benchmarks.speed.processes import cpu_seconds, resident_memory, temporary_folder
from benchmarks.speed.report import names

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.async_api import Browser

    from benchmarks.speed.daemon import Daemon
    from benchmarks.speed.report.figures import Figures

_LOADS = 7  # of the page; the median counts
_IDLE_INTERVAL = 3600.0  # seconds; nothing is polled while the page loads
_STREAM_CITIES, _STREAM_INTERVAL = 1000, 20.0  # 50 observations per second
_WATCHED = 50  # cities of a stream, as many as a page of the list has
_WINDOW = 30.0  # seconds over which CPU is measured
_CHUNK = 65536  # bytes
_WATCH = """
const seen = (name, selector) => {
  const look = () => document.querySelector(selector) && !(name in window) && (window[name] = performance.now());
  new MutationObserver(look).observe(document, {subtree: true, childList: true, characterData: true});
};
seen('firstCard', '.js main :is(.card, tbody tr .chip)');
seen('firstLive', '.live .fresh');
"""
_SCRIPTS = {
    names.FIRST_CARD: "window.firstCard",
    names.LIVE: "window.firstLive",
    names.RECEIVED: "performance.getEntries().reduce((sum, entry) => sum + (entry.transferSize ?? 0), 0) / 1000",
}


def measure_loads(url: str, figures: Figures) -> None:
    """Measure loading the page by the number of cities. Skip it and print why if Chromium or Playwright is missing."""
    if not shutil.which("chromium"):
        print("loading the page is not measured: install Chromium (scripts/servers)", file=sys.stderr)
    elif importlib.util.find_spec("playwright") is None:
        print("loading the page is not measured: install Playwright (pip install playwright)", file=sys.stderr)
    else:
        asyncio.run(_measure_loads(url, figures))


def measure_readers(url: str, figures: Figures) -> None:
    """Measure memory and CPU of the daemon with and without readers of the stream."""
    asyncio.run(_measure_readers(url, figures))


@contextlib.contextmanager
def _run(url: str, count: int, interval: float) -> Iterator[tuple[Daemon, str]]:
    """Run the daemon with an hour of history; yield it and the address of its page."""
    from tests.support.month import fill_journal  # noqa: PLC0415 - tests need what is not installed everywhere
    from weatherd.city import City  # noqa: PLC0415 - so that Python compiles it in the daemon

    listed = grid_cities(count)
    cities = [City(id=city.id, name=city.name, lat=city.lat, lon=city.lon) for city in listed]
    with temporary_folder() as folder:
        fill_journal(folder / "state", cities, time.time(), days=1 / 24)
        with daemon.run_weatherd(folder, url, daemon.BATCHED, listed, interval) as running:
            running.ready()
            yield running, running.page_address()


async def _measure_loads(url: str, figures: Figures) -> None:
    from tests.support.browser import launch  # noqa: PLC0415 - needs Playwright

    async with launch() as browser:
        with contextlib.ExitStack() as daemons:
            pages = {count: daemons.enter_context(_run(url, count, _IDLE_INTERVAL))[1] for count in PAGE_CITIES}
            # The lists take turns, because the speed of a shared machine drifts; the first round warms up
            rounds = [{count: await _load(browser, page) for count, page in pages.items()} for _ in range(_LOADS + 1)]
    for count in PAGE_CITIES:
        for name in _SCRIPTS:
            median = statistics.median(loads[count][name] for loads in rounds[1:])
            figures.add(names.build_subject(names.THIS, names.page_form(count)), name, median)


async def _load(browser: Browser, page_address: str) -> dict[str, float]:
    """Load the page with an empty cache. Return its figures by name."""
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    try:
        await context.add_init_script(_WATCH)
        page = await context.new_page()
        await page.goto(page_address)
        await page.wait_for_function("() => window.firstCard && window.firstLive")
        return {name: float(await page.evaluate(script)) for name, script in _SCRIPTS.items()}
    finally:
        await context.close()


async def _measure_readers(url: str, figures: Figures) -> None:
    with _run(url, _STREAM_CITIES, _STREAM_INTERVAL) as (running, page):
        pid = running.process.pid
        await asyncio.sleep(_WINDOW / 2)
        memory, begin = resident_memory(pid), cpu_seconds(pid)
        await asyncio.sleep(_WINDOW)
        idle = cpu_seconds(pid) - begin
        counts = [0] * PAGE_READERS
        async with asyncio.TaskGroup() as tasks:
            readers = [tasks.create_task(_read_stream(page, index, counts)) for index in range(PAGE_READERS)]
            await asyncio.sleep(_WINDOW / 2)
            pushed, begin = sum(counts), cpu_seconds(pid)
            await asyncio.sleep(_WINDOW)
            busy, pushed = cpu_seconds(pid) - begin, sum(counts) - pushed
            subject = names.build_subject(names.THIS, names.READERS)
            figures.add(subject, names.READERS_MEMORY, resident_memory(pid) - memory)
            figures.add(subject, names.PUSHED, pushed / _WINDOW)
            figures.add(subject, names.PUSH_CPU, (busy - idle) / max(1, pushed) * 1e6)
            for reader in readers:
                reader.cancel()


async def _read_stream(page_address: str, index: int, counts: list[int]) -> None:
    """Read the stream of some cities, and count its observations in *counts*."""
    address = URL(page_address)
    ids = ",".join(f"c{(index * 7 + number) % _STREAM_CITIES}" for number in range(_WATCHED))
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(f"GET /api/v1/stream?digest=true&city={ids} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    try:
        while data := await reader.read(_CHUNK):
            counts[index] += data.count(b"event: observation")
    finally:
        writer.close()
