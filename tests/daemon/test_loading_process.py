"""The process that loads the configuration, so that the daemon does without pydantic."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from tests.support.plugins import install_package
from tests.support.service import serving
from tests.support.weatherd_process import BERLIN, ENVIRONMENT, KIEL, configure, weatherd, write_list
from weatherd.cli.exit_codes import ExitCode
from weatherd.config.lists.packed_cities import PackedCities
from weatherd.daemon.loading.answer import decode_answer, encode_answer
from weatherd.daemon.loading.loaded import load_small, load_with_snapshot
from weatherd.errors import ConfigError, LoadingError

if TYPE_CHECKING:
    from pathlib import Path

in_real_time = pytest.mark.real_time
starts_processes = pytest.mark.processes
# Python imports it at the start: it prints in each new interpreter that loads the configuration, and kills it or lets
# it fail
FAULTS = """
import os, pathlib, sys
fault = pathlib.Path(__file__).with_name("fault")
if "weatherd.daemon.loading.process" in sys.orig_argv:
    print("a line of sitecustomize")
    if fault.exists():
        os.kill(os.getpid(), 9) if fault.read_text() == "kill" else sys.exit("no library")
"""


@in_real_time
@starts_processes
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
async def test_pydantic_stays_out_of_the_daemon(tmp_path: Path) -> None:
    """Neither the start, nor a valid reload, nor a rejected one imports it. The messages have their positions."""
    bad = "{name: Rom, lat: 141.9, lon: 12.5}"
    async with serving() as service, weatherd("run", "-c", configure(tmp_path, service.url, KIEL, bad)) as process:
        problems = (await process.logs("city.quarantined"))["problems"]
        assert problems == [f"{tmp_path}/cities.yaml:3:22: 'Rom': 'lat' should be at most 90, not 141.9"]
        await process.prints(1)
        write_list(tmp_path, KIEL, BERLIN)
        process.receives(signal.SIGHUP)
        assert (await process.logs("cities.reloaded"))["added"] == ["berlin"]
        (tmp_path / "weatherd.yaml").write_text("intervall: 5s")
        process.receives(signal.SIGHUP)
        problems = (await process.logs("cities.rejected"))["problems"]
        assert problems == [f"{tmp_path}/weatherd.yaml:1:1: unknown key 'intervall'; did you mean 'interval'?"]
        assert "pydantic_core" not in process.mapped_files()
        process.receives(signal.SIGTERM)
        assert await process.ends() == 0


@in_real_time
@starts_processes
async def test_a_process_that_fails_is_reported_and_the_daemon_continues(tmp_path: Path) -> None:
    """The reload is rejected with the signal or the exit code; the next one succeeds, although Python prints."""
    (packages := tmp_path / "packages").mkdir()
    (packages / "sitecustomize.py").write_text(FAULTS)
    environ, fault = ENVIRONMENT | {"PYTHONPATH": str(packages)}, packages / "fault"
    async with (
        serving() as service,
        weatherd("run", "-c", configure(tmp_path, service.url, KIEL), environ=environ) as process,
    ):
        await process.prints(1)
        for times, (kind, reason) in enumerate({"kill": "was killed by SIGKILL; ", "exit": "exit code 1: "}.items(), 1):
            fault.write_text(kind)
            process.receives(signal.SIGHUP)
            assert reason in (await process.logs("cities.rejected", times))["problems"][0]
        fault.unlink()
        process.receives(signal.SIGHUP)
        assert (await process.logs("cities.reloaded"))["unchanged"] == 1
        process.receives(signal.SIGTERM)
        assert await process.ends() == 0


@starts_processes
@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ("child = fork(); child and os.kill(child, 9); return child", "was killed by SIGKILL; "),
        (
            "raise OSError(11, 'Resource temporarily unavailable')",
            "cannot be started: Resource temporarily unavailable",
        ),
    ],
)
def test_a_start_without_the_process_ends(fault: str, reason: str, file: Path) -> None:
    """The log has the reason, and the exit code lets systemd start the daemon again."""
    program = (
        f"import os\nfork = os.fork\ndef fail():\n  {fault}\nos.fork = fail\nfrom weatherd.__main__ import main; main()"
    )
    command = [sys.executable, "-c", program, "run", "-c", str(file)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)  # noqa: S603
    event = json.loads(done.stderr)
    assert (done.returncode, event["event"]) == (ExitCode.NO_PROCESS, "config.not_loaded")
    assert reason in event["reason"]


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a settings file with a list of two cities."""
    monkeypatch.setenv("WEATHERD_INTERVAL", "7m")
    configure(tmp_path, "http://127.0.0.1:1", KIEL, BERLIN)
    return tmp_path / "weatherd.yaml"


def test_a_small_configuration_is_transferred(file: Path) -> None:
    """It is the same in both processes, with the positions of the rows, the environment and the files' states.

    So are cities with all keys, the problems of a row, and the sections of the settings.
    """
    keys = (
        "id: ulm-2, altitude: 478, tags: {region: south}, warnings: [bright-sky], timezone: Europe/Rome, interval: 5m"
    )
    ulm, bad = f"{{name: Ulm, lat: 48.4, lon: 10, {keys}}}", "{name: Rom, lat: 141.9, lon: 12.5}"
    write_list(file.parent, KIEL, BERLIN, ulm, bad)
    with file.open("a") as settings:
        settings.write("\nhttp: {token: s3cr3t-hunter2}\nmqtt: {host: broker}\nwarnings: auto\nlanguage: de\n")
    received = decode_answer(encode_answer(file), 0)
    assert received
    assert received.configuration.locate
    here = load_with_snapshot(file, {"WEATHERD_INTERVAL": "7m"}, ["open-meteo"])
    assert received == here
    assert [len(received.configuration.cities), len(received.configuration.quarantined)] == [3, 1]
    assert received.configuration.locate("berlin") == f"{file.parent}/cities.yaml:3:5"
    assert received.configuration.cities[0].interval == 7 * 60


def test_a_mistake_is_transferred(file: Path) -> None:
    """The error keeps all problems."""
    file.write_text("intervall: 5s\nunit: metric\n")
    with pytest.raises(ConfigError) as caught:
        decode_answer(encode_answer(file), 0)
    with pytest.raises(ConfigError) as expected:
        load_small(file)
    assert caught.value.problems == expected.value.problems != ()


@pytest.mark.parametrize(
    ("errors", "reason"), [("", "no message"), ("Traceback:\n  line 1\nImportError: x\n", "ImportError: x")]
)
def test_the_exit_code_has_a_reason(errors: str, reason: str) -> None:
    """It is the last line of the standard error."""
    with pytest.raises(LoadingError, match=f"ended with exit code 3: {reason}$"):
        decode_answer(b"", 3, errors)


def test_a_bug_is_transferred() -> None:
    """The daemon logs its traceback."""
    with pytest.raises(RuntimeError, match=r"^Traceback"):
        decode_answer(encode_answer(7), 0)  # type: ignore[arg-type]


def test_an_installed_update_is_reported() -> None:
    """The process is of another version then, and its values may be others."""
    with pytest.raises(LoadingError, match="was installed: restart it"):
        decode_answer(b"weatherd 0.0.1\n", 0)


def test_the_daemon_loads_a_long_list_itself(file: Path) -> None:
    """The list is not in the memory of two processes."""
    write_list(file.parent, *[f"{{name: City {n}, lat: 10, lon: 20}}" for n in range(5000)])
    assert load_small(file) is None


def test_the_long_list_of_a_cluster_is_transferred_packed(file: Path) -> None:
    """So the daemon of a node, which polls a part of the list, never has all of it as objects."""
    rows = [f"{{name: City {n}, lat: 10, lon: 20, tags: {{number: n{n}}}}}" for n in range(2500)]
    write_list(file.parent, *rows, "{name: Rom, lat: 141.9, lon: 12.5}")
    with file.open("a") as settings:
        settings.write("\ncluster: {dsn: postgresql://db/weather}\n")
    received = decode_answer(encode_answer(file), 0)
    assert received
    here = load_with_snapshot(file, {"WEATHERD_INTERVAL": "7m"}, ["open-meteo"])
    assert isinstance(received.configuration.cities, PackedCities)
    assert set(received.configuration.cities) == set(here.configuration.cities)
    assert received.configuration.quarantined == here.configuration.quarantined


def test_the_daemon_loads_the_configuration_of_plug_ins_itself(
    file: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """They define models, and may use more of the settings than their values."""
    points = "[weatherd.sinks]\nmine = mine:open_sink\n"
    install_package(monkeypatch, tmp_path / "packages", "mine", points, mine="")
    assert load_small(file) is None
