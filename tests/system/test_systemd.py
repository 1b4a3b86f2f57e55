"""The unit in a booted systemd, in a machine that ``scripts/machine`` has built."""

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

TIMEOUT = 60.0  # seconds
SITE = Path(ROOT) / "opt/weatherd/lib/python3.11/site-packages"
BLOCKING_PLUGIN = '''
import contextlib, os, time

class BlockingSink:
    """Blocks the event loop once a file exists."""

    async def write(self, batch):
        if os.path.exists("/var/lib/weatherd/blocking_plugin"):
            os.unlink("/var/lib/weatherd/blocking_plugin")
            time.sleep(3600)

@contextlib.asynccontextmanager
async def _open():
    yield BlockingSink()

def open_sink(settings):
    return _open()
'''
CITIES = "cities:\n  - {name: Kiel, lat: 54.3, lon: 10.1}\n  - {name: Berlin, lat: 52.5, lon: 13.4}\n"


class Machine:
    """Small Debian that runs systemd, with its own loopback interface and no other network."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def run(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the machine."""
        return subprocess.run([TOOL, "exec", ROOT, *command], capture_output=True, text=True, check=False)  # noqa: S603

    def check_output(self, *command: str) -> str:
        """Run a command that must succeed, and return its output."""
        done = self.run(*command)
        assert done.returncode == 0, (command, done.stdout, done.stderr)
        return done.stdout.strip()

    def run_in_network(self, *command: str) -> subprocess.CompletedProcess[str]:
        """Run a command in the machine's network namespace."""
        return self.run("systemd-run", "--quiet", "--pipe", "--wait", *command)

    def unit_property(self, name: str) -> str:
        """Return a property of the unit."""
        return self.check_output("systemctl", "show", "--value", "--property", name, "weatherd")

    def wait_until(self, condition: Callable[[], object], description: str) -> None:
        """Wait for a condition."""
        end = time.monotonic() + TIMEOUT
        while not condition():
            assert time.monotonic() < end, (description, self.run("journalctl", "-u", "weatherd", "-n", "20").stdout)
            time.sleep(0.1)

    def lines(self) -> list[str]:
        """Return the daemon's own lines in the systemd journal."""
        return self.check_output("journalctl", "-o", "cat", "_SYSTEMD_UNIT=weatherd.service").splitlines()

    def events(self, name: str) -> list[dict[str, Any]]:
        """Return the log events with a name."""
        return [event for event in map(json.loads, self.lines()) if event["event"] == name]

    def write_file(self, path: str, text: str) -> None:
        """Write a file in the machine."""
        file = self.root / path.lstrip("/")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def write_settings(self, url: str) -> None:
        """Write the daemon's settings with the base URL of a weather service."""
        section = f"open_meteo: {{base_url: {url}, plan: unlimited}}" if url else ""
        self.write_file("/etc/weatherd/weatherd.yaml", f"interval: 1s\n{section}\n")


@pytest.fixture(scope="module")
def machine() -> Iterator[Machine]:
    """Install the service in the machine, and boot the machine with a simulator and no network."""
    machine = Machine(Path(ROOT))
    machine.write_file(str(SITE / "blocking_plugin.py").removeprefix(ROOT), BLOCKING_PLUGIN)
    machine.write_file(
        str(SITE / "blocking_plugin-1.dist-info/METADATA").removeprefix(ROOT),
        "Metadata-Version: 2.1\nName: blocking_plugin\nVersion: 1\n",
    )
    points = "[weatherd.sinks]\nblocking_plugin = blocking_plugin:open_sink\n"
    machine.write_file(str(SITE / "blocking_plugin-1.dist-info/entry_points.txt").removeprefix(ROOT), points)
    machine.write_file("/etc/systemd/system/weatherd.service.d/quick.conf", "[Service]\nWatchdogSec=4\nRestartSec=1\n")
    simulator = (
        "[Service]\nExecStart=/opt/weatherd/bin/weatherd simulate --port 8099\n[Install]\nWantedBy=multi-user.target\n"
    )
    machine.write_file("/etc/systemd/system/simulator.service", simulator)
    shutil.rmtree(machine.root / "var/lib/weatherd", ignore_errors=True)
    subprocess.run([TOOL, "boot", ROOT, "--private-network"], check=True)  # noqa: S603
    try:
        machine.check_output("/opt/weatherd/bin/weatherd", "service", "install")
        machine.check_output("systemctl", "start", "simulator")
        machine.write_file("/etc/weatherd/cities.yaml", CITIES)
        machine.write_settings("http://127.0.0.1:8099")
        yield machine
    finally:
        subprocess.run([TOOL, "off", ROOT], check=False)  # noqa: S603


@pytest.fixture
def running(machine: Machine) -> Machine:
    """Restart the service with valid files, independent of the previous test."""
    machine.write_file("/etc/weatherd/cities.yaml", CITIES)
    machine.write_settings("http://127.0.0.1:8099")
    machine.run("systemctl", "reset-failed", "weatherd")
    machine.check_output("systemctl", "restart", "weatherd")
    return machine


def test_log_lines_have_priorities(running: Machine) -> None:
    """``journalctl -p warning`` shows the warnings and errors of the daemon, and nothing else."""
    running.write_file("/etc/weatherd/cities.yaml", f"{CITIES}  - {{name: Wrong, lat: 599, lon: 10.7}}\n")
    command = ("journalctl", "-o", "cat", "-p", "warning", "_SYSTEMD_UNIT=weatherd.service")
    running.wait_until(lambda: "city.quarantined" in running.check_output(*command), "a warning")
    levels = {json.loads(line)["level"] for line in running.check_output(*command).splitlines()}
    assert levels <= {"warning", "error", "critical"}


def test_commands_typed_by_hand(running: Machine) -> None:
    """Members of the group weatherd use the service's settings and journal; for others that is an error, not a demo."""
    running.run("useradd", "--user-group", "--groups", "weatherd", "member")
    running.run("useradd", "--user-group", "stranger")
    running.wait_until(lambda: "2 fresh" in running.unit_property("StatusText"), "status")
    history = "/opt/weatherd/bin/weatherd history Kiel --since 1h"
    as_member = ("runuser", "--login", "member", "--command")
    assert "1 observation" in running.check_output(*as_member, history)
    assert "Kiel" in running.check_output(*as_member, "/opt/weatherd/bin/weatherd cities list")
    refused = running.run("runuser", "--login", "stranger", "--command", history)
    assert (refused.returncode, "/etc/weatherd/weatherd.yaml: cannot be read: " in refused.stderr) == (78, True)
    running.check_output("systemctl", "stop", "weatherd")
    assert "1 observation" in running.check_output(*as_member, history)


def test_readiness_status_and_json_log(running: Machine) -> None:
    """``systemctl start`` returns when the daemon is ready; it sends a status text and logs only JSON."""
    assert running.unit_property("ActiveState") == "active"
    running.wait_until(lambda: "2 fresh" in running.unit_property("StatusText"), "status")
    assert "next poll in" in running.unit_property("StatusText")
    assert running.events("observation")
    assert running.events("daemon.ready")


def test_reload_applies_a_valid_list(running: Machine) -> None:
    """``systemctl reload`` after an edit adds the new city without a restart."""
    before = running.unit_property("MainPID")
    running.write_file("/etc/weatherd/cities.yaml", CITIES + "  - {name: Lübeck, lat: 53.9, lon: 10.7}\n")
    running.check_output("systemctl", "reload", "weatherd")
    running.wait_until(
        lambda: any("lubeck" in event["added"] for event in running.events("cities.reloaded")), "reloaded"
    )
    running.wait_until(lambda: running.unit_property("ActiveState") == "active", "active")
    assert running.unit_property("MainPID") == before


def test_reload_of_an_invalid_file_fails(running: Machine) -> None:
    """``systemctl reload`` fails because of the check before it; the daemon keeps the previous list."""
    before = running.unit_property("MainPID")
    running.write_file("/etc/weatherd/cities.yaml", "cities: [\n")
    assert running.run("systemctl", "reload", "weatherd").returncode != 0
    assert (running.unit_property("ActiveState"), running.unit_property("MainPID")) == ("active", before)
    assert "cities.yaml:2" in running.events("config.rejected")[-1]["problems"][0]


def test_killed_daemon_is_restarted(running: Machine) -> None:
    """Systemd restarts the daemon after ``kill -9``."""
    before, restarts = running.unit_property("MainPID"), int(running.unit_property("NRestarts"))
    running.check_output("kill", "-9", before)
    running.wait_until(lambda: int(running.unit_property("NRestarts")) > restarts, "restart")
    running.wait_until(lambda: running.unit_property("ActiveState") == "active", "active")
    assert running.unit_property("MainPID") not in (before, "0")


def test_blocked_event_loop_is_restarted(running: Machine) -> None:
    """A plug-in that blocks the event loop stops the watchdog messages, so systemd restarts the daemon."""
    restarts = int(running.unit_property("NRestarts"))
    running.write_file("/var/lib/weatherd/blocking_plugin", "")
    running.wait_until(lambda: int(running.unit_property("NRestarts")) > restarts, "restart")
    running.wait_until(lambda: running.unit_property("ActiveState") == "active", "active")
    assert "watchdog" in running.check_output("journalctl", "-u", "weatherd", "-o", "cat").lower()


def test_stop_logs_a_summary(running: Machine) -> None:
    """``systemctl stop`` succeeds, and the last event is a summary whose numbers add up."""
    running.wait_until(lambda: "2 fresh" in running.unit_property("StatusText"), "status")
    running.check_output("systemctl", "stop", "weatherd")
    assert (running.unit_property("Result"), running.unit_property("ExecMainStatus")) == ("success", "0")
    summary = running.events("daemon.stopped")[-1]
    assert summary["clean"]
    assert summary["fetched"] == summary["stored"] + summary["repeated"] + summary["dropped"] + summary["queued"]


def test_invalid_setting_is_not_restarted(running: Machine) -> None:
    """Systemd does not restart the daemon after exit code 78, because the file would still be invalid."""
    running.check_output("systemctl", "stop", "weatherd")
    running.write_file("/etc/weatherd/weatherd.yaml", "intervall: 1s\n")
    running.run("systemctl", "start", "weatherd")
    running.wait_until(lambda: running.unit_property("ActiveState") == "failed", "failed")
    assert (running.unit_property("ExecMainStatus"), running.unit_property("NRestarts")) == ("78", "0")


def test_boot_without_network(running: Machine) -> None:
    """Without any network the service becomes ready, reports its cities as down, and is healthy."""
    running.write_settings("")
    running.write_file("/etc/weatherd/weatherd.yaml", "interval: 1s\nstate: /var/lib/weatherd/other\n")
    running.check_output("systemctl", "enable", "weatherd", "simulator")
    subprocess.run([TOOL, "off", ROOT], check=True)  # noqa: S603
    subprocess.run([TOOL, "boot", ROOT, "--private-network"], check=True)  # noqa: S603
    running.wait_until(lambda: "2 down" in running.unit_property("StatusText"), "down")
    assert running.unit_property("ActiveState") == "active"
    health = running.run_in_network("/opt/weatherd/bin/weatherd", "health", "-c", "/etc/weatherd/weatherd.yaml")
    assert (health.returncode, health.stdout) == (0, "healthy\n")


def test_secret_from_credentials(running: Machine) -> None:
    """A file in ``/etc/weatherd/credentials`` sets a secret, although the daemon cannot read that folder."""
    running.write_file("/etc/weatherd/credentials/http_token", "a-recognisable-token\n")
    try:
        running.check_output("systemctl", "restart", "weatherd")
        code = "import urllib.request as u; u.urlopen('http://127.0.0.1:8080/metrics')"
        assert "401" in running.run_in_network("python3", "-c", code).stderr
    finally:
        (running.root / "etc/weatherd/credentials/http_token").unlink()


def test_sandboxing(machine: Machine) -> None:
    """``systemd-analyze security`` reports an exposure of at most 1.5."""
    report = machine.check_output("systemd-analyze", "security", "weatherd", "--no-pager").splitlines()[-1]
    assert float(report.split(": ")[1].split()[0]) <= 1.5
