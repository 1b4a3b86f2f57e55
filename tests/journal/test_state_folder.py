"""The state folder: where it is, and that only one daemon uses it."""

from __future__ import annotations

import os
import signal
import stat
from pathlib import Path
from typing import Any

import pytest

from tests.support.processes import read_line, run_script
from weatherd.errors import StateError
from weatherd.journal.state_folder import find_state_folder, lock_state_folder

pytestmark = pytest.mark.real_time


@pytest.mark.parametrize(
    ("setting", "environ", "expected"),
    [
        (Path("state"), {"STATE_DIRECTORY": "/var/lib/weatherd"}, "/srv/weatherd/state"),
        (Path("/srv/state"), {}, "/srv/state"),
        (None, {"STATE_DIRECTORY": "/var/lib/weatherd", "XDG_STATE_HOME": "/x"}, "/var/lib/weatherd"),
        (None, {"STATE_DIRECTORY": "/var/lib/one:/var/lib/two"}, "/var/lib/one"),
        (None, {"STATE_DIRECTORY": "", "XDG_STATE_HOME": "/x"}, "/x/weatherd"),
        (None, {"XDG_STATE_HOME": ""}, "~/.local/state/weatherd"),
    ],
)
def test_where_the_state_folder_is(setting: Path | None, environ: dict[str, str], expected: str) -> None:
    """The setting (relative to its file) takes precedence over systemd's folder, and that over the XDG one."""
    found = find_state_folder(setting, Path("/srv/weatherd/weatherd.yaml"), environ)
    assert found == Path(expected).expanduser()


def test_commands_by_hand_use_the_folder_of_the_service() -> None:
    """With settings in /etc/weatherd, a command that systemd has not started uses /var/lib/weatherd."""
    file = Path("/etc/weatherd/weatherd.yaml")
    assert find_state_folder(None, file, {"XDG_STATE_HOME": "/x"}) == Path("/var/lib/weatherd")
    assert find_state_folder(None, file, {"STATE_DIRECTORY": "/run/state"}) == Path("/run/state")
    assert find_state_folder(Path("/srv"), file, {}) == Path("/srv")


def test_a_missing_folder_is_created_for_its_owner_only(tmp_path: Path) -> None:
    """The folder and its parents are created; other users cannot read it."""
    path = tmp_path / "a" / "b"
    with lock_state_folder(path):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
        assert (path / "lock").read_text() == f"{os.getpid()}\n"
        assert stat.S_IMODE((path / "lock").stat().st_mode) == 0o640
    with lock_state_folder(path):
        assert (path / "lock").read_text() == f"{os.getpid()}\n"


def test_the_lock_is_released_after_an_error(tmp_path: Path) -> None:
    """The folder is locked inside the ``with`` only."""
    for _ in range(2):
        with pytest.raises(ZeroDivisionError), lock_state_folder(tmp_path):
            raise ZeroDivisionError


LOCK_HOLDER = """
import sys
from pathlib import Path
from weatherd.journal.state_folder import lock_state_folder
with lock_state_folder(Path(sys.argv[1])):
    print("locked", flush=True)
    sys.stdin.read()
"""


@pytest.mark.processes
async def test_only_one_process_locks_a_folder(tmp_path: Path) -> None:
    """The error names the process that holds the lock and what to do; a killed process releases it at once."""
    async with run_script(LOCK_HOLDER, str(tmp_path)) as process:
        assert await read_line(process) == "locked"
        for _ in range(2):  # a failed attempt does not release it
            with pytest.raises(StateError) as caught, lock_state_folder(tmp_path):
                pass
            assert str(caught.value).startswith(f"{tmp_path} is in use by another weatherd (process {process.pid}): ")
            assert "'state'" in str(caught.value)
        process.send_signal(signal.SIGKILL)
        await process.wait()
        with lock_state_folder(tmp_path):
            assert (tmp_path / "lock").read_text() == f"{os.getpid()}\n"


def _is_a_file(path: Path) -> None:
    path.write_text("")


def _is_below_a_file(path: Path) -> None:
    path.parent.rmdir()
    path.parent.write_text("")


def _has_a_folder_named_lock(path: Path) -> None:
    (path / "lock").mkdir(parents=True)


@pytest.mark.parametrize("spoil", [_is_a_file, _is_below_a_file, _has_a_folder_named_lock])
def test_a_folder_that_cannot_be_locked_is_explained(tmp_path: Path, spoil: Any) -> None:
    """The error names the folder and the setting."""
    path = tmp_path / "parent" / "state"
    path.parent.mkdir()
    spoil(path)
    with (
        pytest.raises(StateError, match="set 'state' to a writable folder") as caught,
        lock_state_folder(path),
    ):
        pass
    assert str(caught.value).startswith(f"the state folder {path} cannot be used: ")
