"""The wall: a page that nobody touches for weeks."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.browser import watch
from tests.web.browser.pages import make_cities, run_page

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.async_api import Browser, CDPSession, Page

pytestmark = [
    *(pytest.mark.real_time, pytest.mark.processes, pytest.mark.once, pytest.mark.timeout(300)),
    pytest.mark.asyncio(loop_scope="session"),  # that of the browser
]

SCREEN = (1920, 1080)
CHUNK = 600  # seconds of the browser's clock, which is ten times what a lost connection may take to be found again


async def count_objects(session: CDPSession) -> tuple[int, int]:
    """Return the DOM nodes and the listeners that are left after a garbage collection."""
    for _ in range(2):
        await session.send("HeapProfiler.collectGarbage")
    metrics = {item["name"]: item["value"] for item in (await session.send("Performance.getMetrics"))["metrics"]}
    return int(metrics["Nodes"]), int(metrics["JSEventListeners"])


async def pass_time(page: Page, seconds: float) -> None:
    """Run the browser's timers for a time, and let it talk to the daemon in between."""
    for _ in range(int(seconds / CHUNK)):
        await page.clock.run_for(CHUNK * 1000)
        await asyncio.sleep(0.05)  # of real time: the network knows no other


async def test_the_wall_does_not_grow(tmp_path: Path, browser: Browser) -> None:
    """For half a day, with many lost connections, it has the same nodes and listeners; it reloads once a night."""
    async with (
        run_page(tmp_path, make_cities(12), interval="1s") as url,
        watch(browser, url, SCREEN, timezone_id="UTC") as watched,
    ):
        watched.expected = ["ERR_"]  # requests that a reload aborts
        page, loads = watched.page, []
        page.on("framenavigated", lambda frame: loads.append(frame.url))
        session = await page.context.new_cdp_session(page)
        await session.send("Performance.enable")
        await page.clock.install(time=datetime.now(UTC).replace(hour=5, minute=30))  # after the nightly reload
        await watched.open("?wall")
        await pass_time(page, 3600)
        nodes, listeners = await count_objects(session)
        counts = []
        for _ in range(6):
            await pass_time(page, 2 * 3600)
            counts.append(await count_objects(session))
        assert min(count for count, _ in counts[2:]) < nodes * 1.2, (nodes, counts)
        assert max(count for _, count in counts) < listeners * 1.2 + 5, (listeners, counts)
        assert len(loads) == 1, loads
        await page.clock.fast_forward(9 * 3600 * 1000)  # from 18:30 to 3:30
        await pass_time(page, 3600)
        assert len(loads) == 2, loads
        assert await page.locator(".wall .card").count() == 12


async def test_the_wall_survives_a_night_without_a_network(tmp_path: Path, browser: Browser) -> None:
    """It says since when, shows the new date after midnight, does not reload into an error, and is live again."""
    async with (
        run_page(tmp_path, make_cities(12), interval="1s") as url,
        watch(browser, url, SCREEN, timezone_id="UTC") as watched,
    ):
        watched.expected = ["ERR_"]
        page = watched.page
        await page.clock.install(time=datetime.now(UTC).replace(hour=2, minute=30))
        await watched.open("?wall")
        await page.wait_for_selector(".card .age time")
        await page.evaluate("window.same = true")
        await page.context.set_offline(True)
        await pass_time(page, 2 * 3600)  # at 4:00 it would reload
        await page.clock.fast_forward(20 * 3600 * 1000)
        await pass_time(page, 2 * 3600)
        tomorrow = datetime.now(UTC) + timedelta(days=1)
        assert "No connection since" in await watched.text(".wall-head")
        assert f"{tomorrow:%A} {tomorrow.day} {tomorrow:%B}" in await watched.text(".wall-head")
        for _ in range(6):  # which is more often than the page changes its classes
            await page.clock.run_for(5000)
            assert await page.locator("main.is-old").count() == 1
        assert await page.locator(".card .age time").first.inner_text() == "1\u00a0d ago"
        assert await page.evaluate("window.same")
        await page.context.set_offline(False)
        await pass_time(page, 4 * CHUNK)
        await page.wait_for_function("() => document.querySelector('.live').textContent === 'Live'")
        assert "No connection" not in await watched.text(".wall-head")
        assert await page.evaluate("window.same")


async def test_curves_of_an_open_page_move_on(tmp_path: Path, browser: Browser) -> None:
    """A page that stays open shows the last 24 hours, not those before it was opened and the rest in one place."""
    async with (
        run_page(tmp_path, make_cities(12), interval="1s") as url,
        watch(browser, url) as watched,
    ):
        await watched.open()
        await watched.page.wait_for_selector(".card .age time")
        script = "document.querySelector('script[src$=\"main.js\"]').src.replace('main.js', 'cards.js')"
        found = await watched.page.evaluate(
            f"""import({script}).then(({{ applyObservations }}) => {{
              const begin = Math.floor(Date.now() / 1200000) * 1200 - 71 * 1200 - 24000;  // the page is 20 steps old
              const values = [...Array(36).fill(-100), ...Array(36).fill(50)];
              const curves = {{ begin, step: 1200, curves: {{ kiel: {{ values, low: -100, high: 50, gap: 2 }} }} }};
              const city = {{ id: "kiel", observation: null }}, observed_at = new Date().toISOString();
              applyObservations([{{ seq: 1, city: "kiel", observed_at, temperature: 7 }}], () => city, curves, () => 0);
              const {{ values: moved, low, high }} = curves.curves.kiel;
              const some = [15, 16, 52, 71].map(index => moved[index]);
              return [(curves.begin - begin) / 1200, moved.length, ...some, low, high];
            }})"""
        )
        assert found == [20, 72, -100, 50, None, 70, -100, 70]


async def test_names_on_a_full_wall_are_readable(tmp_path: Path, browser: Browser) -> None:
    """The name of a city with a problem is as long as that of a fresh one; the foot ends with all of its words."""
    async with (
        run_page(tmp_path, make_cities(), interval="1h") as url,
        watch(browser, url, SCREEN) as watched,
    ):
        await watched.open("?wall")
        script = "document.querySelector('script[src$=\"main.js\"]').src.replace('main.js', 'cards.js')"
        cut = await watched.page.evaluate(
            f"""import({script}).then(({{ fillCard }}) => ["stale", "down", "waiting"].map(state => {{
              const node = document.querySelector(".wall .card"), at = new Date(Date.now() - 7e6);
              const observed_at = at.toISOString();
              const observation = state === "waiting" ? null : {{ observed_at, temperature: 7, code: 3 }};
              fillCard(node, {{ id: "x", name: "Johannesburg", lat: 0, lon: 0, state, observation, notices: [] }});
              const name = node.querySelector(".name"), age = node.querySelector(".age");
              return name.scrollWidth > name.clientWidth || age.scrollWidth > age.clientWidth;
            }}))"""
        )
        assert cut == [False, False, False]
        end = await watched.page.evaluate(
            """() => {
              const foot = document.querySelector(".wall-foot");
              const long = "Aarhus, Berlin, Bratislava: Alert: hard-frost ";
              const spans = [1, 2, 3, 4].map(() => document.createElement("span"));
              Object.assign(spans[3], { textContent: "and 12 more", className: "more" });
              spans.slice(0, 3).forEach((span, index) => { span.textContent = index ? long : long.repeat(3); });
              foot.replaceChildren(...spans);
              const end = spans[3].getBoundingClientRect().right;
              const room = Math.min(foot.getBoundingClientRect().right, innerWidth);
              return [room - end, spans[3].scrollWidth - spans[3].clientWidth];
            }"""
        )
        assert end[0] >= -1
        assert end[1] == 0
