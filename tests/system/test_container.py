"""The image, built and run for real: ``WEATHERD_PODMAN`` is the command, ``weatherd`` the image's name."""

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
SEALED = ("--network", "host", "--read-only", "--cap-drop", "all", "--tmpfs", "/tmp")  # noqa: S108 - the container's own
PATIENCE = 60.0
CITIES = "cities:\n  - {name: Kiel, lat: 54.3, lon: 10.1}\n"
pytestmark = [
    pytest.mark.processes,
    pytest.mark.timeout(240),
    pytest.mark.skipif(not PODMAN, reason="needs an image: see make system"),
]


class Container:
    """A container of the image, sealed off as the documents say."""

    def __init__(self, name: str, *arguments: str, options: tuple[str, ...] = ()) -> None:
        self.name = name
        podman("run", "--detach", "--name", name, *SEALED, *options, IMAGE, *arguments)

    def printed(self) -> list[str]:
        """Return what it printed."""
        return podman("logs", self.name).stdout.splitlines()

    def logged(self) -> list[str]:
        """Return what it logged."""
        return podman("logs", self.name).stderr.splitlines()


def podman(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run podman."""
    return subprocess.run([*PODMAN, *arguments], capture_output=True, text=True, check=False)  # noqa: S603


def until(holds: Callable[[], object], what: str) -> None:
    """Wait until something holds."""
    end = time.monotonic() + PATIENCE
    while not holds():
        assert time.monotonic() < end, what
        time.sleep(0.2)


@pytest.fixture
def name() -> Iterator[str]:
    """Name a container that is removed at the end."""
    name = f"weatherd-test-{free_port()}"
    yield name
    podman("rm", "--force", "--volumes", name)


def test_the_demo_prints_is_healthy_and_stops_at_once(name: str) -> None:
    """``run --demo`` prints, its health check passes, and ``podman stop`` ends it with 0 well before the kill."""
    options = ("--env", f"WEATHERD_HTTP__PORT={free_port()}")
    container = Container(name, "run", "--demo", options=options)
    until(lambda: len(container.printed()) >= 3, "three lines")
    assert "°C ::" in container.printed()[0]
    until(lambda: podman("healthcheck", "run", name).returncode == 0, "healthy")
    state = podman("inspect", name, "--format", "{{.State.Health.Status}} {{.Config.User}}").stdout.split()
    assert state == ["healthy", "65534:65534"]
    assert all(json.loads(line) for line in container.logged() if line.startswith("{"))
    podman("stop", "--time", "10", name)
    assert podman("inspect", name, "--format", "{{.State.ExitCode}}").stdout.strip() == "0"
    account = json.loads(container.logged()[-1])
    assert (account["event"], account["clean"]) == ("daemon.stopped", True)


@pytest.mark.parametrize("how", ["folder", "file"])
def test_an_edit_on_the_host_reloads(how: str, name: str, tmp_path: Path) -> None:
    """The mounted list is watched, be it mounted with its folder or by itself; and the output is JSON alone."""
    tmp_path.chmod(0o755)
    settings = f"http: {{port: {free_port()}}}\nopen_meteo: {{base_url: 'http://127.0.0.1:9'}}\n"
    (tmp_path / "weatherd.yaml").write_text(settings)
    (tmp_path / "cities.yaml").write_text(CITIES)
    files = ("weatherd.yaml", "cities.yaml")
    mounts = [f"{tmp_path}/{file}:/etc/weatherd/{file}:ro" for file in files]
    mounts = [f"{tmp_path}:/etc/weatherd:ro"] if how == "folder" else mounts
    volumes = tuple(option for mount in mounts for option in ("--volume", mount))
    container = Container(name, options=(*volumes, "--env", "WEATHERD_HTTP__PORT="))
    until(lambda: any("daemon.ready" in line for line in container.logged()), "ready")
    with (tmp_path / "cities.yaml").open("a") as file:
        file.write("  - {name: Lübeck, lat: 53.9, lon: 10.7}\n")
    until(lambda: any("cities.reloaded" in line and "lubeck" in line for line in container.logged()), "reloaded")
    assert not container.printed()
    assert all(json.loads(line)["event"] for line in container.logged())
