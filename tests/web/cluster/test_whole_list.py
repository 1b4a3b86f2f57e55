"""What any node of a cluster answers: the whole list, also while other nodes are silent, slow or wrong."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.support.cluster import SHARDS, serve_cluster
from tests.support.servers import free_port
from weatherd.city import City
from weatherd.cluster.lease import shard_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable
    from pathlib import Path

    from tests.support.cluster import ServedNode

pytestmark = pytest.mark.real_time
CITIES = [
    City(
        id=f"city-{number:02}",
        name=f"City {number:02}",
        lat=50.0,
        lon=number / 10,
        tags=(("even", str(number % 2 == 0)),),
        providers=("fake",),
    )
    for number in range(30)
]
TEMPERATURES = {city.id: (number * 7) % 13 - 4.0 for number, city in enumerate(CITIES) if number % 10}


async def _read_pages(node: ServedNode, query: str, limit: int) -> list[dict[str, Any]]:
    """Return all cities of a query, page by page."""
    found, after = list[dict[str, Any]](), ""
    while True:
        page = await node.get(f"/api/v1/cities?{query}&limit={limit}{after}")
        assert page["first"] == len(found)
        found += page["cities"]
        if page["next"] is None:
            assert page["total"] == len(found)
            return found
        after = f"&after={page['next']}"


async def test_every_node_shows_all_cities_with_the_values_of_their_nodes(tmp_path: Path) -> None:
    """Whatever the order and the filter, the pages of any node have each city once, with what its node knows."""
    async with serve_cluster(tmp_path, CITIES, TEMPERATURES) as nodes:
        for node in nodes:
            for query in ("", "sort=name", "sort=temperature", "sort=temperature&descending=true", "sort=age"):
                found = await _read_pages(node, query, limit=4)
                assert sorted(city["id"] for city in found) == [city.id for city in CITIES], query
                for city in found:
                    value = city["observation"] and city["observation"]["temperature"]
                    assert value == TEMPERATURES.get(city["id"])
            order = [
                city["observation"]["temperature"] for city in await _read_pages(node, "sort=temperature&warmer=2", 3)
            ]
            assert order == sorted(value for value in TEMPERATURES.values() if value >= 2)
            waiting = await _read_pages(node, "state=waiting", 2)
            assert [city["id"] for city in waiting] == ["city-00", "city-10", "city-20"]
            named = await node.get("/api/v1/cities?name=CITY 07")
            assert [city["id"] for city in named["cities"]] == ["city-07"]
            tagged = await _read_pages(node, "tag=even=True&search=city 1", 2)
            assert [city["id"] for city in tagged] == [f"city-{number}" for number in range(10, 20, 2)]


async def test_status_and_overview_of_any_node_count_all_cities(tmp_path: Path) -> None:
    """The counts of all nodes are added; a node's own part is there for who asks for it."""
    async with serve_cluster(tmp_path, CITIES, TEMPERATURES) as nodes:
        own = [sum((await node.get("/api/v1/status?scope=own"))["cities"].values()) for node in nodes]
        assert sum(own) == len(CITIES)
        for node in nodes:
            status = await node.get("/api/v1/status")
            assert status["cities"] == {"fresh": 27, "stale": 0, "down": 0, "waiting": 3}
            assert [(row["name"], row["cities"], row["problem"]) for row in status["cluster"]["nodes"]] == [
                (other.name, count, None) for other, count in zip(nodes, own, strict=True)
            ]
            assert [row["is_this"] for row in status["cluster"]["nodes"]] == [other is node for other in nodes]
            overview = await node.get("/api/v1/overview")
            assert (overview["total"], overview["cluster"]) == (30, [])
            assert sum(count for _, count in overview["histogram"]) == 27
            assert overview["coldest"]["temperature"] == min(TEMPERATURES.values())
            points = await node.get("/api/v1/map")
            assert sorted(points["id"]) == [city.id for city in CITIES]


async def test_a_city_is_asked_of_its_node(tmp_path: Path) -> None:
    """Details, chart and days come from the node that polls the city, whichever is asked."""
    async with serve_cluster(tmp_path, CITIES, TEMPERATURES) as nodes:
        for city in CITIES[1:8]:
            owner = nodes[shard_of(city.id, SHARDS) % 3]
            for node in nodes:
                detail = await node.get(f"/api/v1/cities/{city.id}")
                assert (detail["node"], detail["observation"]["temperature"]) == (owner.name, TEMPERATURES[city.id])
                assert (await node.get(f"/api/v1/cities/{city.id}/chart"))["city"] == city.id
                assert (await node.get(f"/api/v1/cities/{city.id}/chart?format=csv")).startswith("begin,")
                assert (await node.get(f"/api/v1/cities/{city.id}/days"))["city"] == city.id
                assert f"{TEMPERATURES[city.id]:.1f}".lstrip("-") in await node.get(f"/?city={city.id}")
        await nodes[0].get("/api/v1/cities/paris", expected=404)


async def _read_outage(node: ServedNode, silent: int) -> str:
    """Check what a node shows while another one does not answer; return the reason that it gives."""
    lost = [city.id for city in CITIES if shard_of(city.id, SHARDS) % 3 == silent - 1]
    found = await _read_pages(node, "sort=temperature", limit=4)
    assert sorted(city["id"] for city in found) == [city.id for city in CITIES]
    assert sorted(city["id"] for city in found if city["state"] == "waiting" and city["failure"]) == lost
    assert [city["id"] for city in found[-len(lost) - 2 :] if city["failure"]] == lost
    status = await node.get("/api/v1/status")
    assert sum(status["cities"].values()) == 30
    row = next(row for row in status["cluster"]["nodes"] if row["id"] == silent)
    assert row["cities"] == len(lost)
    assert (
        f"node n{silent} does not answer, so its {len(lost)} cities cannot be shown" in status["cluster"]["problems"][0]
    )
    detail = await node.get(f"/api/v1/cities/{lost[0]}")
    assert (detail["state"], detail["observation"], detail["node"]) == ("waiting", None, f"n{silent}")
    assert f"node n{silent}, which polls it, does not answer" in detail["failure"]
    problem = await node.get(f"/api/v1/cities/{lost[0]}/days", expected=503)
    assert f"node n{silent}" in problem["detail"]
    assert "does not answer" in await node.get("/")
    return str(row["problem"])


async def test_cities_of_a_node_that_is_gone_are_waiting(tmp_path: Path) -> None:
    """Nothing listens at its address."""
    async with serve_cluster(tmp_path, CITIES, TEMPERATURES, urls={3: f"http://127.0.0.1:{free_port()}"}) as nodes:
        assert "refused" in await _read_outage(nodes[0], 3)


async def test_a_node_without_an_address_is_silent(tmp_path: Path) -> None:
    """Its HTTP interface is off; the reason names the settings."""
    async with serve_cluster(tmp_path, CITIES, TEMPERATURES, urls={2: None}) as nodes:
        assert "cluster.url" in await _read_outage(nodes[0], 2)


async def test_a_node_that_has_not_joined_shows_the_list(tmp_path: Path) -> None:
    """Before its first contact with the database, all cities are waiting, and the reason is that of the node."""
    async with serve_cluster(tmp_path, CITIES, TEMPERATURES, nodes=1) as nodes:
        member = nodes[0].member
        member.state, member.shard_count = "out", 0
        member.set_nodes([])
        found = await _read_pages(nodes[0], "sort=name", limit=4)
        assert [(city["id"], city["state"]) for city in found] == [(city.id, "waiting") for city in CITIES]
        assert all("has not joined" in city["failure"] for city in found)
        named = await nodes[0].get("/api/v1/cities?name=CITY 07")
        assert [city["id"] for city in named["cities"]] == ["city-07"]
        assert "has not joined" in (await nodes[0].get("/api/v1/cities/city-07"))["failure"]


@contextlib.asynccontextmanager
async def _serving(handler: Callable[[web.Request], Awaitable[web.Response]]) -> AsyncIterator[str]:
    app = web.Application()
    app.router.add_get("/{path:.*}", handler)
    async with TestServer(app, host="127.0.0.1") as server:
        yield str(server.make_url("")).rstrip("/")


async def test_a_node_that_hangs_costs_two_seconds_once(tmp_path: Path) -> None:
    """Readers get the other cities after the time limit, and the next ones at once."""

    async def handler(_: web.Request) -> web.Response:
        await asyncio.Event().wait()
        raise AssertionError

    async with _serving(handler) as url, serve_cluster(tmp_path, CITIES, TEMPERATURES, urls={3: url}) as nodes:
        clock = asyncio.get_running_loop().time
        began = clock()
        assert await _read_outage(nodes[0], 3) == "no response in 2 s"
        assert clock() - began < 4.5  # all of these requests together


@pytest.mark.parametrize("body", ["", "[]", '{"cities": [], "total": "many"}', "<html>", '{"version": "9.0"}'])
async def test_what_another_version_answers_is_not_guessed(tmp_path: Path, body: str) -> None:
    """A document of another form counts as no answer, and the reason names the likely cause."""

    async def handler(_: web.Request) -> web.Response:
        return web.Response(text=body, content_type="application/json")

    async with _serving(handler) as url, serve_cluster(tmp_path, CITIES, TEMPERATURES, urls={2: url}) as nodes:
        assert "another version" in await _read_outage(nodes[0], 2)


async def test_a_node_with_another_token_is_silent(tmp_path: Path) -> None:
    """The reason names the setting that has to be equal on all nodes."""

    async def handler(_: web.Request) -> web.Response:
        return web.Response(status=401)

    async with _serving(handler) as url, serve_cluster(tmp_path, CITIES, TEMPERATURES, urls={2: url}) as nodes:
        assert "http.token" in await _read_outage(nodes[0], 2)


async def test_a_node_cannot_speak_for_the_cities_of_others(tmp_path: Path) -> None:
    """What a node claims about shards that the database gives to others is not used."""
    async with serve_cluster(tmp_path, CITIES, TEMPERATURES) as honest:

        async def lie(request: web.Request) -> web.Response:
            document = await honest[0].get(request.path_qs)
            for city in document.get("cities", ()) if isinstance(document.get("cities"), list) else ():
                city["name"], city["observation"] = "Nowhere", None
            return web.json_response(document, headers={"Weatherd-Shards": "ffff"})

        (tmp_path / "x").mkdir()
        async with _serving(lie) as url, serve_cluster(tmp_path / "x", CITIES, TEMPERATURES, urls={2: url}) as nodes:
            found = (await nodes[2].get("/api/v1/cities?sort=name"))["cities"]
            assert all(city["name"] != "Nowhere" or shard_of(city["id"], SHARDS) % 3 == 1 for city in found)
            assert {city["id"] for city in found} >= {c.id for c in CITIES if shard_of(c.id, SHARDS) % 3 != 1}


async def test_a_request_for_a_part_is_never_passed_on(tmp_path: Path) -> None:
    """Nodes that have each other's addresses wrong do not ask in circles."""
    asked: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(request.path_qs)
        return web.json_response({}, status=500)

    async with _serving(handler) as url, serve_cluster(tmp_path, CITIES, TEMPERATURES, urls={1: url, 2: url}) as nodes:
        for path in (
            "status",
            "overview",
            "map",
            "alerts",
            "warnings",
            f"cities/{CITIES[0].id}",
            "curves?city=city-01",
        ):
            await nodes[2].get(f"/api/v1/{path}{'&' if '?' in path else '?'}scope=own")
        await nodes[2].get("/-/cluster")
        await nodes[2].get("/-/cluster/cities?sort=age&limit=3")
        assert asked == []
        await nodes[2].get("/api/v1/overview")
        assert asked
        assert all("scope=own" in path for path in asked)


async def test_the_state_of_a_node_is_that_of_its_view(tmp_path: Path) -> None:
    """Contact with the database, and going on without it; both need the token."""
    async with serve_cluster(tmp_path, CITIES, TEMPERATURES, nodes=2) as nodes:
        for state, database, going_on in (("member", True, False), ("cut", False, False), ("going_on", False, True)):
            nodes[0].member.state = state
            expected = {"id": 1, "state": state, "database": database, "going_on": going_on}
            assert await nodes[0].get("/-/cluster") == expected
            found = await nodes[1].member.peers.ask_state(nodes[0].url)
            assert found
            assert (found.id, found.database, found.going_on) == (1, database, going_on)


async def test_a_page_gets_the_observations_of_other_nodes_with_the_digest(tmp_path: Path) -> None:
    """Each city of another node once, until it has a newer one; the digest has the counts of all nodes."""
    async with serve_cluster(tmp_path, CITIES, TEMPERATURES) as nodes:
        ids = [city.id for city in CITIES[:12]]
        foreign = [city for city in ids if shard_of(city, SHARDS) % 3 != 0 and city in TEMPERATURES]
        async with (
            asyncio.timeout(20),
            nodes[0].open_stream(f"/api/v1/stream?digest=true&city={','.join(ids)}") as events,
        ):
            found = [await anext(events) for _ in range(len(foreign) + 1)]
            assert sorted(data["city"] for name, data in found if name == "observation") == foreign
            assert all(data["temperature"] == TEMPERATURES[data["city"]] for _, data in found[:-1])
            name, digest = found[-1]
            assert (name, digest["total"], digest["counts"]["fresh"], digest["cluster"]) == ("digest", 30, 27, [])
            assert digest["states"] == {"city-00": "waiting", "city-10": "waiting"}
            nodes[2].member.state = "cut"
            name, digest = await anext(events)  # 10 s later: nothing new
            assert (name, digest["counts"]["fresh"]) == ("digest", 27)


async def test_a_paused_node_says_so(tmp_path: Path) -> None:
    """The state of the node that answers is among the problems, with the time since the database answered."""
    async with serve_cluster(tmp_path, CITIES, TEMPERATURES, nodes=2) as nodes:
        for state, text in (
            ("paused", "polls nothing"),
            ("going_on", "go on"),
            ("cut", "pauses in 8 s"),
            ("out", "not joined"),
        ):
            nodes[0].member.state = state
            problems = (await nodes[0].get("/api/v1/status"))["cluster"]["problems"]
            assert text in problems[0]
            assert (await nodes[0].get("/-/healthy"))["ok"]
            own = await nodes[1].get(f"/api/v1/cities/{nodes[0].member.cities()[0].id}")
            assert bool(own["failure"]) is (state == "paused")
