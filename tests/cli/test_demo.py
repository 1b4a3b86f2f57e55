"""The demo's port, its simulated past, and how commands find it."""

from __future__ import annotations

import itertools
import json
import socket
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.daemon import make_configuration
from weatherd.city import City
from weatherd.cli.demo.running import announce_demo, find_demo_settings, find_demo_state
from weatherd.cli.demo.services import choose_port
from weatherd.cli.lookup import find_journal
from weatherd.config import loader
from weatherd.config.http_section import HttpSection
from weatherd.errors import StateError
from weatherd.journal.state_folder import lock_state_folder
from weatherd.simulator.history import SIMULATED_STATION, simulate_history

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.real_time
async def test_the_port_is_the_usual_one_unless_taken() -> None:
    """A port that another program uses is replaced by any free one."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        assert await choose_port(HttpSection(port=port)) == 0
    assert await choose_port(HttpSection(port=port)) == port


def test_the_past_is_complete_valid_and_marked() -> None:
    """It has an observation every 20 minutes for each city, before the first poll, marked by its station."""
    now = datetime(2026, 11, 27, 12, 7, tzinfo=UTC)
    kiel, berlin = City(name="Kiel", lat=54.3, lon=10.1), City(name="Berlin", lat=52.5, lon=13.4)
    observations = [fetched.observation for fetched in simulate_history([kiel, berlin], now, 2)]
    assert len(observations) == 2 * 2 * 72
    times = [observation.observed_at for observation in observations if observation.city == "kiel"]
    assert times[0] == datetime(2026, 11, 25, 12, tzinfo=UTC)
    assert times[-1] < datetime(2026, 11, 27, 12, tzinfo=UTC)
    assert {later - earlier for earlier, later in itertools.pairwise(times)} == {timedelta(minutes=20)}
    assert {observation.station for observation in observations} == {SIMULATED_STATION}
    assert not any(observation.find_problem() for observation in observations)


def test_commands_use_a_demo_only_while_it_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They ignore the file of a demo that was killed, a broken file, and any demo for settings of the user's own."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    (tmp_path / "weatherd").mkdir()
    file = tmp_path / "weatherd" / "demo.json"
    flags = {"state": str(tmp_path / "demo"), "http": {"port": 4711}}
    file.write_text(json.dumps(flags))
    assert find_demo_settings(loader.SHIPPED_SETTINGS) == {}
    with lock_state_folder(tmp_path / "demo"):
        assert find_demo_settings(loader.SHIPPED_SETTINGS) == flags
        assert find_demo_settings(tmp_path / "weatherd.yaml") == {}
        file.write_text(json.dumps(flags | {"config": str(tmp_path / "weatherd.yaml")}))
        assert find_demo_settings(loader.SHIPPED_SETTINGS) == find_demo_settings(tmp_path / "weatherd.yaml") == {}
        assert find_demo_state(tmp_path / "weatherd.yaml") == tmp_path / "demo"
        assert find_demo_state(tmp_path / "other.yaml") is None
        for text in ("{", "[]", "{}", '{"state": 3}'):
            file.write_text(text)
            assert find_demo_settings(loader.SHIPPED_SETTINGS) == {}


def test_the_journal_of_a_demo_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A command that misses the journal says where that of a demo with the same settings is, while it runs."""
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    monkeypatch.delenv("STATE_DIRECTORY", raising=False)
    settings, state = tmp_path / "weatherd.yaml", tmp_path / "demo"
    configuration = replace(make_configuration(state=tmp_path / "state"), file=settings)
    with lock_state_folder(state):
        with (
            announce_demo(settings, {"state": state}, "http://127.0.0.1:1", 1),
            pytest.raises(StateError, match=f"set WEATHERD_STATE={state} to read that"),
        ):
            find_journal(configuration)
        assert find_journal(configuration) == tmp_path / "state" / "weatherd.sqlite"
