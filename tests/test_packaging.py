"""Contents and imports of the wheel."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.mark.once
def test_the_wheel_is_complete(tmp_path: Path) -> None:
    """It contains the shipped configuration, the console script, the entry points and the types."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)  # noqa: S603
    wheel = zipfile.ZipFile(next(tmp_path.glob("*.whl")))
    names = set(wheel.namelist())
    assert {script for script in names if script.endswith(".sql")} == {
        f"weatherd/journal/migrations/{script.name}" for script in (ROOT / "weatherd/journal/migrations").glob("*.sql")
    }
    static = ROOT / "weatherd/web/static"
    assert {f"weatherd/web/static/{path.relative_to(static)}" for path in static.rglob("*.*")} <= names
    assert {"weatherd/config/weatherd.yaml", "weatherd/config/cities.yaml", "weatherd/py.typed"} <= names
    assert not any(name.startswith(("tests", "benchmarks")) for name in names)
    points = wheel.read(next(name for name in names if name.endswith("entry_points.txt"))).decode()
    assert "weatherd = weatherd.__main__:main" in points
    assert "open-meteo = weatherd.providers.open_meteo.client:open_provider" in points


@pytest.mark.once
@pytest.mark.skipif(not (ROOT / ".git").exists() or not shutil.which("git"), reason="needs a git checkout")
def test_the_source_archive_is_complete(tmp_path: Path) -> None:
    """It contains every file of the repository, because its Makefile and Dockerfile need scripts and requirements."""
    build = [sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path)]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)  # noqa: S603
    with tarfile.open(next(tmp_path.glob("*.tar.gz"))) as archive:
        packed = {name.partition("/")[2] for name in archive.getnames()}
    tracked = subprocess.check_output(["git", "ls-files", "-z"], cwd=ROOT, text=True)  # noqa: S607
    existing = {name for name in tracked.split("\0") if (ROOT / name).is_file()}
    assert existing - packed == set()
    assert not any(name.startswith((".venv", ".mypy_cache")) for name in packed)


@pytest.mark.once
def test_no_folder_is_too_full() -> None:
    """The package has at most 15 files in a folder, and at most 15 folders in its first listing.

    Numbered scripts are not counted: there is one more with each version of the journal.
    """
    folders = [path for path in (ROOT / "weatherd").rglob("*") if path.is_dir() and path.name != "__pycache__"]
    counts = {
        folder: sum(path.is_file() and path.suffix != ".sql" for path in folder.iterdir())
        for folder in (ROOT / "weatherd", *folders)
    }
    assert {str(folder): count for folder, count in counts.items() if count > 15} == {}
    assert sum(folder.parent == ROOT / "weatherd" for folder in folders) <= 15


def test_the_daemon_imports_no_unneeded_library(tmp_path: Path) -> None:
    """Libraries that only some commands, or only scrapes of the metrics, need are not imported by ``weatherd run``."""
    (tmp_path / "weatherd.yaml").write_text("cities: nonexistent.yaml\n")
    command = [sys.executable, "-X", "importtime", "-m", "weatherd", "run", "--config", str(tmp_path / "weatherd.yaml")]
    ended = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, check=False)  # noqa: S603
    loaded = {line.rpartition("|")[2].strip() for line in ended.stderr.splitlines() if line.startswith("import time:")}
    assert "weatherd.daemon.wiring" in loaded  # the module of the command itself is imported by name, and not listed
    assert ended.returncode == 78
    assert not {"rich.console", "prometheus_client", "weatherd.simulator"} & loaded


def test_importing_weatherd_has_no_side_effects() -> None:
    """A program that imports weatherd gets no handlers, hooks or other libraries, and can still import rich."""
    code = (
        "import gc, importlib.metadata, logging, signal, sys, threading, warnings\n"
        "def state(): return (signal.getsignal(2), signal.getsignal(15), sys.excepthook, threading.excepthook,\n"
        "    sys.unraisablehook, gc.get_threshold(), logging.root.handlers[:], warnings.filters[:],\n"
        "    threading.active_count())\n"
        "before, modules = state(), set(sys.modules)\n"
        "import weatherd\n"
        "assert state() == before\n"
        "print(*{name.partition('.')[0] for name in set(sys.modules) - modules} - sys.stdlib_module_names)\n"
        "import rich.console, structlog.dev\n"
        "assert structlog.dev.rich is rich\n"
    )
    added = subprocess.check_output([sys.executable, "-c", code], cwd=ROOT, text=True)  # noqa: S603
    assert added.split() == ["weatherd"]
