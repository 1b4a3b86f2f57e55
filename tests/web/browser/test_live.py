"""The page in a real browser: live values, a lost connection, keys, sign-in, a sub-path, long lists."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING

import pytest

from tests.support.browser import watch
from tests.support.servers import free_port, running
from tests.support.service import serving
from tests.support.weatherd_process import ENVIRONMENT, configure, weatherd, write_list
from tests.web.browser.pages import make_cities, run_page
from tests.web.test_reverse_proxy import Nginx

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser

    from tests.support.browser import WatchedPage

pytestmark = [
    *(pytest.mark.real_time, pytest.mark.processes, pytest.mark.once, pytest.mark.timeout(300)),
    pytest.mark.asyncio(loop_scope="session"),  # that of the browser
]

KIEL = '{"name": "Kiel", "lat": 54.3, "lon": 10.1}'
TOKEN = "a-recognisable-token"


@contextlib.asynccontextmanager
async def run_kiel(folder: Path) -> AsyncIterator[str]:
    """Run the daemon with one city; yield the address of the page once there is an observation."""
    async with (
        serving() as service,
        weatherd("run", "-c", configure(folder, service.url, KIEL)) as process,
    ):
        url = (await process.logs("http.ready"))["url"]
        await process.logs("observation")
        yield url


async def observed(watched: WatchedPage) -> str:
    """Return the time of the observation on the first card."""
    return str(await watched.page.get_attribute(".card time", "datetime"))


async def changed(watched: WatchedPage, before: str) -> str:
    """Wait for another time on the first card."""
    wait = "before => document.querySelector('.card time')?.dateTime !== before"
    await watched.page.wait_for_function(wait, arg=before)
    return await observed(watched)


async def test_new_observations_appear_by_themselves(tmp_path: Path, browser: Browser) -> None:
    """The card changes with each observation, without a reload."""
    async with run_kiel(tmp_path) as url, watch(browser, url) as watched:
        await watched.open()
        await watched.page.wait_for_selector(".card time")
        await watched.page.evaluate("window.same = true")
        time_before = await observed(watched)
        for _ in range(3):
            time_before = await changed(watched, time_before)
        assert await watched.text(".live") == "Live"
        assert await watched.page.evaluate("window.same")


@pytest.mark.parametrize("view", ["", "?wall"])
async def test_a_lost_connection_is_found_again(tmp_path: Path, view: str, browser: Browser) -> None:
    """The page says since when it has no connection, keeps the values, and goes on without a reload."""
    port = free_port()
    async with serving() as service:
        file = configure(tmp_path, service.url, KIEL, http=f"{{port: {port}}}")
        async with watch(browser, f"http://127.0.0.1:{port}") as watched:
            watched.expected = ["ERR_CONNECTION_REFUSED", "ERR_INCOMPLETE_CHUNKED", "ERR_EMPTY", "ERR_CONNECTION_RESET"]
            environ = ENVIRONMENT | {"WEATHERD_HTTP__PORT": str(port)}
            async with weatherd("run", "-c", file, environ=environ) as process:
                await process.logs("observation")
                await watched.open(view)
                await watched.page.wait_for_selector(".card time")
                await watched.page.evaluate("window.same = true")
            banner = "#banner:has-text('Connection lost. Values are from')"
            await watched.page.wait_for_selector(banner, state="attached")
            assert re.search(r"from \d\d:\d\d:\d\d", str(await watched.page.text_content("#banner")))
            before = await observed(watched)
            async with weatherd("run", "-c", file, environ=environ) as process:
                await process.logs("observation")
                await changed(watched, before)
                await watched.page.wait_for_function("() => document.querySelector('.live').textContent === 'Live'")
                assert await watched.page.evaluate("window.same")


async def test_too_many_readers_refresh_by_themselves(browser: Browser, url: str) -> None:
    """A reader above the limit gets 200 and the end; the page says so, and is not lost."""
    async with watch(browser, url) as watched:
        body = "retry: 60000\n: unavailable: too many\n\nevent: unavailable\ndata: too many\n\n"
        await watched.page.route("**/stream*", lambda route: route.fulfill(content_type="text/event-stream", body=body))
        await watched.open()
        await watched.page.wait_for_selector("#banner:has-text('Too many pages are open')")


async def test_everything_works_by_keys(browser: Browser, url: str) -> None:
    """Skip link, search, cards, crosshair and views are reached and used without a pointer."""
    async with watch(browser, url) as watched:
        keyboard = watched.page.keyboard
        await watched.open()
        await keyboard.press("Tab")
        assert await watched.page.evaluate("document.activeElement.textContent") == "Skip to the cities"
        await keyboard.press("j")
        assert "is-" in str(await watched.page.evaluate("document.activeElement.className"))
        await keyboard.press("/")
        await keyboard.type("kie")
        await watched.page.wait_for_selector(".results [role=option]")
        await keyboard.press("ArrowDown")
        await keyboard.press("Enter")
        await watched.page.wait_for_url("**/?city=kiel")
        slider = watched.page.locator("[role=slider]")
        await slider.focus()
        text = await slider.get_attribute("aria-valuetext")
        await keyboard.press("ArrowLeft")
        assert await slider.get_attribute("aria-valuetext") != text
        assert await watched.page.locator(".crosshair path").count() == 1
        await keyboard.press("2")
        await watched.page.wait_for_url("**/?city=kiel&span=7d")
        await keyboard.press("p")
        assert await watched.page.get_attribute(".city-head .pill", "aria-pressed") == "true"
        await keyboard.press("g")
        await keyboard.press("m")
        await watched.page.wait_for_url("**/?view=map")
        await watched.page.wait_for_selector("canvas[aria-label]")
        await watched.page.focus("canvas")
        await keyboard.press("Enter")
        await watched.page.wait_for_selector(".popover")
        await keyboard.press("Escape")
        assert await watched.page.locator(".popover").count() == 0
        assert await watched.page.evaluate("document.activeElement.tagName") == "CANVAS"


async def test_a_browser_signs_in(tmp_path: Path, browser: Browser) -> None:
    """The form leads to the view that was asked for; scripts cannot read the cookie; signing out ends it."""
    http = f"{{port: 0, token: {TOKEN}}}"
    async with (
        run_page(tmp_path, make_cities(), http=http) as url,
        watch(browser, url) as watched,
    ):
        watched.expected = ["401"]
        await watched.page.goto(f"{url}/?city=kiel")
        assert "Kiel" not in await watched.page.content()
        assert await watched.find_axe_violations() == []
        await watched.page.fill("#token", "wrong")
        await watched.page.keyboard.press("Enter")
        assert "4 more tries" in await watched.text(".error")
        await watched.page.fill("#token", TOKEN)
        await watched.page.keyboard.press("Enter")
        await watched.page.wait_for_url("**/?city=kiel")
        assert await watched.text("h1") == "Kiel"
        (cookie,) = await watched.page.context.cookies()
        assert (cookie["httpOnly"], cookie["sameSite"], cookie["secure"]) == (True, "Strict", False)
        assert await watched.page.evaluate("document.cookie") == ""
        await watched.page.wait_for_selector(".live:has-text('Live')")
        await watched.page.click("text=Sign out")
        await watched.page.wait_for_selector("#token")
        assert await watched.page.context.cookies() == []


async def test_the_page_works_below_a_path(tmp_path: Path, browser: Browser, url: str) -> None:
    """Behind a reverse proxy at /weather/ every view is live, and every link stays there."""
    proxy = Nginx(tmp_path / "nginx", url, "/weather/")
    async with running(proxy), watch(browser, str(proxy.url).rstrip("/")) as watched:
        await watched.open()
        await watched.page.wait_for_selector(".live:has-text('Live')")
        await watched.page.click(".card >> nth=0")
        await watched.page.wait_for_url("**/weather/?city=*")
        for name in ("Map", "Service", "Overview"):
            await watched.page.click(f".views >> text={name}")
            await watched.page.wait_for_selector(f".views a[aria-current]:has-text('{name}')")
            await watched.page.wait_for_selector(".live:has-text('Live')")


async def test_twenty_thousand_cities(tmp_path: Path, browser: Browser) -> None:
    """A long list is loaded by pages: at most 200 cities are in the document, and search, sort and filter are quick."""
    rows = [
        f'{{"name": "City {number}", "lat": {number % 170 - 85}, "lon": {number % 359 - 179}}}'
        for number in range(20_000)
    ]
    async with (
        serving() as service,
        weatherd(
            "run", "-c", configure(tmp_path, service.url, *rows, interval="10m", log="{observations: false}")
        ) as process,
    ):
        url = (await process.logs("http.ready"))["url"]
        async with watch(browser, url) as watched:
            await watched.open()
            assert await watched.text("h1") == "20,000 cities"
            assert await watched.page.locator("tbody tr").count() == 50
            await watched.page.click("footer >> text=Next")
            await watched.page.wait_for_selector("footer:has-text('51–100 of 20,000')")
            await watched.page.click("th button:has-text('°C')")
            await watched.page.wait_for_selector("th[aria-sort=descending]")
            await watched.page.fill(".find input", "city 19999")
            await watched.page.wait_for_selector(".results [role=option]:has-text('City 19999')")
            await watched.page.goto(f"{url}/?view=map")
            await watched.page.wait_for_selector("canvas[aria-label='Map of 20,000 cities by temperature']")
            assert await watched.page.evaluate("document.querySelectorAll('*').length") < 3000


async def test_a_browser_has_connections_left(browser: Browser, url: str) -> None:
    """A view that is left gives its stream back: otherwise the seventh page would wait for a connection for ever."""
    async with watch(browser, url) as watched:
        for view in (
            "",
            "?view=map",
            "?view=service",
            "?city=kiel",
            "",
            "?view=map",
            "?city=lima",
            "?view=service",
            "",
        ):
            await watched.open(view)
            await watched.page.wait_for_selector(".live:has-text('Live')")


async def test_an_edit_of_the_list_is_on_the_page(tmp_path: Path, browser: Browser) -> None:
    """A city that is added appears, and the page of one that is removed says so, both without a reload."""
    lima = '{"name": "Lima", "lat": -12.0, "lon": -77.0}'
    async with (
        run_kiel(tmp_path) as url,
        watch(browser, url) as watched,
        watch(browser, url) as other,
    ):
        other.expected = ["404"]
        await watched.open()
        await other.open("?city=kiel")
        write_list(tmp_path, lima)
        await watched.page.wait_for_selector(".card:has-text('Lima')")
        assert await watched.page.locator(".card:has-text('Kiel')").count() == 0
        await other.page.wait_for_selector(".notice:has-text('is no longer in the list')")
