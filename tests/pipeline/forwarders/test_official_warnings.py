"""Changes of official warnings at real destinations: each arrives, and is there once."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.pipeline.forwarders import test_influxdb
from tests.pipeline.forwarders.destination import capture_warnings
from tests.pipeline.forwarders.harness import is_caught_up_with_warnings, open_harness, run_postgres, wait_until
from tests.support.fakes import BERLIN, KIEL
from tests.support.official_warnings import storm
from tests.support.servers import running
from tests.support.virtual_time import EPOCH
from weatherd.errors import StateError
from weatherd.journal.tables.cursors import InDoubt
from weatherd.official_warning import Severity
from weatherd.pipeline.forwarders import influxdb, postgres, webhook
from weatherd.pipeline.forwarders.group import DeliveryStatus
from weatherd.pipeline.forwarders.notices.official_warnings import serialize_official_warning
from weatherd.warnings.current import CityWarning
from weatherd.web.warnings.serializers import serialize_warning

if TYPE_CHECKING:
    from pathlib import Path

    from tests.pipeline.forwarders.harness import DeliveryHarness

pytestmark = [pytest.mark.real_time, pytest.mark.processes, pytest.mark.once]
# Text that is no markup, no field of a format string, no path, no end of a point, and no statement for a database
ODD = "<b>{city}</b> ../x \\\" \\n,weather x=1\n\nSecond's; DROP TABLE x"


async def add_story(harness: DeliveryHarness) -> None:
    """Add a warning that was there before, and one that is new, updated and cancelled, in two cities at once."""
    await harness.add_change("existing", storm("old", ends=None))
    for city in (KIEL, BERLIN):
        await harness.add_change("new", storm("a", description=ODD, severity=Severity.MODERATE), city)
    await harness.add_change("updated", storm("a", message_id="2", description=ODD))
    await harness.add_change("ended", storm("a", message_id="2"), KIEL, "cancelled")


STORY = [
    ("existing", "kiel", "old", "severe", None),
    ("new", "kiel", "a", "moderate", None),
    ("new", "berlin", "a", "moderate", None),
    ("updated", "kiel", "a", "severe", None),
    ("ended", "kiel", "a", "severe", "cancelled"),
]


async def test_a_webhook_gets_each_change_as_json(tmp_path: Path) -> None:
    """In order, with the city's name and the fields of the API; a batch in doubt comes again with its key."""
    received: list[tuple[str, list[dict[str, Any]]]] = []
    script = [500]

    async def receive(request: web.Request) -> web.Response:
        if "warnings" not in (document := await request.json()):
            return web.Response()
        received.append((request.headers["Idempotency-Key"], document["warnings"]))
        return web.Response(status=script.pop() if script else 204)

    app = web.Application()
    app.router.add_post("/in", receive)
    async with TestServer(app, host="127.0.0.1") as server, open_harness(tmp_path) as harness:
        await add_story(harness)
        await harness.add_observations(3)
        section = {"webhook": {"url": str(server.make_url("/in"))}}
        with capture_warnings() as logs:
            async with harness.run_forwarder(webhook.open_forwarder, **section) as deliveries:
                await wait_until(lambda: is_caught_up_with_warnings(deliveries))
                assert deliveries.statuses()["destination warnings"] == DeliveryStatus(5, 0, 0, is_down=False)
    assert [(log["event"], log["forwarder"]) for log in logs] == [
        ("forwarder.down", "destination warnings"), ("forwarder.recovered", "destination warnings"),
    ]  # fmt: skip
    assert received[0] == received[1]
    changes = received[1][1]
    assert [(one["kind"], one["city"], one["key"], one["severity"], one["reason"]) for one in changes] == STORY
    assert changes[1]["description"] == ODD
    assert (changes[0]["ends"], changes[1]["ends"], changes[1]["name"]) == (None, "2026-01-02T00:00:00Z", "Kiel")


async def test_a_table_has_a_row_for_each_change(tmp_path: Path) -> None:
    """Also if a batch is delivered again after a crash, and the server dies in between."""
    async with run_postgres(tmp_path) as (harness, server):
        await add_story(harness)
        section = {"postgres": {"dsn": server.dsn}}
        async with harness.run_forwarder(postgres.open_forwarder, **section) as deliveries:
            await wait_until(lambda: is_caught_up_with_warnings(deliveries))
        await harness.journal.save_cursor("destination warnings", InDoubt(1, 5, "key"))
        async with harness.run_forwarder(postgres.open_forwarder, **section) as deliveries:
            await wait_until(lambda: is_caught_up_with_warnings(deliveries))
            server.dies()
            await harness.add_change("new", storm("b"))
            await server.starts()
            await wait_until(lambda: is_caught_up_with_warnings(deliveries))
        rows = await server.rows("SELECT * FROM weatherd_warning ORDER BY at")
        assert [(row["kind"], row["city"], row["key"], row["severity"], row["reason"]) for row in rows] == [
            *STORY, ("new", "kiel", "b", "severe", None),
        ]  # fmt: skip
        assert (rows[1]["description"], rows[1]["name"]) == (ODD, "Kiel")
        assert rows[1]["ends"] == storm().ends
        assert rows[0]["ends"] is None


async def test_points_of_the_same_moment_are_not_one(tmp_path: Path) -> None:
    """Each change has a point, with its severity, and whether the warning is in force; again it is the same."""
    async with test_influxdb.open_influxdb(tmp_path) as (harness, server), running(server):
        await add_story(harness)
        await harness.add_change("new", storm("c"))
        harness.begin -= timedelta(seconds=1)
        await harness.add_change("new", storm("d", headline=ODD))  # at the same moment
        for cursor in (None, InDoubt(1, 7, "key")):
            if cursor:
                await harness.journal.save_cursor("destination warnings", cursor)
            section = test_influxdb.forwarder_settings(server)
            async with harness.run_forwarder(influxdb.open_forwarder, **section) as deliveries:
                await wait_until(lambda: is_caught_up_with_warnings(deliveries))
                assert deliveries.statuses()["destination warnings"].skipped == 0
        rows = await server.rows("SELECT * FROM weather_warning")
        ranks = [(*change[:3], Severity[change[3].upper()], change[4]) for change in STORY]
        found = [
            (row["kind"], row["city"], row["key"], int(row["severity"]), row.get("reason") or None) for row in rows
        ]
        assert found == [*ranks, ("new", "kiel", "c", 3, None), ("new", "kiel", "d", 3, None)]
        assert [int(row["in_force"]) for row in rows] == [1, 1, 1, 1, 0, 1, 1]
        assert rows[-1]["headline"] == " ".join(ODD.split())


def delete_journal(folder: Path) -> None:
    """Delete the journal's files."""
    for file in folder.glob("weatherd.sqlite*"):
        file.unlink()


async def test_numbers_are_not_used_again(tmp_path: Path) -> None:
    """After the journal's file was lost, the changes in the new one have higher numbers, and are delivered."""
    async with open_harness(tmp_path) as harness:
        await add_story(harness)
        delete_journal(tmp_path)
        with pytest.raises(StateError):
            await harness.add_observations(1)
        await harness.add_change("new", storm("b"))
        found = await harness.journal.call(lambda store: store.warnings.read_after(0, 10))
        assert [(entry.seq, entry.change.warning.event_key) for entry in found] == [(6, "b")]


def test_the_json_of_a_change_is_that_of_the_api() -> None:
    """The names of the fields are those of ``/api/v1/warnings``."""
    model = serialize_warning(CityWarning("kiel", storm(), EPOCH), "Kiel").model_dump()
    own = serialize_official_warning(storm())
    assert json.dumps({name: model[name] for name in own}) == json.dumps(own)
