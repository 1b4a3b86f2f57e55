"""Alerts and official warnings on the page, in a real browser."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.support.browser import DESK, PHONE, watch
from tests.web.browser.pages import ATTACK, make_cities, run_page
from weatherd.city import City

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from playwright.async_api import Browser

pytestmark = [
    *(pytest.mark.real_time, pytest.mark.processes, pytest.mark.once, pytest.mark.timeout(300)),
    pytest.mark.asyncio(loop_scope="session"),  # that of the browser
]

RULES = {
    "frost": {"when": "temperature < 60", "severity": "critical", "message": f"{{name}}: {ATTACK}", "notify": ["ops"]},
    "calm": {"when": "temperature < 60", "for": "2h", "cities": ["kiel"]},
}
KIEL = City(name="Kiel", lat=54.3, lon=10.1, timezone="Asia/Tokyo")
LIST = [KIEL, *make_cities(1)]


async def _warn(_: web.Request) -> web.Response:
    """Respond as Bright Sky, with a storm in Kiel until 15:00 UTC tomorrow, in texts that attack."""
    now = datetime.now(UTC)
    end = (now + timedelta(days=1)).replace(hour=15, minute=0)
    alert = {
        "id": 1,
        "alert_id": "2.49.0.0.276.0.DWD.PVW.1795825806000.storm.1",
        "effective": now.isoformat(),
        "onset": now.isoformat(),
        "expires": end.isoformat(),
        "severity": "severe",
        "urgency": "immediate",
        "certainty": "likely",
        "status": "actual",
        "category": "met",
        "response_type": "prepare",
        "event_code": 59,
        "event_de": "Sturm",
        **dict.fromkeys(("event_en", "headline_en", "headline_de"), f"Storm {ATTACK}"),
        **dict.fromkeys(("description_en", "description_de"), f"Long text.\n\n{ATTACK}"),
        **dict.fromkeys(("instruction_en", "instruction_de"), f"Stay at home. {ATTACK}"),
    }
    place = {"warn_cell_id": 1, "name": f"Kiel {ATTACK}", "name_short": "Kiel", "district": "", "state": ""}
    return web.json_response({"alerts": [alert], "location": place})


@contextlib.asynccontextmanager
async def run_noticed(folder: Path) -> AsyncIterator[str]:
    """Run the daemon with rules and warnings, and yield the address of the page."""
    app = web.Application()
    app.router.add_get("/alerts", _warn)
    rules = folder / "alerts.yaml"
    rules.write_text(json.dumps({"alerts": RULES, "notify": {"ops": {"webhook": "http://127.0.0.1:9/"}}}))
    async with TestServer(app, host="127.0.0.1") as server:
        bright_sky = f"{{base_url: '{server.make_url('')}'}}"
        async with run_page(folder, LIST, alerts=str(rules), bright_sky=bright_sky, warnings="[bright-sky]") as url:
            yield url


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def noticed(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """Run that daemon for tests that only read its page."""
    async with run_noticed(tmp_path_factory.mktemp("noticed")) as url:
        yield url


@pytest.mark.parametrize(("size", "theme"), [(DESK, "light"), (PHONE, "dark")], ids=["desk", "phone"])
async def test_notices_are_on_every_view(size: tuple[int, int], theme: str, browser: Browser, noticed: str) -> None:
    """Counts, a badge with a shape and a word, what needs a look, the texts of a city; accessible, and all as text."""
    async with watch(browser, noticed, size, theme) as watched:
        page = watched.page
        await watched.open()
        await page.wait_for_selector(".sentence .mark.warning", timeout=40_000)
        assert "2 alerts firing" in await watched.text(".sentence")
        assert "1 official warning" in await watched.text(".sentence")
        badge = page.locator("a.card[data-id=kiel] .badge")
        assert (await badge.inner_text()).split() == ["Alert:", "frost", "+1"]
        assert await badge.locator(".mark.alert path[fill-rule=evenodd]").count() == 1
        assert f", Alert: frost, Severe: Storm {ATTACK}" in str(
            await page.get_attribute("a.card[data-id=kiel]", "aria-label")
        )
        looks = await page.locator(".looks li").all_inner_texts()
        assert looks[0].startswith("Alert: frost")
        assert f"{ATTACK}, Kiel. {ATTACK}: {ATTACK}" in looks[0].replace("\n", "")
        assert looks[1].startswith(f"Severe: Storm {ATTACK}")
        assert await watched.find_axe_violations() == []
        await watched.open("?city=kiel")
        boxes = await page.locator(".notices li").all_inner_texts()
        assert [box.split("\n")[0].split(" · ")[0] for box in boxes[:2]] == ["Alert: frost", "Pending alert: calm"]
        assert boxes[2].startswith(f"Severe: Storm {ATTACK} until ")
        assert " 00:00 GMT+9" in boxes[2]
        assert f"Stay at home. {ATTACK}" in boxes[2]
        assert f"Kiel {ATTACK} · bright-sky, issued" in boxes[2]
        await page.click(".notices summary")
        assert ATTACK in await watched.text(".notices details")
        assert await watched.find_axe_violations() == []
        await watched.open("?view=service")
        panels = {await panel.locator("h2").inner_text(): panel for panel in await page.locator(".panel:has(h2)").all()}
        assert "ops" in await panels["Notifications of alerts"].inner_text()
        assert "bright-sky" in await panels["Official warnings"].inner_text()
        assert "notify" not in await panels["Forwarders"].inner_text()
        assert await watched.find_axe_violations() == []
        await watched.open("?view=map")
        counts = await watched.text(".about .counts")
        assert ("2 alerts firing" in counts, "1 official warning" in counts) == (True, True)
        assert await watched.find_axe_violations() == []
        await watched.open("?wall&dim=3-3")
        assert "Alert: frost" in await watched.text(".wall-foot")
        assert await watched.find_axe_violations() == []
        assert await page.evaluate("window.attacked") is None
        assert await page.locator("main img").count() == 0


async def test_an_alert_that_ends_leaves_the_page(tmp_path: Path, browser: Browser) -> None:
    """The cards and the city show within seconds what has changed, without a reload of the page."""
    async with (
        run_noticed(tmp_path) as url,
        watch(browser, url) as watched,
        watch(browser, url) as other,
    ):
        await watched.open()
        await other.open("?city=kiel")
        await watched.page.wait_for_selector("a.card[data-id=kiel] .badge.alert")
        await other.page.wait_for_selector(".notices .mark.alert")
        (tmp_path / "alerts.yaml").write_text("alerts: {}\n")
        await watched.page.wait_for_selector("a.card[data-id=kiel] .badge.alert", state="detached", timeout=40_000)
        await other.page.wait_for_selector(".notices .mark.alert", state="detached", timeout=40_000)
        assert "alert" not in await watched.text(".sentence")


async def test_an_alert_brightens_the_wall_at_night(tmp_path: Path, browser: Browser) -> None:
    """The wall is dim with the alerts that it knows, and at full strength for a minute after another fires."""
    async with run_noticed(tmp_path) as url, watch(browser, url) as watched:
        await watched.open()
        await watched.page.wait_for_selector(".sentence .mark.warning", timeout=40_000)
        await watched.open("?wall&dim=0-24")
        await watched.page.wait_for_selector("body.dim")
        more = RULES | {"cold": {"when": "temperature < 60"}}
        (tmp_path / "alerts.yaml").write_text(
            json.dumps({"alerts": more, "notify": {"ops": {"webhook": "http://[::1]:9/"}}})
        )
        await watched.page.wait_for_selector("body:not(.dim)", timeout=90_000)
        assert "cold" in await watched.text(".wall-foot")


async def test_notices_without_scripts(browser: Browser, noticed: str) -> None:
    """The overview counts and lists them, the city has the texts."""
    async with watch(browser, noticed, java_script_enabled=False) as watched:
        for _ in range(40):
            await watched.page.goto(noticed)
            if "official warning" in await watched.text("main"):
                break
            await watched.page.wait_for_timeout(1000)
        text = await watched.text("main")
        assert "2 alerts firing, 1 official warning" in text
        assert f"Severe: Storm {ATTACK}" in text
        await watched.page.click("tbody >> text=Kiel")
        text = await watched.text("main")
        assert "Alert: frost (critical)" in text
        assert f"Stay at home. {ATTACK}" in text
        assert await watched.page.locator("main img").count() == 0
