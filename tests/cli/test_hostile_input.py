"""Every command with names, files, folders and outputs that it cannot use: one line and an exit code, never a bug."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.support.fakes import KIEL, make_fetched
from weatherd.journal.store import JOURNAL_FILE, Store

if TYPE_CHECKING:
    from tests.cli.conftest import Weatherd

HOSTILE = ["Halle [/Saale]", "[red]x[/red]", ":sun:", "=1+1", "-x", "%s {0}", "a\x1b[31mb", "\u202egnp", "x" * 5000, ""]
READERS = {
    "check": ["check"],
    "check --against": ["check", "--against", "config/cities.yaml"],
    "cities list": ["cities", "list"],
    "cities remove": ["cities", "remove", "Kiel"],
    "cities add": ["cities", "add", "Ulm", "--lat", "48", "--lon", "10"],
    "history": ["history", "Kiel"],
    "export": ["export"],
    "once": ["once"],
    "plugins": ["plugins"],
    "status": ["status"],
    "explain": ["explain", "Kiel"],
    "tail": ["tail"],
    "health": ["health"],
}
_API = ("status", "explain", "tail", "health")
_JOURNAL = ("history", "export")
_STATE = (*_JOURNAL, "once")
READERS_OF_FILES = ("cities list", "history", "plugins", "check")


def spoil(path: Path, kind: str) -> Path:
    """Create something at *path* that is not a readable text file, or return the path of such a thing."""
    path.unlink(missing_ok=True)
    match kind:
        case "folder":
            path.mkdir()
        case "fifo":
            os.mkfifo(path)
        case "endless":
            return Path("/dev/zero")
        case "loop":
            path.symlink_to(path)
        case "below a file":
            path.write_text("")
            return path / "x"
        case "long":
            return path.with_name("x" * 300)
        case "binary":
            path.write_bytes(b"\xff\xfe\x00")
    return path


UNREADABLE = ["missing", "folder", "fifo", "endless", "loop", "below a file", "long", "binary"]


def is_default_address_taken() -> bool:
    """Return whether something listens at the default address."""
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", 8080)) == 0


@pytest.mark.parametrize("kind", UNREADABLE)
@pytest.mark.parametrize("command", READERS)
def test_unreadable_settings(weatherd: Weatherd, folder: Path, command: str, kind: str) -> None:
    """Exit code 78 and one line, except for the health check, which tries the default address."""
    if command == "health" and is_default_address_taken():
        pytest.skip("a daemon runs at the default address, such as the demo")
    path = spoil(folder / "other.yaml", kind)
    code, _, err = weatherd("--config", str(path), *READERS[command])
    assert code == (1 if command == "health" else 78)
    assert err.count("\n") == 1


@pytest.mark.parametrize("kind", UNREADABLE)
@pytest.mark.parametrize("command", [name for name in READERS if name not in {*_API, *_JOURNAL}])
def test_an_unreadable_list(weatherd: Weatherd, folder: Path, command: str, kind: str) -> None:
    """Exit code 78 and one line; but a list that is missing is created for the first city."""
    path = spoil(folder / "cities.yaml", kind)
    (folder / "weatherd.yaml").write_text(f"cities: {path}\n")
    code, _, err = weatherd(*READERS[command])
    assert (code, err.count("\n")) == (0 if (command, kind) == ("cities add", "missing") else 78, 1)


@pytest.mark.parametrize("kind", UNREADABLE)
@pytest.mark.parametrize("command", _JOURNAL)
def test_the_journal_is_read_without_the_list(weatherd: Weatherd, folder: Path, command: str, kind: str) -> None:
    """Exit code 0 and two lines: why the list cannot be read, and what is missing without it."""
    (folder / "state").mkdir()
    with contextlib.closing(Store(folder / "state" / JOURNAL_FILE)) as store:
        store.add([make_fetched(KIEL)])
    path = spoil(folder / "cities.yaml", kind)
    (folder / "weatherd.yaml").write_text(f"cities: {path}\nstate: {folder / 'state'}\n")
    code, out, err = weatherd(*READERS[command])
    assert (code, err.count("\n")) == (0, 2)
    assert "kiel" in out.casefold()


@pytest.mark.parametrize("kind", ["file", "loop", "below a file", "long", "~nosuchuser/w"])
@pytest.mark.parametrize("command", _STATE)
def test_an_unusable_state_folder(
    weatherd: Weatherd, folder: Path, monkeypatch: pytest.MonkeyPatch, command: str, kind: str
) -> None:
    """Exit code 74, or 78 for a folder that the settings reject; one line."""
    path = Path(kind) if kind.startswith("~") else spoil(folder / "state", kind)
    if kind == "file":
        path.write_text("")
    monkeypatch.setenv("WEATHERD_STATE", str(path))
    code, _, err = weatherd(*READERS[command])
    assert code == (78 if kind.startswith("~") else 74)
    assert err.count("\n") == 1


@pytest.mark.parametrize("kind", ["folder", "loop", "below a file", "long", "missing/x"])
@pytest.mark.parametrize("format", ["csv", "jsonl", "parquet"])
def test_an_output_that_cannot_be_written(weatherd: Weatherd, folder: Path, format: str, kind: str) -> None:  # noqa: A002
    """Exit code 64 and one line that names the file."""
    assert weatherd("once")[0] == 0
    path = folder / "missing" / "x" if kind == "missing/x" else spoil(folder / "output", kind)
    code, _, err = weatherd("export", "--format", format, "--output", str(path))
    assert (code, err.startswith(f"weatherd: {path}: cannot be written: "), err.count("\n")) == (64, True, 1)


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.parametrize(
    "command",
    [
        ["cities", "search"],
        ["cities", "add"],
        ["cities", "remove"],
        ["history"],
        ["export"],
        ["explain"],
        ["tail"],
        ["check", "--against"],
        ["cities", "list", "--config"],
        ["history", "Kiel", "--since"],
        ["export", "--until"],
        ["status", "--url"],
        ["schema"],
        ["simulate", "--fault"],
        ["simulate", "--host"],
    ],
    ids=" ".join,
)
def test_a_hostile_argument(weatherd: Weatherd, command: list[str], name: str) -> None:
    """It is found, or reported in one line without control characters."""
    separator = [] if command[-1].startswith("--") else ["--"]
    code, _, err = weatherd(*command, *separator, name)
    assert code in {0, 64, 69, 74, 78}
    assert err.count("\n") <= 1
    assert err.replace("\n", "").isprintable()
    assert code == 0 or err


@pytest.mark.real_time
@pytest.mark.processes
@pytest.mark.parametrize("how", ["closed", "full", "no reader"])
@pytest.mark.parametrize(
    "command",
    # On the newest Python two are enough, because all write and exit alike
    ["export", "once", *(pytest.param(name, marks=pytest.mark.once) for name in READERS_OF_FILES)],
)
def test_an_output_that_is_closed_or_full(weatherd: Weatherd, folder: Path, command: str, how: str) -> None:
    """A reader that has exited, such as ``head``, counts as success; a full disk is an error; none is a bug."""
    assert weatherd("once")[0] == 0
    call = [sys.executable, "-m", "weatherd", *READERS[command]]
    closed = {"closed": ">&-", "full": ">/dev/full", "no reader": "| true"}[how]
    shell = ["bash", "-c", f'set -o pipefail; "$@" {closed}', "weatherd", *call]
    done = subprocess.run(shell, capture_output=True, text=True, check=False, cwd=folder.parent)  # noqa: S603 - ours
    assert done.returncode == (1 if how == "full" else 0)
    assert "bug" not in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.real_time
@pytest.mark.processes
@pytest.mark.parametrize(
    ("settings", "expected"),
    [
        ("cities: /dev/zero", 78),
        ("cities: fifo", 78),
        ("state: /dev/null/x", 74),
        ("state: '~nosuchuser/w'", 78),
        ("{", 78),
    ],
)
def test_the_daemon_does_not_start(folder: Path, settings: str, expected: int) -> None:
    """It ends with one line of the log, not with a traceback, nor never."""
    os.mkfifo(folder / "fifo")
    (folder / "weatherd.yaml").write_text(f"{settings}\n")
    call = [sys.executable, "-m", "weatherd", "run"]
    done = subprocess.run(call, capture_output=True, text=True, check=False, cwd=folder.parent, timeout=30)  # noqa: S603
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (expected, "", 1)
