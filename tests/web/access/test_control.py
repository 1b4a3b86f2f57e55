"""Access with a token: programs, browsers, public parts, and clients that guess."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.support.daemon import make_status
from tests.support.fakes import KIEL, VirtualJournal
from weatherd.config.http_section import HttpSection
from weatherd.web.on_demand import serve_http

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from pathlib import Path

TOKEN = "a-recognisable-token"
_HTML = {"Accept": "text/html,*/*"}


class Browser:
    """A browser without scripts: it keeps cookies and does not follow redirects by itself."""

    def __init__(self, url: str, session: aiohttp.ClientSession) -> None:
        self.url = url
        self._session = session

    async def get(self, path: str = "/", **headers: str) -> tuple[int, str]:
        """Load a page. Return its status and text."""
        async with self._session.get(self.url + path, headers=_HTML | headers) as response:
            return response.status, await response.text()

    async def sign_in(
        self, token: str, address: str = "", headers: Mapping[str, str] | None = None
    ) -> aiohttp.ClientResponse:
        """Send the form."""
        form = {"token": token, "next": address}
        async with self._session.post(
            f"{self.url}/sign-in", data=form, headers=headers, allow_redirects=False
        ) as response:
            await response.read()
            return response


@contextlib.asynccontextmanager
async def browse(folder: Path, **http: Any) -> AsyncIterator[Browser]:
    """Serve with a token and yield a browser."""
    with contextlib.closing(VirtualJournal(folder / "weatherd.sqlite")) as journal:
        status = make_status([KIEL], journal=journal)
        section = HttpSection.model_validate({"port": 0, "token": TOKEN} | http)
        jar = aiohttp.CookieJar(unsafe=True)  # also for IP addresses
        async with serve_http(status, section) as url, aiohttp.ClientSession(cookie_jar=jar) as session:
            yield Browser(url, session)


pytestmark = pytest.mark.real_time


async def test_a_browser_signs_in_with_a_form(tmp_path: Path) -> None:
    """It gets a form that shows nothing of the data, then a cookie, and the view that it asked for."""
    async with browse(tmp_path) as browser:
        status, text = await browser.get("/?city=kiel")
        assert status == 401
        assert "Kiel" not in text
        assert 'name="next" value="?city=kiel"' in text
        response = await browser.sign_in(TOKEN, "?city=kiel")
        assert (response.status, response.headers["Location"]) == (303, "./?city=kiel")
        cookie = response.headers["Set-Cookie"]
        assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
        assert "Secure" not in cookie
        status, text = await browser.get("/?city=kiel")
        assert (status, "Kiel" in text, "Sign out" in text) == (200, True, True)
        assert (await browser.get("/api/v1/cities"))[0] == 200


async def test_the_cookie_is_secure_behind_tls(tmp_path: Path) -> None:
    """A reverse proxy reports that the browser used TLS; then the cookie never leaves it without."""
    async with browse(tmp_path) as browser:
        response = await browser.sign_in(TOKEN, headers={"X-Forwarded-Proto": "https"})
        assert "Secure" in response.headers["Set-Cookie"].split("; ")


@pytest.mark.parametrize("address", ["//evil.example", "https://evil.example", "?a\r\nSet-Cookie: b=c", "x", '?"><b>'])
async def test_it_returns_only_to_its_own_views(tmp_path: Path, address: str) -> None:
    """The form does not lead to another site."""
    async with browse(tmp_path) as browser:
        assert (await browser.sign_in(TOKEN, address)).headers["Location"] == "./"


async def test_wrong_tokens_are_slowed_down(tmp_path: Path) -> None:
    """After five wrong ones the form is closed for that address, even to the right one; others may sign in."""
    async with browse(tmp_path) as browser:
        for left in (4, 3, 2, 1, 0):
            response = await browser.sign_in("wrong")
            assert response.status == 401
            assert (f"{left} more tr" in await response.text()) == (left > 0)
        response = await browser.sign_in(TOKEN)
        assert response.status == 429
        assert re.search(r"Try again at \d\d:\d\d UTC", await response.text())
        assert (await browser.sign_in(TOKEN, headers={"X-Forwarded-For": "192.0.2.1"})).status == 303
        assert (await browser.get())[0] == 200  # signed in


async def test_programs_use_the_header(tmp_path: Path) -> None:
    """A program gets a problem document, not the form, and passes with the header."""
    async with browse(tmp_path) as browser:
        status, text = await browser.get("/api/v1/cities")
        assert (status, "Bearer" in text) == (401, True)
        assert (await browser.get("/", Accept="application/json"))[0] == 401
        assert (await browser.get("/api/v1/cities", Authorization=f"Bearer {TOKEN}"))[0] == 200


@pytest.mark.parametrize(
    ("public", "opened"),
    [
        (["health"], {"/-/ready"}),
        ([], set()),
        (["metrics"], {"/metrics"}),
        (["page", "health"], {"/", "/api/v1/cities", "/-/ready"}),
    ],
)
async def test_public_parts_need_no_token(tmp_path: Path, public: list[str], opened: set[str]) -> None:
    """``http.public`` opens parts on purpose, to known hosts; a reload always needs the token."""
    paths = ("/", "/api/v1/cities", "/-/ready", "/metrics")
    async with browse(tmp_path, public=public) as browser:
        assert {path for path in paths if (await browser.get(path))[0] != 401} == opened
        for path in opened - {"/-/ready"}:
            assert (await browser.get(path, Host="evil.example"))[0] == 421
        async with aiohttp.ClientSession() as session, session.post(f"{browser.url}/-/reload") as response:
            assert response.status == 401


async def test_the_form_works_with_its_files(tmp_path: Path) -> None:
    """The files of the form need no token, and there is nothing else behind their address."""
    async with browse(tmp_path) as browser:
        _, text = await browser.get()
        for path in re.findall(r'(?:href|src)="(static/[^"]+)"', text):
            assert (await browser.get(f"/{path}"))[0] == 200
        assert (await browser.get("/static/x/../api/v1/cities"))[0] in {401, 404}
        assert (await browser.get("/sign-in"))[0] == 401  # a reload leads back to the form
