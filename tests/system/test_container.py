"""The container image, built and run for real. ``WEATHERD_PODMAN`` is the command, ``weatherd`` the image's name."""

from __future__ import annotations

import json
import os
import subprocess
import time
from typing import TYPE_CHECKING

import pytest

from tests.support.servers import free_port

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

PODMAN = os.environ.get("WEATHERD_PODMAN", "").split()
IMAGE = "localhost/weatherd"
SANDBOX = ("--network", "host", "--read-only", "--cap-drop", "all", "--tmpfs", "/tmp")  # noqa: S108 - inside the container
TIMEOUT = 60.0  # seconds
CITIES = "cities:\n  - {name: Kiel, lat: 54.3, lon: 10.1}\n"
pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(240),
    pytest.mark.skipif(not PODMAN, reason="needs an image: see make system"),
]


class Container:
    """Container of the image, sandboxed as documented."""

    def __init__(self, name: str, *arguments: str, options: tuple[str, ...] = ()) -> None:
        self.name = name
        podman("run", "--detach", "--name", name, *SANDBOX, *options, IMAGE, *arguments)

    def printed(self) -> list[str]:
        """Return the lines of standard output."""
        return podman("logs", self.name).stdout.splitlines()

    def logged(self) -> list[str]:
        """Return the lines of standard error."""
        return podman("logs", self.name).stderr.splitlines()


def podman(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run a podman command."""
    return subprocess.run([*PODMAN, *arguments], capture_output=True, text=True, check=False)  # noqa: S603


def wait_until(condition: Callable[[], object], description: str) -> None:
    """Wait for a condition."""
    end = time.monotonic() + TIMEOUT
    while not condition():
        assert time.monotonic() < end, description
        time.sleep(0.2)


@pytest.fixture
def name() -> Iterator[str]:
    """Yield the name of a container, which is removed at the end."""
    name = f"weatherd-test-{free_port()}"
    yield name
    podman("rm", "--force", "--volumes", name)


def test_demo_is_healthy_and_stops_quickly(name: str) -> None:
    """``run --demo`` prints observations and is healthy, and ``podman stop`` ends it with exit code 0."""
    options = ("--env", f"WEATHERD_HTTP__PORT={free_port()}")
    container = Container(name, "run", "--demo", options=options)
    wait_until(lambda: len(container.printed()) >= 3, "three lines")
    assert "°C ::" in container.printed()[0]
    wait_until(lambda: podman("healthcheck", "run", name).returncode == 0, "healthy")
    state = podman("inspect", name, "--format", "{{.State.Health.Status}} {{.Config.User}}").stdout.split()
    assert state == ["healthy", "65534:65534"]
    assert all(json.loads(line) for line in container.logged() if line.startswith("{"))
    podman("stop", "--time", "10", name)
    assert podman("inspect", name, "--format", "{{.State.ExitCode}}").stdout.strip() == "0"
    summary = json.loads(container.logged()[-1])
    assert (summary["event"], summary["clean"]) == ("daemon.stopped", True)


@pytest.mark.parametrize("mounted", ["folder", "file"])
def test_edit_on_the_host_reloads(mounted: str, name: str, tmp_path: Path) -> None:
    """An edit of the mounted list reloads it, whether the folder or the file is mounted; the output is only JSON."""
    tmp_path.chmod(0o755)
    settings = f"http: {{port: {free_port()}}}\nopen_meteo: {{base_url: 'http://127.0.0.1:9'}}\n"
    (tmp_path / "weatherd.yaml").write_text(settings)
    (tmp_path / "cities.yaml").write_text(CITIES)
    files = ("weatherd.yaml", "cities.yaml")
    mounts = [f"{tmp_path}/{file}:/etc/weatherd/{file}:ro" for file in files]
    mounts = [f"{tmp_path}:/etc/weatherd:ro"] if mounted == "folder" else mounts
    volumes = tuple(option for mount in mounts for option in ("--volume", mount))
    container = Container(name, options=(*volumes, "--env", "WEATHERD_HTTP__PORT="))
    wait_until(lambda: any("daemon.ready" in line for line in container.logged()), "ready")
    with (tmp_path / "cities.yaml").open("a") as file:
        file.write("  - {name: Lübeck, lat: 53.9, lon: 10.7}\n")
    wait_until(lambda: any("cities.reloaded" in line and "lubeck" in line for line in container.logged()), "reloaded")
    assert not container.printed()
    assert all(json.loads(line)["event"] for line in container.logged())
