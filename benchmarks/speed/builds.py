"""Builds of weatherd that are compared: this one, and a previous one with a virtual environment of its own."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.speed.report import names

_ROOT = Path(__file__).resolve().parents[2]
_FOLDER = _ROOT / "build"
_ENVIRONMENT = f".venv-{sys.version_info.major}.{sys.version_info.minor}"
_INSTALLED = ".installed"  # file that marks a complete environment


@dataclass(frozen=True, slots=True)
class Build:
    """Checkout of weatherd, and the Python that runs it."""

    title: str  # in the names of the figures
    checkout: Path
    python: str


THIS = Build(names.THIS, _ROOT, sys.executable)


def prepare_build(base: str) -> Build:
    """Return the previous build: a checkout with a virtual environment, or a commit, which is installed in ``build/``.

    Raise RuntimeError if the checkout has no virtual environment for this version of Python, or none with uvloop,
    because this build is measured with uvloop, too. Raise CalledProcessError if git or pip fails.
    """
    is_checkout = (Path(base) / "weatherd").is_dir()
    checkout = Path(base).resolve() if is_checkout else _install_commit(base)
    python = checkout / _ENVIRONMENT / "bin" / "python"
    if not python.exists() or subprocess.run([python, "-c", "import uvloop"], check=False).returncode:  # noqa: S603
        raise RuntimeError(f"{checkout} needs a virtual environment {_ENVIRONMENT} with uvloop")
    return Build(names.PREVIOUS, checkout, str(python))


def _install_commit(commit: str) -> Path:
    """Extract a commit, and install it with its own versions of the libraries, once."""
    folder = _FOLDER / f"weatherd-{commit[:12]}"
    if (folder / _INSTALLED).exists():
        return folder
    print(f"installing {commit} in {folder}", file=sys.stderr, flush=True)
    folder.mkdir(parents=True, exist_ok=True)
    archive = folder / "commit.tar"
    _run(["git", "-C", str(_ROOT), "archive", f"--output={archive}", commit])
    _run(["tar", "--extract", f"--file={archive}", f"--directory={folder}"])
    archive.unlink()
    _run([sys.executable, "-m", "venv", str(folder / _ENVIRONMENT)])
    install = ["-m", "pip", "install", "--quiet", "--quiet", "--disable-pip-version-check"]
    constraint = ["--constraint", str(folder / "requirements.txt")]
    _run([str(folder / _ENVIRONMENT / "bin" / "python"), *install, *constraint, "--editable", f"{folder}[speed]"])
    (folder / _INSTALLED).touch()
    return folder


def _run(command: list[str]) -> None:
    subprocess.run(command, check=True)  # noqa: S603 - the caller's own arguments
