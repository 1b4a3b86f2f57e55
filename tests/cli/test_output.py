"""The lines of the console and the log, byte for byte, because people and programs depend on them."""

from __future__ import annotations

import io
import json
import os
from datetime import UTC, datetime

import pytest

from tests.support.fakes import BERLIN, KIEL, MUNICH, make_fetched
from weatherd import log
from weatherd.config.settings import ConsoleSection as ConsoleSettings
from weatherd.config.settings import LogSection, Settings
from weatherd.observation import FetchedObservation
from weatherd.pipeline.sinks import console
from weatherd.pipeline.sinks.console import ConsoleSink
from weatherd.pipeline.sinks.log import LogSink, open_sink
from weatherd.text.display import Display
from weatherd.worker_thread import WorkerThread

BATCH = [
    make_fetched(KIEL, temperature=6.4),
    make_fetched(BERLIN, temperature=-0.4, description="overcast", code=3, relative_humidity=81.0),
    FetchedObservation(
        MUNICH,
        make_fetched(MUNICH, temperature=2.0, description="slight snow fall", code=71, station="10870").observation,
        True,
    ),
]
PRINTED = """\
Kiel: 6 °C :: light rain
Berlin: 0 °C :: overcast
München: 2 °C :: light snow
"""
LOGGED = """\
"event":"observation","name":"Kiel","city":"kiel","provider":"fake",\
"observed_at":"2026-01-01T00:00:00Z","fetched_at":"2026-01-01T00:00:01Z",\
"temperature":6.4,"description":"light rain","code":61}
"event":"observation","name":"Berlin","city":"berlin","provider":"fake",\
"observed_at":"2026-01-01T00:00:00Z","fetched_at":"2026-01-01T00:00:01Z",\
"temperature":-0.4,"description":"overcast","code":3,"relative_humidity":81.0}
"event":"observation","name":"München","city":"munchen","provider":"fake",\
"observed_at":"2026-01-01T00:00:00Z","fetched_at":"2026-01-01T00:00:01Z",\
"temperature":2.0,"description":"slight snow fall","code":71,"station":"10870","repeat":true}
"""


@pytest.mark.real_time
async def test_the_console_prints_a_line_for_each_observation() -> None:
    """By default a line is name, rounded temperature and the words of the code, as in the README."""
    reader, writer = os.pipe()
    with WorkerThread("test") as worker:
        await ConsoleSink(ConsoleSettings().format, Display(), writer, worker).write(BATCH)
    os.close(writer)
    with open(reader, encoding="utf-8") as pipe:  # noqa: ASYNC230, PTH123 - the pipe holds all of it already
        assert pipe.read() == PRINTED


async def test_the_log_has_every_known_field_of_an_observation() -> None:
    """An observation is one JSON line: name and id, times and values; unknown values are left out."""
    stream = io.StringIO()
    log.configure("info", "json", [], stream)
    await LogSink(log.get_log_writer()).write(BATCH)
    lines = stream.getvalue().splitlines()
    assert [line.split('"level":"info",')[1] for line in lines] == LOGGED.splitlines()
    assert all(datetime.fromisoformat(json.loads(line)["timestamp"]).tzinfo == UTC for line in lines)


def test_sinks_can_be_disabled() -> None:
    """``console.enabled: false`` and ``log.observations: false`` disable their sinks."""
    quiet = Settings(console=ConsoleSettings(enabled=False), log=LogSection(observations=False))
    assert console.open_sink(quiet) is None
    assert open_sink(quiet) is None
