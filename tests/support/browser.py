"""Debian's Chromium, driven by Playwright. What a page must never do is collected and fails the test."""

from __future__ import annotations

import asyncio
import contextlib
import importlib.resources
from typing import TYPE_CHECKING, Any

from playwright.async_api import async_playwright

from tests.support.servers import program

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from playwright.async_api import Browser, ConsoleMessage, Page, Request

_VIOLATIONS = "addEventListener('securitypolicyviolation', e => console.error('CSP: ' + e.violatedDirective))"
_SETTLED = """async () => {
  const finite = document.getAnimations().filter(item => item.effect.getComputedTiming().endTime !== Infinity);
  await Promise.all(finite.map(item => item.finished.catch(() => {})));
  await new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)));
}"""
WCAG = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]
DESK, PHONE = (1440, 900), (390, 844)


class WatchedPage:
    """A page, and the faults that it had: errors, requests to other hosts, violations of the policy."""

    def __init__(self, page: Page, url: str) -> None:
        self.page = page
        self.url = url
        self.faults: list[str] = []
        self.expected: list[str] = []  # parts of faults that the test provokes
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.faults.append(f"error: {error}"))
        page.on("request", self._see)
        page.on("requestfinished", self._end)
        page.on("requestfailed", self._end)
        self._loading: set[Request] = set()
        self._loaded = asyncio.Event()

    def _hear(self, message: ConsoleMessage) -> None:
        if message.type in {"error", "warning"}:
            self.faults.append(f"console: {message.text}")

    def _see(self, request: Request) -> None:
        if not request.url.startswith(self.url):
            self.faults.append(f"request to {request.url}")
        if request.is_navigation_request():
            self._loading.clear()  # of the document before
        if request.resource_type != "eventsource":  # which does not end
            self._loading.add(request)
            self._loaded.clear()

    def _end(self, request: Request) -> None:
        self._loading.discard(request)
        if not self._loading:
            self._loaded.set()

    async def open(self, address: str = "") -> None:
        """Load a view, and wait until its script has drawn it."""
        await self.page.goto(f"{self.url}/{address}")
        await self.page.wait_for_selector("main :is(h1, .wall-head)", state="attached")
        await self.page.wait_for_selector(".live .mark", state="attached")

    async def settle(self) -> None:
        """Wait until nothing but the stream is loading, every transition has ended, and the result is drawn."""
        async with asyncio.timeout(20):
            await self._loaded.wait()
        await self.page.evaluate(_SETTLED)

    async def text(self, selector: str) -> str:
        """Return the text of the first element that a selector finds; wait for it."""
        return await self.page.inner_text(selector)

    async def find_axe_violations(self, *rules: str) -> list[str]:
        """Return what axe-core finds, as rule and elements; by default with the rules of WCAG A and AA."""
        if not await self.page.evaluate("'axe' in window"):
            source = importlib.resources.files("axe_playwright_python").joinpath("axe.min.js")
            # in the page's world but not by its own scripts, so that the policy permits it
            await self.page.evaluate(source.read_text(encoding="utf-8"))
        options = {"runOnly": rules or WCAG, "resultTypes": ["violations"]}  # the others may be megabytes
        found: list[dict[str, Any]] = await self.page.evaluate(
            "options => axe.run(document, options).then(results => results.violations)", options
        )
        return [
            f"{violation['id']}: {node['html'][:160]} {node['failureSummary'][:300]}"
            for violation in found
            for node in violation["nodes"][:3]
        ]

    def check(self) -> None:
        """Fail if the page had a fault that the test did not provoke."""
        faults = [fault for fault in self.faults if not any(part in fault for part in self.expected)]
        assert faults == []


@contextlib.asynccontextmanager
async def launch() -> AsyncIterator[Browser]:
    """Start the browser; skip the test if it is missing, or fail it where it is required."""
    path = program("chromium", "chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        try:
            yield browser
        finally:
            await browser.close()


@contextlib.asynccontextmanager
async def watch(
    browser: Browser, url: str, size: tuple[int, int] = DESK, theme: Any = "light", **options: Any
) -> AsyncIterator[WatchedPage]:
    """Open an empty page in a context of its own, and check it at the end."""
    viewport: Any = {"width": size[0], "height": size[1]}
    context = await browser.new_context(viewport=viewport, color_scheme=theme, **options)
    context.set_default_timeout(20_000)
    try:
        await context.add_init_script(_VIOLATIONS)
        watched = WatchedPage(await context.new_page(), url)
        yield watched
        watched.check()
    finally:
        await context.close()
