"""The record of a city and the comparison of its services, on the page: the numbers of the API."""

from __future__ import annotations

import asyncio
import contextlib
import time
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.support.browser import DESK, PHONE, watch
from tests.support.month import observe
from tests.web.browser.pages import ATTACK, make_cities, run_page
from weatherd.city import City
from weatherd.journal.store import JOURNAL_FILE, Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser

    from tests.support.browser import WatchedPage

pytestmark = [
    *(pytest.mark.real_time, pytest.mark.processes, pytest.mark.once, pytest.mark.timeout(300)),
    pytest.mark.asyncio(loop_scope="session"),  # that of the browser
]

CITY = City(name=ATTACK, lat=54.3, lon=10.1, timezone="Europe/Berlin", compare=("bright-sky", "nws"))
OTHER = make_cities(2)[0]
DAYS = 40
SERVICES = {"bright_sky": "{base_url: 'http://127.0.0.1:9'}", "nws": "{base_url: 'http://127.0.0.1:9'}"}
HOUR = 3600
BOX = "node => { const box = node.getBoundingClientRect(); return [box.top + scrollY, box.left, box.width]; }"


@contextlib.asynccontextmanager
async def run_record(folder: Path, **settings: str) -> AsyncIterator[str]:
    """Run a daemon with 40 days of a city, hours of two more services that are compared, and a day of few hours."""
    await asyncio.to_thread(_add_services, folder / "state")
    silent = (20 * 24 + 0.1, 19 * 24 + 3)  # hours ago: what is left of each of the days is less than 18 hours
    async with run_page(folder, [CITY, OTHER], DAYS, [silent], **(SERVICES | settings)) as url:
        yield url


def _add_services(folder: Path) -> None:
    folder.mkdir()
    now = time.time() // HOUR * HOUR
    with contextlib.closing(Store(folder / JOURNAL_FILE)) as store:
        for hour in range(10 * 24):
            for provider, error in (("bright-sky", 0.5), ("nws", -1.5 if hour % 2 else -0.5)):
                found = observe(CITY, now - hour * HOUR, provider)
                store.compared.add(found._replace(temperature=found.temperature + error))


async def read(url: str, part: str) -> Any:
    """Return a response of the API about the city."""
    async with aiohttp.ClientSession(url) as session, session.get(f"/api/v1/cities/{CITY.id}/{part}") as response:
        assert response.status == 200
        return await response.json()


async def list_rows(watched: WatchedPage, selector: str) -> list[list[str]]:
    """Return the texts of the cells of a table."""
    rows = "rows => rows.map(row => [...row.children].map(cell => cell.textContent))"
    found: list[list[str]] = await watched.page.locator(f"{selector} tbody tr").evaluate_all(rows)
    return found


async def show(watched: WatchedPage, selector: str) -> None:
    """Scroll to a panel, and wait for its table."""
    await watched.page.locator(selector).scroll_into_view_if_needed()
    await watched.page.wait_for_selector(f"{selector} tbody tr")


def text_of(value: float | None, digits: int = 1) -> str:
    """Return a number as the page shows it: a half is rounded away from zero."""
    if value is None:
        return "—"
    rounded = Decimal(repr(value)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)  # as a browser rounds
    return f"{rounded:z,f}".replace("-", "\u2212")


async def test_the_record_has_the_numbers_of_the_api(tmp_path: Path, browser: Browser) -> None:
    """Days, extremes and what was not observed; the parts of the calendar are chosen by pointer, key and address."""
    async with run_record(tmp_path) as url, watch(browser, url) as watched:
        days, months, whole = [await read(url, part) for part in ("days", "days?by=month", "days?since=2000-01-01")]
        await watched.open(f"?city={CITY.id}")
        await show(watched, ".record")
        rows = await list_rows(watched, ".record")
        assert [row[0] for row in rows[:1]] == ["Today"]
        assert len(rows) == len(days["parts"]) == 30
        for row, part in zip(rows, reversed(days["parts"]), strict=True):
            assert row[1:4] == [text_of(part[name]) for name in ("low", "mean", "high")]
            assert row[5:7] == [text_of(part["gust"]), str(part["frost_days"])]
            assert row[8] == f"{text_of(part['hours'], 0)} h"
        few = [part for part in days["parts"][:-1] if not part["complete_days"]]
        assert few
        assert await watched.page.locator(".record td.stale").count() == len(few)
        tiles = await watched.page.locator(".record .tiles dd:nth-child(2)").all_inner_texts()
        lowest, highest = (found["value"] for found in days["extremes"][:2])
        assert tiles[:2] == [f"{text_of(lowest)}°", f"{text_of(highest)}°"]
        assert tiles[5] == str(sum(part["frost_days"] for part in days["parts"]))
        assert await watched.page.locator(".firsts li").count() == len(days["records"])

        await watched.page.click("[role=radio]:has-text('90 d')")
        await watched.page.wait_for_selector("h2:has-text('Last 90 days')")
        assert await watched.page.locator(".chart rect.few").count() == sum(
            0 < part["hours"] < 18 for part in whole["parts"][:-1]
        )
        await watched.page.click("[role=radio]:has-text('24 h')")

        await watched.page.click(".record >> text=Weeks")
        await watched.page.wait_for_selector(".record [aria-checked=true]:has-text('Weeks'):focus")
        await watched.page.wait_for_url("**by=week*")
        await watched.page.keyboard.press("ArrowRight")
        await watched.page.wait_for_selector(".record [aria-checked=true]:has-text('Months'):focus")
        await watched.page.wait_for_url("**by=month*")
        rows = await list_rows(watched, ".record")
        assert [row[1] for row in rows] == [text_of(part["low"]) for part in reversed(months["parts"])]
        await watched.page.click("[role=radio]:has-text('7 d')")
        await watched.page.wait_for_url("**span=7d&by=month*")
        await watched.open(f"?city={CITY.id}&span=7d&by=month")  # whose document has it
        assert await list_rows(watched, ".record") == rows
        assert await watched.page.evaluate("window.attacked") is None


async def test_services_are_compared_where_there_are_several(tmp_path: Path, browser: Browser) -> None:
    """The table has the numbers of the API, is fetched when it comes in sight, and moves nothing."""
    async with run_record(tmp_path) as url, watch(browser, url) as watched:
        found = await read(url, "comparison")
        requests: list[str] = []
        watched.page.on("request", lambda request: requests.append(request.url))
        await watched.open(f"?city={CITY.id}")
        await watched.settle()
        assert not [address for address in requests if "/comparison?" in address or "/days?" in address]
        await show(watched, ".record")
        box = await watched.page.eval_on_selector(".record", BOX)
        await show(watched, ".comparison")
        assert await watched.page.eval_on_selector(".record", BOX) == box
        for row, service in zip(await list_rows(watched, ".comparison"), found["services"], strict=True):
            bias = service["bias"]
            assert row[:3] == [service["provider"], f"{service['observations']:,}", f"{service['pairs']:,}"]
            assert row[3] == ("—" if bias is None else f"{'+' * (bias > 0)}{text_of(bias, 2)}")
            assert row[5] == text_of(service["mean_absolute_error"], 2)
        assert f"{found['preferred']} measures: put it first in the providers of {ATTACK}" in await watched.text(
            ".advice"
        )
        await watched.page.select_option(".comparison select", "wind_speed")
        await watched.page.wait_for_selector(".comparison th:has-text('Bias m/s')")
        assert await watched.page.evaluate("window.attacked") is None
        await watched.open(f"?city={OTHER.id}")
        assert await watched.page.locator(".record").count() == 1
        assert await watched.page.locator(".comparison").count() == 0


@pytest.mark.parametrize(("size", "theme"), [(DESK, "light"), (PHONE, "dark"), ((320, 800), "light")])
async def test_the_record_is_accessible(size: tuple[int, int], theme: str, tmp_path: Path, browser: Browser) -> None:
    """axe-core finds nothing, the page is not wider than the screen, and in °F differences have no offset."""
    async with run_record(tmp_path, units="us") as url, watch(browser, url, size, theme) as watched:
        for by in ("day", "year"):
            await watched.open(f"?city={CITY.id}&by={by}")
            await show(watched, ".comparison")
            await watched.settle()
            assert await watched.find_axe_violations() == []
            wide, room = await watched.page.evaluate(
                "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
            )
            assert wide <= room
        document = await read(url, "comparison")
        biases = [service["bias"] for service in document["services"]]
        rows = await list_rows(watched, ".comparison")
        for bias, row in zip(biases, rows, strict=True):
            assert row[3] == ("—" if bias is None else f"{'+' * (bias > 0)}{text_of(bias * 1.8, 2)}")


async def test_the_record_works_without_scripts(tmp_path: Path, browser: Browser) -> None:
    """There is a table with links to the other parts, and a sentence for each extreme."""
    async with run_record(tmp_path) as url, watch(browser, url, java_script_enabled=False) as watched:
        days, months = await read(url, "days"), await read(url, "days?by=month")
        await watched.page.goto(f"{url}/?city={CITY.id}")
        await watched.page.click("text=By day")
        table = "table:has(caption:has-text('Record by {}')) tbody tr"
        assert await watched.page.locator(table.format("day")).count() == len(days["parts"])
        await watched.page.click("text=By month")
        assert await watched.page.locator(table.format("month")).count() == len(months["parts"])
        text = await watched.text("main")
        assert f"Lowest temperature since {days['extremes'][0]['first'][8:]}" in text


async def test_the_record_follows_new_observations(tmp_path: Path, browser: Browser) -> None:
    """What has been in sight is read again, in place: the focus stays, and so does the part of the calendar."""
    async with run_record(tmp_path, interval="3s") as url, watch(browser, url) as watched:
        await watched.open(f"?city={CITY.id}&by=week")
        await show(watched, ".record")
        await watched.page.locator(".record [role=region]").focus()
        for _ in range(2):
            async with watched.page.expect_response("**/days?by=week"):
                pass
        await watched.settle()
        assert await watched.page.evaluate("document.activeElement.closest('.record') !== null")
        assert await watched.text(".record [aria-checked=true]") == "Weeks"
