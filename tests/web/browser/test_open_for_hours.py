"""An overview that is open for hours: its size does not depend on what was done with it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.browser import watch
from tests.support.service import serving
from tests.support.weatherd_process import configure, weatherd
from tests.web.browser.test_wall import count_objects, pass_time

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.async_api import Browser, Page

pytestmark = [
    *(pytest.mark.real_time, pytest.mark.processes, pytest.mark.once, pytest.mark.timeout(300)),
    pytest.mark.asyncio(loop_scope="session"),  # that of the browser
]

ROWS = [
    f'{{"name": "City {number}", "lat": {number % 170 - 85}, "lon": {number % 359 - 179}}}' for number in range(300)
]


async def press(page: Page, selector: str) -> None:
    """Press a button, and wait until the list has changed; without handles, which would keep what they refer to."""
    before = await page.evaluate("document.querySelector('tbody').textContent.slice(0, 200)")
    await page.evaluate("selector => document.querySelector(selector).click()", selector)
    await page.wait_for_function(
        "before => document.querySelector('tbody')?.textContent.slice(0, 200) !== before", arg=before
    )


async def test_an_overview_does_not_grow(tmp_path: Path, browser: Browser) -> None:
    """Orders, pages, lost connections and hours of new values leave no nodes and no listeners behind."""
    async with (
        serving() as service,
        weatherd(
            "run", "-c", configure(tmp_path, service.url, *ROWS, interval="10s", log="{observations: false}")
        ) as process,
    ):
        url = (await process.logs("http.ready"))["url"]
        async with watch(browser, url) as watched:
            watched.expected = ["ERR_"]
            page = watched.page
            session = await page.context.new_cdp_session(page)
            await session.send("Performance.enable")
            await page.clock.install()
            await watched.open()
            await page.wait_for_function("() => document.querySelectorAll('tbody .chip').length === 50")
            await press(page, "[data-key=sort-name]")
            nodes, listeners = await count_objects(session)
            for _ in range(5):
                await press(page, "[data-key=sort-name]")
                await press(page, "[data-key=page-Next]")
                await press(page, "[data-key=page-Previous]")
            counts = []
            for _ in range(3):  # because the rows that a refresh replaces may still be in use at one moment
                await pass_time(page, 3600)
                counts.append(await count_objects(session))
            assert min(count for count, _ in counts) < nodes * 1.3, (nodes, counts)
            assert min(count for _, count in counts) < listeners * 1.2, (listeners, counts)
