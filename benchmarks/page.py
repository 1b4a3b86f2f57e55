"""Speed of the web page in Chromium, and memory and CPU of the daemon with 500 readers of its stream.

Usage: python -m benchmarks.page. Needs Chromium (scripts/servers). The weather is simulated by the tests' service.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from yarl import URL

from tests.support.browser import launch
from tests.support.month import fill_journal
from tests.support.service import serving
from tests.support.weatherd_process import configure, weatherd
from weatherd.city import City

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser

_COUNTS = (3, 20, 1000, 20_000)  # cities
_LOADS = 5  # of the page; the median counts
_READERS, _WATCHED = 500, 50  # streams, and cities of each
_WINDOW = 30.0  # seconds over which CPU is measured
_WATCH = """
const seen = (name, selector) => {
  const look = () => document.querySelector(selector) && !(name in window) && (window[name] = performance.now());
  new MutationObserver(look).observe(document, {subtree: true, childList: true, characterData: true});
};
seen('firstCard', '.js main :is(.card, tbody tr .chip)');
seen('firstLive', '.live .fresh');
"""


@contextlib.asynccontextmanager
async def _run(count: int, interval: str) -> AsyncIterator[tuple[str, int]]:
    """Run the daemon with an hour of history; yield the address of the page and the process id."""
    cities = [
        City(name=f"City {number}", lat=number * 0.61803 % 140 - 60, lon=number * 137.50776 % 360 - 180)
        for number in range(count)
    ]
    rows = [json.dumps({"name": city.name, "lat": city.lat, "lon": city.lon}) for city in cities]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        fill_journal(folder / "state", cities, time.time(), days=1 / 24)
        async with (
            serving() as service,
            weatherd(
                "run", "-c", configure(folder, service.url, *rows, interval=interval, log="{observations: false}")
            ) as process,
        ):
            yield (await process.logs("http.ready"))["url"], process.number


async def _load(browser: Browser, url: str) -> dict[str, float]:
    """Load the page with an empty cache. Return milliseconds to the first card and to live, and kilobytes received."""
    context = await browser.new_context(viewport={"width": 1440, "height": 900})
    await context.add_init_script(_WATCH)
    page = await context.new_page()
    await page.goto(url)
    await page.wait_for_function("() => window.firstCard && window.firstLive")
    script = "performance.getEntries().reduce((sum, entry) => sum + (entry.transferSize ?? 0), 0)"
    found = {
        "first card ms": float(await page.evaluate("window.firstCard")),
        "live ms": float(await page.evaluate("window.firstLive")),
        "received kB": float(await page.evaluate(script)) / 1000,
    }
    await context.close()
    return found


async def measure_loads() -> list[dict[str, Any]]:
    """Return the medians of loading the page, by the number of cities."""
    results = []
    async with launch() as browser:
        for count in _COUNTS:
            async with _run(count, "1h") as (url, _):
                await _load(browser, url)
                loads = [await _load(browser, url) for _ in range(_LOADS)]
                medians = {name: round(statistics.median(load[name] for load in loads)) for name in loads[0]}
                results.append({"cities": count} | medians)
    return results


def _read_process(pid: int) -> tuple[float, float]:
    """Return the resident memory in MB and the CPU time in seconds of a process."""
    status = Path(f"/proc/{pid}/status").read_text()
    memory = next(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return memory / 1000, (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def _read_stream(url: str, index: int, counts: list[int]) -> None:
    """Read a stream of 50 cities, and count its observations in *counts*."""
    address, ids = URL(url), ",".join(f"city-{(index * 7 + number) % 1000}" for number in range(_WATCHED))
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(f"GET /api/v1/stream?digest=true&city={ids} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    try:
        while data := await reader.read(65536):
            counts[index] += data.count(b"event: observation")
    finally:
        writer.close()


async def measure_readers() -> dict[str, Any]:
    """Return memory and CPU of the daemon with and without readers of the stream."""
    async with _run(1000, "20s") as (url, pid):
        await asyncio.sleep(_WINDOW / 2)
        alone, before = _read_process(pid)
        await asyncio.sleep(_WINDOW)
        _, after = _read_process(pid)
        counts = [0] * _READERS
        async with asyncio.TaskGroup() as tasks:
            readers = [tasks.create_task(_read_stream(url, index, counts)) for index in range(_READERS)]
            await asyncio.sleep(_WINDOW / 2)
            received = sum(counts)
            _, busy_before = _read_process(pid)
            await asyncio.sleep(_WINDOW)
            memory, busy_after = _read_process(pid)
            events = sum(counts) - received
            for reader in readers:
                reader.cancel()
    cpu = (busy_after - busy_before) - (after - before)
    return {
        "readers": _READERS,
        "memory without MB": round(alone),
        "memory with MB": round(memory),
        "events pushed": events,
        "CPU a pushed event us": round(cpu / max(1, events) * 1e6, 1),
    }


async def _main() -> None:
    for row in await measure_loads():
        print(row)
    print(await measure_readers())


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))
