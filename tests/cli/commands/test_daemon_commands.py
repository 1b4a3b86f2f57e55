"""Commands that call the API of the running daemon."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import ssl
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from tests.support.commands import run_weatherd
from tests.support.servers import free_port, program
from tests.support.weatherd_process import BERLIN, ENVIRONMENT, KIEL, PIPE
from tests.web.test_web import run_daemon
from weatherd.cli.commands.explain import describe_phases
from weatherd.http.client import get
from weatherd.http.session import open_session
from weatherd.http.trace import start_tracing, stop_tracing
from weatherd.text.condition_words import load_words

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    Run = Callable[..., Awaitable[tuple[int, str, str]]]

pytestmark = [pytest.mark.real_time, pytest.mark.processes, pytest.mark.once]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Run:
    """Return the command line as a function, which runs in a thread while the test reads what the daemon logs."""
    for name in [name for name in os.environ if name.startswith(("WEATHERD_", "OPEN_WEATHER"))]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("COLUMNS", "150")
    return lambda *arguments: asyncio.to_thread(run_weatherd, capsys, *arguments)


async def run_abroad(*arguments: str) -> str:
    """Run the program in Japan with a reader's settings; return its standard output."""
    reader = {"WEATHERD_UNITS": "us", "WEATHERD_LANGUAGE": "de", "TZ": "Asia/Tokyo", "COLUMNS": "150"}
    command = (sys.executable, "-m", "weatherd", *arguments)
    child = await asyncio.create_subprocess_exec(*command, stdout=PIPE, env={**ENVIRONMENT, **reader})
    out, _ = await child.communicate()
    return out.decode()


async def test_the_commands_show_the_running_daemon(tmp_path: Path, run: Run) -> None:
    """They print a table, JSON, the details of a city, and health; a mistyped name gets a suggestion."""
    odd = "{name: '[red]:sun:[/]', id: odd, lat: 1, lon: 1}"
    async with run_daemon(tmp_path, KIEL, BERLIN, odd) as it:
        code, table, _ = await run("status", "--url", it.url)
        assert code == 0
        assert "Kiel" in table
        assert "[red]:sun:[/]" in table  # foreign text is not markup
        assert "open-meteo" in table
        _, text, _ = await run("status", "--format", "json", "--url", it.url)
        assert {city["id"]: city["state"] for city in json.loads(text)["cities"]} == {
            "kiel": "fresh",
            "berlin": "fresh",
            "odd": "fresh",
        }
        code, text, _ = await run("explain", "kiel", "--url", it.url)
        assert code == 0
        assert "status 200" in text
        assert "next poll" in text
        _, text, _ = await run("explain", "kiel", "--format", "json", "--url", it.url)
        assert json.loads(text)["attempt"]["tries"][0]["provider"] == "open-meteo"
        code, _, text = await run("explain", "Kil", "--url", it.url)
        assert (code, "did you mean 'Kiel'?" in text) == (64, True)
        assert await run("health", "--url", it.url) == (0, "healthy\n", "")


async def test_alerts_are_listed(tmp_path: Path, run: Run) -> None:
    """The table has the firing alerts first, and JSON has the same; without a daemon, the exit code is 69."""
    rules = "alerts: {calm: {when: temperature > 6, for: 9h}, mild: {when: temperature > 5, message: it is mild}}"
    (tmp_path / "alerts.yaml").write_text(rules)
    async with run_daemon(tmp_path, KIEL, alerts="alerts.yaml") as it:
        await it.until("/api/v1/alerts", b'"firing"')
        code, text, _ = await run("alerts", "list", "--url", it.url)
        heading, *rows = [line.split() for line in text.splitlines()]
        assert (code, heading) == (
            0,
            ["rule", "city", "state", "severity", "since", "value", "last", "sent", "message"],
        )
        assert [row[:4] for row in rows] == [
            ["mild", "Kiel", "firing", "warning"],
            ["calm", "Kiel", "pending", "warning"],
        ]
        assert rows[0][-3:] == ["it", "is", "mild"]
        _, text, _ = await run("alerts", "list", "--format", "json", "--url", it.url)
        assert [alert["rule"] for alert in json.loads(text)] == ["mild", "calm"]
        _, metrics, _ = await it.get("/metrics")
        assert b'weatherd_alert_firing{city="kiel",rule="mild"} 1.0' in metrics
    code, _, err = await run("alerts", "list", "--url", it.url)
    assert (code, "is weatherd running?" in err) == (69, True)


async def test_a_card_shows_the_city_of_the_daemon(tmp_path: Path, run: Run) -> None:
    """It has the daemon's observation and tags, from its journal."""
    async with run_daemon(tmp_path, "{name: Kiel, lat: 54.3, lon: 10.1, tags: {region: north}}") as it:
        code, text, _ = await run("kiel", "--format", "json", "--url", it.url)
        document = json.loads(text)
        assert (code, document["name"], document["tags"]) == (0, "Kiel", {"region": "north"})
        assert document["history"][-1]["temperature"] == document["temperature"]
        code, text, _ = await run("Kiel", "--url", it.url)
        assert (code, text.splitlines()[0].strip()) == (0, "Kiel")


async def test_status_shows_fifty_cities_unless_asked(tmp_path: Path, run: Run) -> None:
    """The counts are of all cities. A limit, a state or a name selects others; JSON has all."""
    towns = [f"{{name: T{number}, lat: {number / 10}, lon: 1}}" for number in range(60)]
    async with run_daemon(tmp_path, *towns) as it:

        async def list_names(*arguments: str) -> list[str]:
            code, text, _ = await run("status", *arguments, "--url", it.url)
            assert code == 0
            assert text.startswith("60 cities: ")
            return [line.split()[0] for line in text.splitlines() if line.startswith("T")]

        assert len(await list_names()) == 50
        assert len(await list_names("--limit", "60")) == 60
        assert len(await list_names("--state", "fresh")) == 60
        assert await list_names("--state", "down") == []
        assert await list_names("T7", "t59") == ["T7", "T59"]
        _, text, _ = await run("status", "--json", "--url", it.url)
        assert len(json.loads(text)["cities"]) == 60
        code, _, err = await run("status", "T77", "--url", it.url)
        assert (code, "no city is named 'T77'" in err) == (64, True)


async def test_the_commands_speak_the_language_of_the_reader(tmp_path: Path) -> None:
    """Units, words and the time zone are those of the reader's own settings; JSON is for programs and unchanged."""
    async with run_daemon(tmp_path, KIEL) as it:
        text = await run_abroad("status", "--json", "--url", it.url)
        (city,) = json.loads(text)["cities"]
        code = city["observation"]["code"]
        german = load_words("de")[code]
        words = {german} if isinstance(german, str) else set(german)
        fahrenheit = city["observation"]["temperature"] * 1.8 + 32
        assert city["observation"]["description"] not in words
        table = await run_abroad("status", "--url", it.url)
        heading, row = table.splitlines()[2:4]
        assert "°F" in heading
        assert row.split()[:3] == ["Kiel", "fresh", f"{fahrenheit:.0f}"]
        assert any(text in row for text in words)
        text = await run_abroad("explain", "Kiel", "--url", it.url)
        assert any(f"{fahrenheit:.1f} °F, {word}, from open-meteo" in text for word in words)
        assert " JST): " in text or "poll in progress" in text


async def test_tags_select_cities(tmp_path: Path, run: Run) -> None:
    """``status`` and ``once`` show the cities with all of the tags; one that no city has is an error, also of tail."""
    north = "{name: Flensburg, lat: 54.8, lon: 9.4, tags: {region: north}}"
    schleswig = "{name: Schleswig, lat: 54.5, lon: 9.6, tags: {region: west}}"
    others = [
        schleswig.replace("Schleswig", name).replace("54.5", lat) for name, lat in (("Husum", "54"), ("Tating", "53"))
    ]
    async with run_daemon(tmp_path, KIEL, north, schleswig, *others) as it:
        for limit, rows in (("--limit=2", 2), ("--limit=9", 3)):
            _, table, _ = await run("status", "--tag", "region=west", limit, "--url", it.url)
            assert table.splitlines()[1].startswith("region=west: 3 cities: ")
            assert sum(line.startswith(("Schleswig", "Husum", "Tating")) for line in table.splitlines()) == rows
        _, table, _ = await run("status", "--tag", "region=north", "--url", it.url)
        assert ("Flensburg" in table, "Kiel" in table) == (True, False)
        _, text, _ = await run("status", "--json", "--tag", "region=north", "--url", it.url)
        assert [city["tags"] for city in json.loads(text)["cities"]] == [{"region": "north"}]
        code, text, err = await run("once", "--tag", "region=north", "-c", str(tmp_path / "weatherd.yaml"))
        assert (code, err) == (0, "")
        assert [line.partition(":")[0] for line in text.splitlines()] == ["Flensburg"]
        _, text, _ = await run("explain", "Flensburg", "--url", it.url)
        assert "  tags               region=north\n" in text
        for command in ("status", "tail"):
            code, _, text = await run(command, "--tag", "region=south", "--url", it.url)
            assert (code, text) == (64, "weatherd: no city has the tag region=south\n")


async def test_tail_prints_until_the_daemon_stops(tmp_path: Path) -> None:
    """It prints a line per new observation of a city, in the reader's units; exit code 69 when the stream ends."""
    async with run_daemon(tmp_path, KIEL, BERLIN) as it:
        command = (sys.executable, "-m", "weatherd", "tail", "Kiel", "--url", it.url)
        environ = {**ENVIRONMENT, "WEATHERD_UNITS": "us", "TZ": "Asia/Tokyo"}
        child = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, env=environ)
        assert child.stdout
        async with asyncio.timeout(30):
            line = (await child.stdout.readline()).decode()
        assert " JST  Kiel: 43 °F :: " in line
        it.process.receives(signal.SIGTERM)
        out, err = await child.communicate()
        assert (child.returncode, b"Berlin" in out) == (69, False)
        assert b"has closed the stream" in err


async def test_tail_as_json_has_the_name_and_the_tags(tmp_path: Path) -> None:
    """As ``export`` and the forwarders have them; standard error has nothing in a pipe."""
    async with run_daemon(tmp_path, "{name: Flensburg, id: fl, lat: 54.8, lon: 9.4, tags: {region: north}}") as it:
        command = (sys.executable, "-m", "weatherd", "tail", "--format", "jsonl", "--url", it.url)
        child = await asyncio.create_subprocess_exec(*command, stdout=PIPE, stderr=PIPE, env=ENVIRONMENT)
        assert child.stdout
        async with asyncio.timeout(30):
            row = json.loads(await child.stdout.readline())
        assert (row["city"], row["name"], row["tags"]) == ("fl", "Flensburg", {"region": "north"})
        child.terminate()
        assert (await child.communicate())[1] == b""


async def test_without_a_daemon_the_error_suggests_a_fix(run: Run) -> None:
    """The error is one line with the address and the fix; exit code 69, or 1 for the health check."""
    url = f"http://127.0.0.1:{free_port()}"
    for command, expected in (("status", 69), ("explain Kiel", 69), ("tail", 69), ("health", 1)):
        code, out, err = await run(*command.split(), "--url", url)
        assert (code, out) == (expected, "")
        assert url in err
        assert "weatherd run" in err


async def test_a_handshake_is_a_separate_phase(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS, connect, TLS and first byte are separate phases; a second request reuses the connection."""
    files = ["-keyout", str(tmp_path / "key"), "-out", str(tmp_path / "certificate")]
    name = ["-days", "2", "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"]
    make = [program("openssl", "openssl"), "req", "-x509", "-newkey", "rsa:2048", "-nodes", *files, *name]
    subprocess.run(make, check=True, capture_output=True)  # noqa: ASYNC221, S603 - ours
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "certificate"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "certificate", tmp_path / "key")
    app = web.Application()
    app.router.add_get("/", _respond)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    port = runner.addresses[0][1]
    async with open_session("weatherd") as session:
        seen = []
        for _ in range(2):
            token = start_tracing()
            await get(session, f"https://localhost:{port}/", {})
            (trace,) = stop_tracing(token)
            seen.append([phase.rsplit(" ", 2)[0] for phase in describe_phases(trace.phases)])
    await runner.cleanup()
    assert seen[0] == ["DNS", "connect", "TLS", "first byte", "rest"]
    assert "TLS" not in seen[1]


async def _respond(_: web.Request) -> web.Response:
    return web.Response(text="{}")
