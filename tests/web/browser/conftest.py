"""One browser for all tests of a process, and one daemon for those that only read its pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest_asyncio

from tests.support.browser import launch
from tests.web.browser.pages import make_cities, run_page

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest
    from playwright.async_api import Browser


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    """Run the browser; each page that a test opens has a context of its own."""
    async with launch() as browser:
        yield browser


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def url(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """Run a daemon with cities all over the world; yield the address of its page."""
    async with run_page(tmp_path_factory.mktemp("page"), make_cities()) as url:
        yield url
