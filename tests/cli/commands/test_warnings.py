"""``weatherd warnings`` and ``Client.list_warnings()``, with a server that has the warnings of the test."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web

from tests.cli.test_client import CITIES, serving
from tests.support.commands import run_weatherd
from tests.support.official_warnings import storm
from tests.support.virtual_time import EPOCH
from weatherd.cli.client import Client
from weatherd.official_warning import Severity
from weatherd.warnings.current import CityWarning
from weatherd.web.schemas import StatusModel
from weatherd.web.warnings.models import WarningStatusModel
from weatherd.web.warnings.serializers import serialize_warning

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    Run = Callable[..., Awaitable[tuple[int, str, str]]]

pytestmark = [pytest.mark.real_time, pytest.mark.once]
CITY = CITIES[0]["id"]
FOUND = [
    CityWarning(CITY, storm("1", severity=Severity.EXTREME, description="Gusts.\n\nTides.", ends=None), EPOCH),
    CityWarning("zurich", storm("2", event="[red]Fog[/]\x1b[31m"), EPOCH),
]


class FakeWarnings:
    """A daemon with two warnings, one on a page, or with none because they are off."""

    def __init__(self) -> None:
        self.is_on = True
        self.cities = {city["id"]: city for city in CITIES}

    async def list_page(self, request: web.Request) -> web.Response:
        """Respond with the warning after the query's city, or of it."""
        after, city = request.query.get("after", ""), request.query.get("city")
        found = [one for one in FOUND if self.is_on and one.city > after and city in (None, one.city)]
        page = [serialize_warning(one, one.city.capitalize()).model_dump() for one in found[:1]]
        return web.json_response({"warnings": page, "next": found[0].city if len(found) > 1 else None})

    async def find_city(self, request: web.Request) -> web.Response:
        """Respond with a city."""
        detail = {"timezone": None, "providers": ["nws"], "interval": 600.0, "phase": 1.0, "budget": None}
        found = self.cities.get(request.match_info["id"])
        if found is None:
            return web.json_response({"title": "Not Found", "status": 404, "detail": "no such city"}, status=404)
        return web.json_response({**found, **detail, "attempt": None})

    async def list_cities(self, request: web.Request) -> web.Response:
        """Respond with the list, or with the cities that have the name in the query."""
        found = [city for city in CITIES if request.query.get("name") in (None, city["name"])]
        return web.json_response({"cities": found, "next": None})

    @property
    def routes(self) -> dict[str, Any]:
        """The handlers by path."""
        return {
            "/api/v1/warnings": self.list_page,
            "/api/v1/cities": self.list_cities,
            "/api/v1/cities/{id}": self.find_city,
        }


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return the command as a function that runs in a thread, because the server runs in this one."""
    monkeypatch.setenv("TZ", "UTC")
    return lambda *arguments: asyncio.to_thread(run_weatherd, capsys, "warnings", *arguments)


async def test_all_pages_are_read() -> None:
    """The warnings of all cities, or of one, in the order of the pages."""
    async with serving(FakeWarnings().routes) as url, Client(url) as client:
        assert [one.key async for one in client.list_warnings()] == ["1", "2"]
        assert [one.key async for one in client.list_warnings("zurich")] == ["2"]


async def test_a_table_and_the_texts_of_a_city(run: Run) -> None:
    """All have a line each; of a city, the paragraphs of the texts follow. Texts are printed as they are."""
    async with serving(FakeWarnings().routes) as url:
        code, table, _ = await run("--url", url)
        assert code == 0
        heading, first, second = table.splitlines()
        assert heading.split() == ["city", "severity", "event", "from", "until", "provider"]
        assert [first.split()[:2], first.split()[-2:]] == [[CITY.capitalize(), "extreme"], ["–", "fake"]]
        assert "[red]Fog[/]\\u001b[31m" in second
        code, text, _ = await run(CITIES[0]["name"], "--url", url)
        assert code == 0
        assert text.splitlines()[0] == "Storm Warning (extreme, fake)"
        assert [line.strip() for line in text.splitlines()[-4:]] == [
            "Storm from 3:00", "Gusts.", "Tides.", "Stay inside.",
        ]  # fmt: skip
        code, text, _ = await run("--format", "json", "--url", url)
        assert [warning["key"] for warning in json.loads(text)] == ["1", "2"]
        assert (await run("Nowhere", "--url", url))[0] == 64


async def test_no_warning_is_in_force(run: Run) -> None:
    """A sentence names the setting if the daemon requests no warnings."""
    daemon = FakeWarnings()
    daemon.is_on = False
    known = WarningStatusModel(in_force=0, cities=0, worst=[], services=[])
    for warnings, advice in ((None, ": the daemon requests none; set warnings: auto"), (known, "")):
        status = StatusModel(
            version="1", ready=True, cities={}, quarantined=0, account={}, providers=[], forwarders=[],
            reload_successful=True, warnings=warnings,
        )  # fmt: skip

        async def get_status(_: web.Request, status: StatusModel = status) -> web.Response:
            return web.json_response(status.model_dump())

        async with serving(daemon.routes | {"/api/v1/status": get_status}) as url:
            assert await run("--url", url) == (0, f"no official warning is in force{advice}\n", "")
