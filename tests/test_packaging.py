"""What is in the wheel."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_wheel_holds_all_that_the_program_needs(tmp_path: Path) -> None:
    """The shipped configuration, the console script, the entry points and the types travel in the wheel."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)  # noqa: S603
    wheel = zipfile.ZipFile(next(tmp_path.glob("*.whl")))
    names = set(wheel.namelist())
    assert {"weatherd/config/weatherd.yaml", "weatherd/config/cities.yaml", "weatherd/py.typed"} <= names
    assert not any(name.startswith(("tests", "benchmarks")) for name in names)
    points = wheel.read(next(name for name in names if name.endswith("entry_points.txt"))).decode()
    assert "weatherd = weatherd.__main__:main" in points
    assert "open-meteo = weatherd.providers.open_meteo.client:open_provider" in points


def test_the_daemon_starts_without_what_it_does_not_need() -> None:
    """Libraries that only some commands, or only who scrapes metrics, need are not imported when the daemon is."""
    code = "import sys, weatherd.cli.commands.run, weatherd.web.server; print(*sys.modules)"
    loaded = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True).split()  # noqa: S603
    assert not {"rich", "prometheus_client", "weatherd.simulator"} & set(loaded)
