"""The unit in a booted systemd: ``scripts/machine`` makes the machine and says where it is."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ROOT, TOOL = os.environ.get("WEATHERD_MACHINE", ""), os.environ.get("WEATHERD_MACHINE_TOOL", "")
pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(240),
    pytest.mark.skipif(not (ROOT and TOOL), reason="needs a machine with systemd: see make system"),
]

PATIENCE = 60.0  # seconds
SITE = Path(ROOT) / "opt/weatherd/lib/python3.11/site-packages"
WEDGE = '''
import contextlib, os, time

class Wedge:
    """Blocks the loop for ever once there is a file."""

    async def write(self, batch):
        if os.path.exists("/var/lib/weatherd/wedge"):
            os.unlink("/var/lib/weatherd/wedge")
            time.sleep(3600)

@contextlib.asynccontextmanager
async def _open():
    yield Wedge()

def open_sink(settings):
    return _open()
'''
CITIES = "cities:\n  - {name: Kiel, lat: 54.3, lon: 10.1}\n  - {name: Berlin, lat: 52.5, lon: 13.4}\n"


class Machine:
    """A small Debian that runs systemd, with a loopback of its own and no other network."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def runs(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command inside."""
        return subprocess.run([TOOL, "exec", ROOT, *command], capture_output=True, text=True, check=False)  # noqa: S603

    def does(self, *command: str) -> str:
        """Run a command inside that has to succeed, and return what it printed."""
        done = self.runs(*command)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout.strip()

    def asks(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command inside the machine's own network."""
        return self.runs("systemd-run", "--quiet", "--pipe", "--wait", *command)

    def has(self, name: str) -> str:
        """Return a property of the service."""
        return self.does("systemctl", "show", "--value", "--property", name, "weatherd")

    def until(self, holds: Callable[[], object], what: str) -> None:
        """Wait until something holds."""
        end = time.monotonic() + PATIENCE
        while not holds():
            assert time.monotonic() < end, (what, self.runs("journalctl", "-u", "weatherd", "-n", "20").stdout)
            time.sleep(0.1)

    def lines(self) -> list[str]:
        """Return what the daemon itself has written since the journal began."""
        return self.does("journalctl", "-o", "cat", "_SYSTEMD_UNIT=weatherd.service").splitlines()

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the events of a name."""
        return [each for each in map(json.loads, self.lines()) if each["event"] == name]

    def writes(self, path: str, text: str) -> None:
        """Write a file inside."""
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def settings(self, url: str) -> None:
        """Write the daemon's settings, with a weather service at an address."""
        block = f"open_meteo: {{base_url: {url}, plan: unlimited}}" if url else ""
        self.writes("/etc/weatherd/weatherd.yaml", f"interval: 1s\n{block}\n")


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """Install the service in the machine, and boot that with a simulator and no network."""
    machine = Machine(Path(ROOT))
    machine.writes(str(SITE / "wedge.py").removeprefix(ROOT), WEDGE)
    machine.writes(
        str(SITE / "wedge-1.dist-info/METADATA").removeprefix(ROOT), "Metadata-Version: 2.1\nName: wedge\nVersion: 1\n"
    )
    points = "[weatherd.sinks]\nwedge = wedge:open_sink\n"
    machine.writes(str(SITE / "wedge-1.dist-info/entry_points.txt").removeprefix(ROOT), points)
    machine.writes("/etc/systemd/system/weatherd.service.d/quick.conf", "[Service]\nWatchdogSec=4\nRestartSec=1\n")
    simulator = (
        "[Service]\nExecStart=/opt/weatherd/bin/weatherd simulate --port 8099\n[Install]\nWantedBy=multi-user.target\n"
    )
    machine.writes("/etc/systemd/system/simulator.service", simulator)
    shutil.rmtree(machine.root / "var/lib/weatherd", ignore_errors=True)
    subprocess.run([TOOL, "boot", ROOT, "--private-network"], check=True)  # noqa: S603
    try:
        machine.does("/opt/weatherd/bin/weatherd", "service", "install")
        machine.does("systemctl", "start", "simulator")
        machine.writes("/etc/weatherd/cities.yaml", CITIES)
        machine.settings("http://127.0.0.1:8099")
        yield machine
    finally:
        subprocess.run([TOOL, "off", ROOT], check=False)  # noqa: S603


@pytest.fixture
def running(machine: Machine) -> Machine:
    """Have the service run, whatever the test before left."""
    machine.writes("/etc/weatherd/cities.yaml", CITIES)
    machine.settings("http://127.0.0.1:8099")
    machine.runs("systemctl", "reset-failed", "weatherd")
    machine.does("systemctl", "restart", "weatherd")
    return machine


def test_it_is_ready_says_how_it_goes_and_logs_json_alone(running: Machine) -> None:
    """``systemctl start`` returns when it is ready; STATUS is a sentence; every line of the journal is JSON."""
    assert running.has("ActiveState") == "active"
    running.until(lambda: "2 fresh" in running.has("StatusText"), "status")
    assert "next poll in" in running.has("StatusText")
    assert running.events("observation")
    assert running.events("daemon.ready")


def test_a_reload_takes_a_good_list(running: Machine) -> None:
    """``systemctl reload`` after an edit brings the new city in; the process stays the same."""
    before = running.has("MainPID")
    running.writes("/etc/weatherd/cities.yaml", CITIES + "  - {name: Lübeck, lat: 53.9, lon: 10.7}\n")
    running.does("systemctl", "reload", "weatherd")
    running.until(lambda: any("lubeck" in each["added"] for each in running.events("cities.reloaded")), "reloaded")
    running.until(lambda: running.has("ActiveState") == "active", "active")
    assert running.has("MainPID") == before


def test_a_reload_of_a_broken_file_fails_and_changes_nothing(running: Machine) -> None:
    """The check before the reload fails, so ``systemctl reload`` does; the daemon goes on with the old list."""
    before = running.has("MainPID")
    running.writes("/etc/weatherd/cities.yaml", "cities: [\n")
    assert running.runs("systemctl", "reload", "weatherd").returncode != 0
    assert (running.has("ActiveState"), running.has("MainPID")) == ("active", before)
    assert "cities.yaml:2" in running.events("config.rejected")[-1]["problems"][0]


def test_a_killed_one_is_started_again(running: Machine) -> None:
    """``kill -9`` is a failure, after which systemd starts it again."""
    before, restarts = running.has("MainPID"), int(running.has("NRestarts"))
    running.does("kill", "-9", before)
    running.until(lambda: int(running.has("NRestarts")) > restarts, "restart")
    running.until(lambda: running.has("ActiveState") == "active", "active")
    assert running.has("MainPID") not in (before, "0")


def test_a_wedged_loop_is_killed_and_started_again(running: Machine) -> None:
    """A plug-in that blocks the loop silences the watchdog; systemd ends the process and starts another one."""
    restarts = int(running.has("NRestarts"))
    running.writes("/var/lib/weatherd/wedge", "")
    running.until(lambda: int(running.has("NRestarts")) > restarts, "restart")
    running.until(lambda: running.has("ActiveState") == "active", "active")
    assert "watchdog" in running.does("journalctl", "-u", "weatherd", "-o", "cat").lower()


def test_a_stop_ends_within_the_grace_with_the_account(running: Machine) -> None:
    """``systemctl stop`` succeeds, and the journal's last event is an account that adds up."""
    running.until(lambda: "2 fresh" in running.has("StatusText"), "status")
    running.does("systemctl", "stop", "weatherd")
    assert (running.has("Result"), running.has("ExecMainStatus")) == ("success", "0")
    account = running.events("daemon.stopped")[-1]
    assert account["clean"]
    assert account["fetched"] == account["stored"] + account["repeated"] + account["dropped"] + account["queued"]


def test_a_bad_setting_is_refused_once(running: Machine) -> None:
    """Exit code 78 is not answered with another start: the file would not be better."""
    running.does("systemctl", "stop", "weatherd")
    running.writes("/etc/weatherd/weatherd.yaml", "intervall: 1s\n")
    running.runs("systemctl", "start", "weatherd")
    running.until(lambda: running.has("ActiveState") == "failed", "failed")
    assert (running.has("ExecMainStatus"), running.has("NRestarts")) == ("78", "0")


def test_it_boots_without_a_network(running: Machine) -> None:
    """There is no way to any weather service, and the service is ready all the same, and says that cities are down."""
    running.settings("")
    running.writes("/etc/weatherd/weatherd.yaml", "interval: 1s\nstate: /var/lib/weatherd/other\n")
    running.does("systemctl", "enable", "weatherd", "simulator")
    subprocess.run([TOOL, "off", ROOT], check=True)  # noqa: S603
    subprocess.run([TOOL, "boot", ROOT, "--private-network"], check=True)  # noqa: S603
    running.until(lambda: "2 down" in running.has("StatusText"), "down")
    assert running.has("ActiveState") == "active"
    health = running.asks("/opt/weatherd/bin/weatherd", "health", "-c", "/etc/weatherd/weatherd.yaml")
    assert (health.returncode, health.stdout) == (0, "healthy\n")


def test_a_key_comes_as_a_credential(running: Machine) -> None:
    """A file in ``/etc/weatherd/credentials`` is a secret of the settings; the daemon cannot read that folder."""
    running.writes("/etc/weatherd/credentials/http_token", "a-recognisable-token\n")
    try:
        running.does("systemctl", "restart", "weatherd")
        wanted = "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/metrics')"
        assert "401" in running.asks("python3", "-c", wanted).stderr
    finally:
        (running.root / "etc/weatherd/credentials/http_token").unlink()


def test_it_is_sealed_off(machine: Machine) -> None:
    """``systemd-analyze security`` gives 1.5 or less."""
    said = machine.does("systemd-analyze", "security", "weatherd", "--no-pager").splitlines()[-1]
    assert float(said.split(": ")[1].split()[0]) <= 1.5
