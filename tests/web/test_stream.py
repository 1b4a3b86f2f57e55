"""Event streams, in virtual time, over loopback."""

from __future__ import annotations

import asyncio
import contextlib
import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from yarl import URL

from tests.support.daemon import make_status
from tests.support.fakes import BERLIN, KIEL, VirtualJournal, make_fetched, observation
from tests.support.virtual_time import EPOCH
from weatherd.cli.client import Client, ClientError
from weatherd.config.http_section import HttpSection
from weatherd.errors import StateError
from weatherd.web import stream
from weatherd.web.on_demand import serve_http

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from weatherd.city import City
    from weatherd.journal.journal import AsyncReader
    from weatherd.journal.rows import JournalEntry


class CountingJournal(VirtualJournal):
    """A journal that counts what its readers read."""

    def __init__(self, file: Path) -> None:
        super().__init__(file)
        self.reads = 0
        self.error: StateError | None = None

    @contextlib.asynccontextmanager
    async def open_reader(self) -> AsyncIterator[AsyncReader]:
        """Open a reader that counts."""
        async with super().open_reader() as reader:
            read_after = reader.read_after

            async def count(seq: int, limit: int, until: int | None = None) -> list[JournalEntry]:
                self.reads += 1
                if self.error:
                    raise self.error
                return await read_after(seq, limit, until)

            reader.read_after = count  # type: ignore[method-assign]
            yield reader

    async def add_hour(self, hour: int, *cities: City) -> None:
        """Add an observation of each city, made in an hour."""
        await self.add([make_fetched(city, observed_at=EPOCH + timedelta(hours=hour)) for city in cities])


@contextlib.asynccontextmanager
async def serve_journal(folder: Path, *cities: City) -> AsyncIterator[tuple[CountingJournal, str]]:
    """Serve the HTTP interface of a daemon with a journal."""
    with contextlib.closing(CountingJournal(folder / "weatherd.sqlite")) as journal:
        status = make_status(cities or [KIEL, BERLIN], journal=journal)
        async with serve_http(status, HttpSection(port=0)) as url:
            yield journal, f"{url}/api/v1/stream"


@contextlib.asynccontextmanager
async def open_stream(
    session: aiohttp.ClientSession, url: str, **headers: str
) -> AsyncIterator[aiohttp.ClientResponse]:
    """Open a stream and read its first event, which sets the time until the client connects again."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with session.get(url, headers=named) as response:
        assert (response.status, response.content_type) == (200, "text/event-stream")
        assert await response.content.readuntil(b"\n\n") == b"retry: 5000\n\n"
        yield response


async def read_ids(response: aiohttp.ClientResponse, count: int) -> list[int]:
    """Return the ids of the next events."""
    ids: list[int] = []
    while len(ids) < count:
        event = await response.content.readuntil(b"\n\n")
        ids += [int(line.removeprefix(b"id: ")) for line in event.splitlines() if line.startswith(b"id: ")]
    return ids


async def test_readers_share_what_is_read(tmp_path: Path) -> None:
    """The journal is read once for all streams, not once for each."""
    async with serve_journal(tmp_path) as (journal, url), contextlib.AsyncExitStack() as stack:
        session = await stack.enter_async_context(aiohttp.ClientSession())
        responses = [await stack.enter_async_context(open_stream(session, url)) for _ in range(20)]
        for hour in range(10):
            await journal.add_hour(hour, KIEL, BERLIN)
            await asyncio.sleep(1)
        for response in responses:
            assert await read_ids(response, 20) == list(range(1, 21))
        assert journal.reads == 10


async def test_the_past_is_no_event(tmp_path: Path) -> None:
    """What was added afterwards is not sent as news, but it is in the list of observations."""
    async with serve_journal(tmp_path) as (journal, url), aiohttp.ClientSession() as session:
        async with open_stream(session, url) as response:
            await journal.add_past([observation(observed_at=EPOCH - timedelta(days=1), origin="backfill")])
            await journal.add_hour(1, KIEL)
            assert await read_ids(response, 1) == [2]
        async with session.get(url.replace("stream", "observations")) as response:
            found = (await response.json())["observations"]
        assert [entry["origin"] for entry in found] == ["backfill", "live"]


async def test_tags_select_cities(tmp_path: Path) -> None:
    """The list, the journal and a stream have the cities with all of the tags; a tag of no city selects nothing."""
    kiel = replace(KIEL, tags=(("region", "north"), ("sea", "baltic")))
    berlin = replace(BERLIN, tags=(("region", "north"),))
    async with serve_journal(tmp_path, berlin, kiel) as (journal, stream), aiohttp.ClientSession() as session:
        api = stream.removesuffix("/stream")

        async def fetch(path: str) -> Any:
            async with session.get(f"{api}{path}") as response:
                return await response.json()

        async with open_stream(session, f"{stream}?tag=region=north,sea=baltic") as response:
            await journal.add_hour(0, KIEL, BERLIN)
            await journal.add_hour(1, BERLIN, KIEL)
            assert await read_ids(response, 2) == [1, 4]
        for tag, ids in (("sea=baltic", {"kiel"}), ("region=north", {"kiel", "berlin"}), ("region=south", set[str]())):
            found = await fetch(f"/cities?tag={tag}")
            assert {city["id"] for city in found["cities"]} == ids
            assert {entry["city"] for entry in (await fetch(f"/observations?tag={tag}"))["observations"]} == ids
        assert (await fetch("/cities/kiel"))["tags"] == dict(kiel.tags)
        assert (await fetch("/observations?tag=region=north&city=kiel"))["observations"][0]["city"] == "kiel"
        assert "should be KEY=VALUE such as region=north" in (await fetch("/cities?tag=region"))["detail"]
        repeated = await fetch("/cities?tag=region=north&tag=sea=baltic")
        assert repeated["detail"] == "parameter 'tag' is given more than once; separate its values with commas"


async def test_observations_have_the_name_and_the_tags_of_their_city(tmp_path: Path) -> None:
    """As in the list at the time of reading, in the stream and in a page; a city that is not listed has neither."""
    tagged = replace(KIEL, name="Kiel <bdi>", tags=(("region", "north"),))
    async with serve_journal(tmp_path, tagged) as (journal, url), aiohttp.ClientSession() as session:
        async with open_stream(session, url) as response:
            await journal.add_hour(0, tagged, BERLIN)
            events = [json.loads((await response.content.readuntil(b"\n\n")).partition(b"data: ")[2]) for _ in "12"]
        async with session.get(url.replace("stream", "observations")) as response:
            page = (await response.json())["observations"]
    assert events == page
    named = [(event["seq"], event["city"], event["name"], event["tags"]) for event in events]
    assert named == [(1, "kiel", "Kiel <bdi>", {"region": "north"}), (2, "berlin", None, {})]


async def test_resuming_misses_and_repeats_nothing(tmp_path: Path) -> None:
    """A stream continues after ``Last-Event-ID``, however far behind, and then receives new events."""
    async with serve_journal(tmp_path) as (journal, url), aiohttp.ClientSession() as session:
        for hour in range(300):
            await journal.add_hour(hour, KIEL)
        async with (
            open_stream(session, url) as newest,
            open_stream(session, url, Last_Event_ID="0") as oldest,
            open_stream(session, url, Last_Event_ID="299") as resumed,
            open_stream(session, url, Last_Event_ID="9999") as impossible,
        ):
            await journal.add_hour(300, KIEL)
            assert await read_ids(oldest, 301) == list(range(1, 302))
            assert await read_ids(resumed, 2) == [300, 301]
            assert await read_ids(newest, 1) == await read_ids(impossible, 1) == [301]


async def test_a_stream_of_one_city(tmp_path: Path) -> None:
    """A stream with ``city`` has only its observations, and a comment every 15 s while there are none."""
    async with (
        serve_journal(tmp_path) as (journal, url),
        aiohttp.ClientSession() as session,
        open_stream(session, f"{url}?city=kiel") as kiel,
    ):
        for hour in range(40):
            await journal.add_hour(hour, BERLIN)
            await asyncio.sleep(1)
        await journal.add_hour(0, KIEL)
        text = await kiel.content.readuntil(b'"seq":41,"name":"Kiel","tags":{}}\n\n')
        assert text.count(b": quiet\n\n") == 2
        assert text.count(b"event: observation") == 1


@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_too_many_streams(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str) -> None:
    """A stream beyond the limit gets 200, a longer time until the next attempt, and the end: another status is final.

    https://html.spec.whatwg.org/multipage/server-sent-events.html#sse-processing-model
    """
    monkeypatch.setattr(stream, "_MAX_STREAMS", 1)
    async with serve_journal(tmp_path) as (journal, url), aiohttp.ClientSession() as session:
        async with open_stream(session, url):
            async with session.request(method, url) as response:
                assert (response.status, response.content_type) == (200, "text/event-stream")
                body = b"retry: 60000\n: unavailable: too many open streams; the limit is 1\n\n"
                assert await response.read() == (body if method == "GET" else b"")
            async with Client(url.removesuffix("/api/v1/stream")) as client:
                with pytest.raises(ClientError, match="too many open streams; the limit is 1"):
                    await anext(client.stream_observations())
            async with session.get(f"{url}?city=paris") as response:
                assert response.status == 404
        await asyncio.sleep(1)
        async with open_stream(session, url) as again:
            await journal.add_hour(0, KIEL)
            assert await read_ids(again, 1) == [1]


async def test_an_unreadable_journal_ends_the_stream(tmp_path: Path) -> None:
    """A reader that is behind gets 200 and the end, and may connect again; the others continue later."""
    async with serve_journal(tmp_path) as (journal, url), aiohttp.ClientSession() as session:
        await journal.add_hour(0, KIEL)
        async with open_stream(session, url) as response:
            journal.error = StateError("the disk is on fire")
            async with open_stream(session, url, Last_Event_ID="0") as behind:
                assert await behind.content.read() == b""
            await journal.add_hour(1, KIEL)
            await asyncio.sleep(5)
            journal.error = None
            assert await read_ids(response, 1) == [2]


async def test_a_client_that_does_not_read_is_disconnected(tmp_path: Path) -> None:
    """What waits for a slow client is bounded: after a minute without progress its connection is closed."""
    async with serve_journal(tmp_path) as (journal, url):
        hours = [make_fetched(KIEL, observed_at=EPOCH + timedelta(hours=hour)) for hour in range(40_000)]
        await journal.add(hours)
        reader, writer = await asyncio.open_connection("127.0.0.1", URL(url).port, limit=1)
        writer.write(b"GET /api/v1/stream HTTP/1.1\r\nHost: localhost\r\nLast-Event-ID: 0\r\n\r\n")
        await asyncio.sleep(90)
        body = await reader.read()
        assert 0 < body.count(b"event: observation") < 40_000
        assert not body.endswith(b"\r\n0\r\n\r\n")
        writer.close()
        with contextlib.suppress(ConnectionError):
            await writer.wait_closed()
