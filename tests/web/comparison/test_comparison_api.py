"""The comparison of a city's services in the API: the same numbers as those of the command."""

from __future__ import annotations

import contextlib
import json
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from tests.support.commands import run_weatherd
from tests.support.daemon import make_latest, make_registry, make_status
from tests.support.fakes import VirtualJournal, make_fetched
from weatherd.city import City
from weatherd.cli.client import Client, ClientError
from weatherd.config.http_section import HttpSection
from weatherd.pipeline.forwarders.group import DeliveryGroup
from weatherd.web.on_demand import serve_http

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from weatherd.journal.store import Store
    from weatherd.observation import FetchedObservation

pytestmark = pytest.mark.real_time
KIEL = City(name="Kiel", lat=54.3, lon=10.1, providers=("open-meteo", "met-norway"), compare=("bright-sky",))
NOW = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
HOURS = 10 * 24
_LIST = "{name: Kiel, lat: 54.3, lon: 10.1, providers: [open-meteo, met-norway], compare: [bright-sky]}"


@contextlib.asynccontextmanager
async def serve(folder: Path, city: City = KIEL) -> AsyncIterator[Client]:
    """Serve ten days of three services, of which the station is polled for comparison only and had an outage."""
    with contextlib.closing(VirtualJournal(folder / "weatherd.sqlite")) as journal:
        for provider, temperature in (("open-meteo", 11.0), ("met-norway", 7.5)):
            await journal.add([observe(city, provider, temperature + hour % 3, hour) for hour in range(HOURS)])
        for hour in [*range(100), *range(110, HOURS)]:
            await journal.call(partial(_add_compared, observe(city, "bright-sky", 10.0, hour)))
        parts: dict[str, Any] = {"registry": make_registry([city]), "latest": make_latest([city]), "journal": journal}
        status = make_status(**parts, deliveries=DeliveryGroup([]), now=lambda: NOW)
        async with serve_http(status, HttpSection(port=0)) as url, Client(url) as client:
            yield client


def _add_compared(fetched: FetchedObservation, store: Store) -> None:
    store.compared.add(fetched.observation)


def observe(city: City, provider: str, temperature: float, hour: int) -> FetchedObservation:
    """Return an observation so many hours after the begin of the ten days."""
    at = NOW - timedelta(hours=HOURS - hour)
    return make_fetched(city, observed_at=at, fetched_at=at, provider=provider, temperature=temperature)


async def test_services_of_a_city(tmp_path: Path) -> None:
    """The station is the reference and preferred; each other service has its pairs, errors and interval."""
    async with serve(tmp_path) as client:
        found, shorter = await client.get_comparison("kiel"), await client.get_comparison("kiel", days=2)
    assert (found.city, found.field, found.unit, found.reference) == ("kiel", "temperature", "°C", "bright-sky")
    assert (found.preferred, found.reason) == ("bright-sky", "measures")
    station, nearer, farther = found.services
    assert (station.provider, station.observations, station.pairs, station.bias) == ("bright-sky", 230, 0, None)
    assert [(outage.begin, outage.end) for outage in station.outages or ()] == [
        tuple(f"{NOW - timedelta(hours=HOURS - hour):%Y-%m-%dT%H:%M:%SZ}" for hour in (99, 110))
    ]
    assert (nearer.provider, nearer.pairs, nearer.outages) == ("met-norway", 230, None)
    assert (farther.provider, farther.pairs, farther.outages) == ("open-meteo", 230, [])
    assert nearer.bias is not None
    assert nearer.interval is not None
    assert nearer.bias == pytest.approx(-1.5, abs=0.01)
    assert nearer.interval[0] <= nearer.bias <= nearer.interval[1]
    assert (len(shorter.services), shorter.services[1].pairs) == (3, 48)
    assert nearer.mean_absolute_error == pytest.approx(1.5, abs=0.01)


async def test_numbers_are_those_of_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The API and ``weatherd compare`` have the same services, numbers and advice of the same journal and time."""
    (tmp_path / "state").mkdir()
    (tmp_path / "weatherd.yaml").write_text("state: state\n")
    (tmp_path / "cities.yaml").write_text(f"cities:\n  - {_LIST}\n")
    monkeypatch.setenv("WEATHERD_CONFIG", str(tmp_path / "weatherd.yaml"))
    async with serve(tmp_path / "state") as client:
        found = (await client.get_comparison("kiel", "temperature")).model_dump(mode="json")
    times = ("--since", f"{NOW - timedelta(days=30):%Y-%m-%dT%H:%M}Z", "--until", f"{NOW:%Y-%m-%dT%H:%M}Z")
    capsys.readouterr()
    code, out, err = run_weatherd(capsys, "compare", "Kiel", "--format", "json", *times)
    assert (code, err) == (0, "")
    document = json.loads(out)
    for name in ("since", "until", "field", "unit", "reference", "preferred", "reason", "services"):
        assert document[name] == found[name], name


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("field=wind_direction", "'field'"),
        ("days=93", "less than or equal to 92"),
        ("days=1.5", "whole number"),
        ("since=2026-01-01T00:00:00Z", "since"),
    ],
)
async def test_wrong_parameters_are_explained(tmp_path: Path, query: str, message: str) -> None:
    """A field without a mean error, too many days and an unknown parameter are an error 400 that names it."""
    async with (
        serve(tmp_path) as client,
        aiohttp.ClientSession(client.url) as session,
        session.get(f"/api/v1/cities/kiel/comparison?{query}") as response,
    ):
        assert response.status == 400
        assert message in (await response.json())["detail"]


async def test_a_city_without_observations(tmp_path: Path) -> None:
    """It has no services; a city that is not in the list is an error 404."""
    hamburg = City(name="Hamburg", lat=53.5, lon=10.0)
    async with serve(tmp_path, hamburg) as client:
        found = await client.get_comparison("hamburg", "cloud_cover")
        assert (found.services, found.preferred, found.unit) == ([], None, "%")
        with pytest.raises(ClientError, match="kiel"):
            await client.get_comparison("kiel")
