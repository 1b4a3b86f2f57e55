"""``weatherd history`` and ``export`` in a cluster: from the table in PostgreSQL that all nodes write."""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import UTC, date, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import pytest

from tests.support.commands import run_weatherd
from tests.support.fakes import BERLIN, KIEL, make_fetched
from tests.support.servers import Postgres, free_port, running
from weatherd.cli.history.shared_table import SharedTable
from weatherd.journal.reader import Reader
from weatherd.journal.store import Store
from weatherd.pipeline.forwarders.postgres import PostgresForwarder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from pathlib import Path

    from weatherd.city import City
    from weatherd.observation import FetchedObservation

pytestmark = [pytest.mark.real_time, pytest.mark.once]
NOW = datetime.now(UTC).replace(microsecond=0)
_OWN_TABLE = """
CREATE TABLE weatherd_observation (city text, provider text, station text, observed_at timestamptz,
  fetched_at timestamptz, temperature numeric(6, 1), description text, code integer, apparent_temperature real,
  relative_humidity real, pressure_msl numeric, wind_speed real, wind_direction real, wind_gust real,
  precipitation numeric, cloud_cover real, visibility real, PRIMARY KEY (city, provider, station, observed_at))
"""


@pytest.fixture
async def server() -> AsyncIterator[Postgres]:
    """Run a server."""
    async with running(server := Postgres()):
        yield server


def _make_past(city: City, hours: int) -> Iterator[FetchedObservation]:
    """Yield observations of some days with a gap, of two services, suspect ones, and some that were filled in."""
    for number in range(hours * 2):
        at = NOW - timedelta(minutes=30 * number)
        if 20 < number < 30:
            continue
        origin = "backfill" if number % 9 == 0 else "live"
        quality = "suspect: temperature step" if number % 17 == 0 else "ok"
        yield make_fetched(
            city,
            provider="other" if number % 5 == 0 else "fake",
            observed_at=at,
            fetched_at=at + timedelta(seconds=5),
            temperature=number % 13 - 4.0,
            precipitation=None if number % 4 == 0 else number % 3 / 10,
            wind_gust=number % 11 + 0.5,
            origin=origin,
            quality=quality,
        )


async def _deliver(dsn: str, rows: Sequence[FetchedObservation]) -> None:
    async with PostgresForwarder(dsn).connect() as connection:
        await connection.deliver([row.observation for row in rows], "key")


def _add_to_journal(file: Path, rows: Sequence[FetchedObservation]) -> None:
    with contextlib.closing(Store(file)) as store:
        store.add([row for row in rows if row.observation.origin == "live"])
        store.add_past([row.observation for row in rows if row.observation.origin != "live"])


def _compare(dsn: str, file: Path) -> None:
    begin, end, zone = NOW - timedelta(days=3), NOW - timedelta(hours=2), ZoneInfo("Europe/Berlin")
    with contextlib.closing(SharedTable(dsn)) as table, contextlib.closing(Reader(file)) as reader:
        assert table.list_cities() == reader.list_cities() == ["berlin", "kiel"]
        assert table.has_city("kiel")
        assert not table.has_city("paris")
        for city in ("kiel", "berlin"):
            observations = table.read_city(city, begin, end)
            assert sorted(observations) == sorted(reader.read_city(city, begin, end))
            assert [seen.observed_at for seen in observations] == sorted(seen.observed_at for seen in observations)
            for since in (date(1900, 1, 1), NOW.date() - timedelta(days=2)):
                until = NOW.date() + timedelta(days=2)
                assert table.read_days(city, zone, since, until) == reader.read_days(city, zone, since, until)
        for cities in ([], ["kiel"]):
            for first, last in ((None, None), (begin, end)):
                found = list(table.iterate(first, last, cities))
                assert sorted(found) == sorted(reader.iterate(first, last, cities))
                assert len(found) == len(set(found)) > 0


async def test_the_table_gives_what_one_journal_would(tmp_path: Path, server: Postgres) -> None:
    """Observations, days and exports are those of a single node that has polled all cities."""
    rows = [*_make_past(KIEL, 100), *_make_past(BERLIN, 1200)]  # more than one page of an export
    await _deliver(server.dsn, rows)
    _add_to_journal(tmp_path / "weatherd.sqlite", rows)
    await asyncio.to_thread(_compare, server.dsn, tmp_path / "weatherd.sqlite")


async def test_a_table_of_your_own_is_read(server: Postgres) -> None:
    """It may have other types, and lack the columns of later releases."""
    await server.rows(_OWN_TABLE)
    await server.rows(
        "INSERT INTO weatherd_observation (city, provider, station, observed_at, fetched_at, temperature, description,"
        " pressure_msl) VALUES ('kiel', 'fake', '', now(), now(), 6.5, 'rain', 1013)"
    )

    def read() -> None:
        with contextlib.closing(SharedTable(server.dsn)) as table:
            (found,) = table.iterate(None, None, [])
            assert (found.temperature, found.pressure_msl, found.origin, found.quality) == (6.5, 1013.0, "live", "ok")
            assert type(found.pressure_msl) is float

    await asyncio.to_thread(read)


def _configure(folder: Path, monkeypatch: pytest.MonkeyPatch, dsn: str, *lines: str) -> None:
    settings = [f"cluster: {{dsn: '{dsn}'}}", "state: state", *lines]
    (folder / "weatherd.yaml").write_text("\n".join(settings))
    (folder / "cities.yaml").write_text(
        "cities: [{name: Kiel, lat: 54.3, lon: 10.1}, {name: Berlin, lat: 52, lon: 13}]\n"
    )
    monkeypatch.setenv("WEATHERD_CONFIG", str(folder / "weatherd.yaml"))


async def test_the_commands_show_the_past_of_all_nodes(
    tmp_path: Path, server: Postgres, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a journal on this machine, history and export have what the nodes delivered; days, too."""
    rows = [*_make_past(KIEL, 40), *_make_past(BERLIN, 40)]
    await _deliver(server.dsn, rows)
    _configure(tmp_path, monkeypatch, server.dsn, f"postgres: {{dsn: '{server.dsn}'}}")

    def run(*arguments: str) -> str:
        code, out, err = run_weatherd(capsys, *arguments)
        assert (code, err) == (0, "")
        return out

    history = json.loads(await asyncio.to_thread(run, "history", "Kiel", "--since", "3d", "--format", "json"))
    expected = {row.observation.observed_at.isoformat() for row in rows if row.observation.city == "kiel"}
    assert {datetime.fromisoformat(row["observed_at"]).isoformat() for row in history["observations"]} == expected
    by_day = json.loads(await asyncio.to_thread(run, "history", "Kiel", "--by", "day", "--format", "json"))
    assert len(expected) / 2 < by_day["count"] <= len(expected)  # without those that a live one replaces
    exported = (await asyncio.to_thread(run, "export", "--format", "jsonl")).splitlines()
    assert len(exported) == len(rows)
    assert len((await asyncio.to_thread(run, "export", "--days", "Berlin")).splitlines()) >= 3


def test_without_the_table_only_this_node_is_shown(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A note says that other nodes have recorded more; a database that does not answer is an error."""
    (tmp_path / "state").mkdir()
    _add_to_journal(tmp_path / "state" / "weatherd.sqlite", list(_make_past(KIEL, 10)))
    dsn = f"postgresql://postgres@127.0.0.1:{free_port()}/postgres"
    _configure(tmp_path, monkeypatch, dsn)
    code, out, err = run_weatherd(capsys, "history", "Kiel")
    assert (code, out.count("Kiel:")) == (0, 1)
    assert "Set postgres.dsn on all nodes" in err
    _configure(tmp_path, monkeypatch, dsn, f"postgres: {{dsn: '{dsn}'}}")
    code, out, err = run_weatherd(capsys, "history", "Kiel")
    assert (code, out) == (69, "")
    assert "the table weatherd_observation cannot be read" in err
