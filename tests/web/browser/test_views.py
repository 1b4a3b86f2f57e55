"""Every view in a real browser: no faults, accessible, within its width, with and without scripts."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

import pytest

from tests.support.browser import DESK, PHONE, watch
from tests.web.browser.pages import ATTACK, PLACES, make_cities, run_page
from weatherd.city import City

if TYPE_CHECKING:
    from pathlib import Path

    from playwright.async_api import Browser

pytestmark = [
    *(pytest.mark.real_time, pytest.mark.processes, pytest.mark.once, pytest.mark.timeout(300)),
    pytest.mark.asyncio(loop_scope="session"),  # that of the browser
]

VIEWS = [
    "",
    "?city=kiel",
    "?city=kiel&span=7d",
    "?city=kiel&span=90d",
    "?view=map",
    "?view=service",
    "?wall&dim=0-24",
    "?wall&dim=3-3",
]


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
async def test_every_view_is_accessible_and_without_faults(
    size: tuple[int, int], theme: str, browser: Browser, url: str
) -> None:
    """axe-core finds nothing; there is no error, no request to another host, and no violation of the policy."""
    async with watch(browser, url, size, theme) as watched:
        for view in VIEWS:
            await watched.open(view)
            await watched.settle()
            assert await watched.find_axe_violations() == [], view
            await watched.page.evaluate("document.querySelector('h1').before(document.createElement('button'))")
            assert await watched.find_axe_violations("button-name") != []  # it does look
            assert await watched.page.evaluate("window.attacked") is None
            assert await watched.page.locator("main img").count() == 0


async def test_no_view_scrolls_sideways(browser: Browser, url: str) -> None:
    """The page fits from 320 pixels to 4K."""
    async with watch(browser, url) as watched:
        for width, view in itertools.product([320, 360, 768, 1440, 3840], VIEWS):
            await watched.page.set_viewport_size({"width": width, "height": 800})
            await watched.open(view)
            await watched.settle()
            widths = "[document.documentElement.scrollWidth, document.documentElement.clientWidth]"
            wide, room = await watched.page.evaluate(widths)
            assert wide <= room, (width, view)


@pytest.mark.parametrize("scripts", [True, False], ids=["live", "plain"])
async def test_long_names_and_tags_do_not_widen_the_page(tmp_path: Path, scripts: bool, browser: Browser) -> None:  # noqa: FBT001 - parametrized
    """A name or a tag of one word that is wider than the screen is broken or ends in an ellipsis."""
    long = City(name="W" * 200, lat=1, lon=1, timezone="UTC", tags=(("region", "W" * 100),))
    async with (
        run_page(tmp_path, [*make_cities(2), long]) as url,
        watch(browser, url, (360, 800), java_script_enabled=scripts) as watched,
    ):
        for view in ("", "?as=table", f"?city={long.id}", "?city=yakutsk", "?view=map", "?wall"):
            await (watched.open(view) if scripts else watched.page.goto(f"{url}/{view}"))
            heading = await watched.page.locator("main :is(h1, select, .switch)").evaluate_all(
                "nodes => nodes.map(node => node.scrollWidth + node.getBoundingClientRect().left)"
            )
            assert max(heading, default=0) <= 360, view


async def test_the_page_works_without_scripts(browser: Browser, url: str) -> None:
    """There is a table of the cities, and one of a city, which reload themselves."""
    async with watch(browser, url, java_script_enabled=False) as watched:
        await watched.page.goto(url)
        assert await watched.page.locator("tbody tr").count() == len(PLACES)
        assert await watched.page.locator("meta[http-equiv=refresh]").count() == 1
        await watched.page.click("text=Kiel")
        assert await watched.page.locator("tbody tr").count() > 15
        assert "open-meteo" in await watched.text("main")


async def test_the_page_is_small_and_fetches_nothing_twice(browser: Browser, url: str) -> None:
    """The overview of a small list needs its document, its files and the stream, each once."""
    async with watch(browser, url) as watched:
        requests: list[str] = []
        watched.page.on("request", lambda request: requests.append(request.url.removeprefix(url)))
        await watched.open()
        await watched.page.wait_for_selector(".live:has-text('Live')")
        await watched.settle()
        files = [path for path in requests if not path.endswith("icon.svg")]  # also the icon of the tab
        assert len(files) == len(set(files))
        assert {path.split("?")[0] for path in requests if path.startswith("/api/")} == {"/api/v1/stream"}


async def test_a_view_survives_any_word_of_a_service(browser: Browser, url: str) -> None:
    """Names with HTML are text, also in results of a search."""
    async with watch(browser, url) as watched:
        await watched.open()
        await watched.page.fill(".find input", "<img")
        await watched.page.wait_for_selector(".results li")
        assert await watched.text(".results bdi") == ATTACK
        await watched.page.keyboard.press("Enter")
        await watched.page.wait_for_url("**/?city=*")
        assert await watched.text("h1") == ATTACK
        assert await watched.page.evaluate("window.attacked") is None


async def test_the_service_view_shows_the_last_day_and_hour(tmp_path: Path, browser: Browser) -> None:
    """Each provider has its attempts of the day as columns, each forwarder its backlog; a city lists its attempts."""
    webhook = "{url: 'http://127.0.0.1:9/'}"
    async with (
        run_page(tmp_path, make_cities(3), webhook=webhook) as url,
        watch(browser, url) as watched,
    ):
        await watched.open("?view=service")
        label = str(await watched.page.get_attribute("svg.lag", "aria-label"))
        assert re.fullmatch(r"Waiting rows in the last hour: at most [1-9][\d,]*", label)
        assert await watched.page.locator("svg.lag rect").count() >= 2
        await watched.open("?city=yakutsk")
        await watched.page.click("summary")
        await watched.page.wait_for_selector("details tbody tr")
        rows = await watched.page.locator("details tbody tr").all_inner_texts()
        assert len(rows) in {20, 21}  # the last one may have brought nothing new
        assert re.fullmatch(r"\d\d:\d\d:\d\d\s+−?[\d.]+\s+open-meteo: value of \d\d:\d\d", rows[-10])
        await watched.page.evaluate("document.querySelector('details tbody th').textContent = 'Wed 25 23:55:00'")
        edge = "document.querySelector('{}').getBoundingClientRect().right"
        assert await watched.page.evaluate(edge.format(".why")) <= await watched.page.evaluate(edge.format(".now"))
        assert await watched.find_axe_violations() == []


async def test_large_cards_have_one_order(browser: Browser, tmp_path: Path) -> None:
    """The days stand below the curve and the figures, also on a card without an alert."""
    async with run_page(tmp_path, make_cities(3)) as url, watch(browser, url) as watched:
        await watched.open()
        await watched.page.locator(".large .days").nth(2).wait_for()
        bottoms = "[...document.querySelectorAll('.large .figures')].map(node => node.getBoundingClientRect().bottom)"
        tops = "[...document.querySelectorAll('.large .days')].map(node => node.getBoundingClientRect().top)"
        pairs = zip(await watched.page.evaluate(bottoms), await watched.page.evaluate(tops), strict=True)
        assert all(bottom <= top for bottom, top in pairs)


async def test_units_and_words_are_the_reader_s(tmp_path: Path, browser: Browser) -> None:
    """The settings choose units and language; a browser may choose others and keeps them."""
    async with (
        run_page(tmp_path, make_cities(), units="us", language="de") as url,
        watch(browser, url) as watched,
    ):
        await watched.open("?city=kiel")
        assert "°F" in await watched.text(".now .temp")
        assert await watched.page.get_attribute(".now .words bdi", "lang") == "de"
        german = await watched.text(".now .words")
        await watched.page.click(".tools button >> nth=0")
        await watched.page.select_option("dialog select >> nth=0", "metric")
        await watched.page.select_option("dialog select >> nth=1", "fr")
        await watched.page.wait_for_selector(".now .words bdi[lang=fr]")
        assert await watched.text(".now .words") != german
        assert await watched.find_axe_violations() == []
        await watched.open("?city=kiel")
        assert "°C" in await watched.text(".now .temp")
        assert await watched.page.get_attribute(".now .words bdi", "lang") == "fr"


async def test_a_map_of_a_small_region_admits_a_rough_coast(browser: Browser, url: str) -> None:
    """The legend says that the coast is rough below 20 degrees of longitude, and only there."""
    async with watch(browser, url) as watched:
        for address, is_rough in [("?view=map&at=54,10,100", True), ("?view=map", False)]:
            await watched.open(address)
            await watched.settle()
            assert ("Coast: rough." in await watched.text(".legend")) == is_rough, address


async def test_every_code_has_an_icon(browser: Browser, url: str) -> None:
    """The codes 0 to 99 have an icon each; any other code has that of an unknown one."""
    wanted = {0: "clear", 2: "partly", 3: "overcast", 45: "fog", 61: "rain", 65: "heavy", 71: "snow", 80: "showers"}
    wanted |= {95: "thunder", 96: "thunderhail", 16: "overcast", 17: "thunder", 79: "sleet", 82: "heavy", 98: "thunder"}
    async with watch(browser, url) as watched:
        await watched.open()
        script = "document.querySelector('script[src$=\"main.js\"]').src.replace('main.js', 'icons.js')"
        names = await watched.page.evaluate(
            f"import({script}).then(icons => [...Array(100).keys(), 100, -1, null, 1.5].map(icons.iconName))"
        )
        assert {code: names[code] for code in wanted} == wanted
        assert "unknown" not in names[:100]
        assert set(names[100:]) == {"unknown"}


async def test_suspect_values_are_marked(tmp_path: Path, browser: Browser) -> None:
    """With a question mark on the card, in the table and on the city's page, which names the test that failed."""
    async with (
        run_page(tmp_path, make_cities(), interval="3s", quality="{temperature: {high: -50}}") as url,
        watch(browser, url) as watched,
    ):
        await watched.open("?city=kiel")
        await watched.page.wait_for_selector(".now .temp .doubt")
        assert (await watched.text(".now .temp")).endswith("?")
        assert "Suspect: temperature range" in await watched.text("dl.why")
        assert await watched.find_axe_violations() == []
        await watched.open("")
        await watched.page.wait_for_selector(".card .temp .doubt")
        label = await watched.page.get_attribute("[data-id=kiel]", "aria-label")
        assert label
        assert "suspect: temperature range" in label
        assert await watched.find_axe_violations() == []
        await watched.open("?as=table")
        mark = await watched.page.wait_for_selector("tr[data-id=kiel] .chip .doubt")
        assert mark
        colors = "mark => [mark, mark.parentNode].map(element => getComputedStyle(element).color)"
        assert len(set(await mark.evaluate(colors))) == 1  # as the number, whose color is legible on each chip
