"""The page where things are unusual: right to left, print, reduced motion, high contrast, long names, dark sign-in."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.support.browser import DESK, PHONE, watch
from tests.web.browser.pages import make_cities, run_page
from tests.web.browser.test_views import VIEWS
from weatherd.city import City

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.async_api import Browser

pytestmark = [
    *(pytest.mark.real_time, pytest.mark.processes, pytest.mark.once, pytest.mark.timeout(300)),
    pytest.mark.asyncio(loop_scope="session"),  # that of the browser
]

TOKEN = "a-recognisable-token"
WIDE = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
LONG_NAMES = [
    ("Lake Chargoggagoggmanchauggagoggchaubunagungamaugg " * 4)[:200],
    ("Llanfairpwllgwyngyllgogerychwyrndrobwllllantysiliogogogoch" * 4)[:200],
    ("مدينة طويلة الاسم جدا " * 10)[:200],
    ("กรุงเทพมหานครอมรรัตนโกสินทร์" * 8)[:200],
]


@pytest.mark.parametrize(("size", "theme"), [(DESK, "light"), (PHONE, "dark")], ids=["desk", "phone"])
async def test_the_page_is_mirrored(size: tuple[int, int], theme: str, browser: Browser, url: str) -> None:
    """From right to left, views are mirrored without faults; charts, curves and the map are not, as time is not."""
    async with watch(browser, url, size, theme, locale="ar") as watched:
        for view in VIEWS:
            await watched.open(view)
            await watched.page.evaluate("document.documentElement.dir = 'rtl'")
            await watched.settle()
            wide, room = await watched.page.evaluate(WIDE)
            assert wide <= room, view
            assert await watched.find_axe_violations() == [], view
            drawings = "main svg:not([dir=ltr]):not(.icon):not(.mark):not(.arrow):not([aria-hidden])"
            assert await watched.page.locator(drawings).count() == 0, view
            bars = await watched.page.locator("a.card .bar").evaluate_all(
                "bars => bars.map(bar => [bar.parentElement, bar].map(node => node.getBoundingClientRect().right))"
            )
            assert all(abs(card - bar) <= 1.5 for card, bar in bars), view


async def test_long_names_are_accessible(tmp_path: Path, browser: Browser) -> None:
    """Names of 200 letters, with and without spaces and in other scripts, leave values and controls where they are."""
    cities = [City(name=name, lat=10 + at, lon=10, timezone="UTC") for at, name in enumerate(LONG_NAMES)]
    async with run_page(tmp_path, [*make_cities(3), *cities]) as url:
        for size, theme in ((DESK, "light"), ((360, 740), "dark")):
            async with watch(browser, url, size, theme) as watched:
                for view in ("", f"?city={cities[0].id}", f"?city={cities[2].id}", "?view=map"):
                    await watched.open(view)
                    await watched.settle()
                    wide, room = await watched.page.evaluate(WIDE)
                    assert wide <= room, (view, size)
                    assert await watched.find_axe_violations() == [], (view, size)
                    is_cut = (
                        "all => all.filter(node => node.clientWidth && node.scrollWidth > node.clientWidth + 1).length"
                    )
                    assert await watched.page.locator("main .temp, .card .age time").evaluate_all(is_cut) == 0, view
                    heading = await watched.page.locator("h1").bounding_box()
                    assert heading
                    assert heading["height"] < 110, (view, size)


async def test_paper_is_light_and_has_no_controls(browser: Browser, url: str) -> None:
    """Printed from a dark page, text is dark on white; header, filters and buttons are left out; the table stays."""
    async with watch(browser, url, theme="dark") as watched:
        for view in ("?as=table", "?city=kiel", "?view=service"):
            await watched.page.emulate_media(media="screen")
            await watched.open(view)
            await watched.page.evaluate("document.documentElement.dataset.theme = 'dark'")
            await watched.page.emulate_media(media="print")
            colours = "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
            assert await watched.page.evaluate(colours) == ["rgb(16, 24, 38)", "rgb(255, 255, 255)"], view
            for hidden in (".top", ".chips", ".switch", "footer", "#banner"):
                assert await watched.page.locator(f"{hidden}:visible").count() == 0, (view, hidden)
            assert await watched.page.locator("main :is(table, .chart, .tiles):visible").count() >= 1
            assert len(await watched.page.pdf(format="A4")) > 10_000


async def test_paper_has_all_cities_that_the_filter_selects(tmp_path: Path, browser: Browser) -> None:
    """Not only a page of them, with times that stay true; afterwards the screen is as before."""
    cities = [City(name=f"Town {number:02}", lat=number / 2, lon=1, timezone="UTC") for number in range(70)]
    async with run_page(tmp_path, [*cities, *make_cities(1)], 0.1) as url, watch(browser, url, theme="dark") as watched:
        page = watched.page
        await page.add_init_script("window.print = () => { window.prints = (window.prints ?? 0) + 1; }")
        await watched.open("?search=town&sort=temperature")
        await page.click("text=Print")
        await page.wait_for_selector(".paper", state="attached")
        assert await page.is_visible("main")
        await page.emulate_media(media="print")
        rows = await page.locator(".paper tbody tr").all_inner_texts()
        assert len(rows) == 70
        assert all(re.match(r"Town \d\d\s", row) and re.search(r"\s\w{3} \d+ \w{3} \d\d:\d\d$", row) for row in rows)
        assert re.match(r"search town; sorted by temperature; as of \w{3} ", await watched.text(".paper p"))
        assert not await page.is_visible("main")
        assert len(await page.pdf(format="A4")) > 10_000
        await page.evaluate("dispatchEvent(new Event('afterprint'))")
        assert await page.locator(".paper").count() == 0
        await page.keyboard.press("Control+p")
        await page.wait_for_selector(".paper", state="attached")
        assert await page.evaluate("window.prints") == 2
        await page.evaluate("dispatchEvent(new Event('afterprint'))")
        await watched.open("?as=table")
        await page.emulate_media(media="print")
        assert await page.is_visible("text=1–50 of 71")  # where a page alone is printed, paper says so


async def test_nothing_moves_where_motion_is_reduced(browser: Browser, url: str) -> None:
    """With reduced motion there is no transition, no animation and no smooth scrolling."""
    moves = """[...document.querySelectorAll('*')].filter(node => {
      const style = getComputedStyle(node);
      return style.transitionDuration !== '0s' || style.animationName !== 'none' || style.scrollBehavior === 'smooth';
    }).length"""
    async with watch(browser, url, reduced_motion="reduce", contrast="more") as watched:
        for view in VIEWS:
            await watched.open(view)
            assert await watched.page.evaluate(moves) == 0, view
            assert await watched.page.evaluate("getComputedStyle(document.querySelector('main')).color") == (
                "rgb(16, 24, 38)" if not view.startswith("?wall") else "rgb(237, 241, 246)"
            )
    async with watch(browser, url) as watched:
        await watched.open()
        assert await watched.page.evaluate(moves) > 0  # it does look


@pytest.mark.parametrize(("theme", "scripts"), [("light", True), ("dark", True), ("dark", False)])
async def test_the_sign_in_form_is_accessible(tmp_path: Path, theme: str, scripts: bool, browser: Browser) -> None:  # noqa: FBT001
    """One field, whose error is bound to it; keys alone are enough, and it works without scripts."""
    http = f"{{port: 0, token: {TOKEN}}}"
    async with (
        run_page(tmp_path, make_cities(1), http=http) as url,
        watch(browser, url, (360, 740), theme, java_script_enabled=scripts) as watched,
    ):
        watched.expected = ["401", "429"]
        page = watched.page
        await page.goto(f"{url}/?view=service")
        assert await page.locator("input:visible").count() == 1
        assert await page.get_attribute("#token", "aria-describedby") is None
        for _ in range(5):
            await page.fill("#token", "wrong")
            await page.keyboard.press("Enter")
            await page.wait_for_selector(".error[role=alert]")
            assert await page.get_attribute("#token", "aria-describedby") == await page.get_attribute(".error", "id")
            assert await page.get_attribute("#token", "aria-invalid") == "true"
        if scripts:
            assert await watched.find_axe_violations() == []
        await page.fill("#token", TOKEN)
        await page.keyboard.press("Enter")
        await page.wait_for_selector(".error:has-text('Too many tries')")
        assert await page.context.cookies() == []
