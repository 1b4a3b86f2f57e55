"""Processes pinned to a core, and their CPU time, memory and disk writes as the kernel reports them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

SUBJECT_CORE, UPSTREAM_CORE = 0, 1  # the measured subject; everything else, including this program
_TIMEOUT = 300.0  # seconds
_POLL_INTERVAL = 0.005  # seconds


@contextlib.contextmanager
def temporary_folder() -> Iterator[Path]:
    """Yield a temporary folder, which is deleted afterwards."""
    with tempfile.TemporaryDirectory(prefix="weatherd-bench-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@contextlib.contextmanager
def run_pinned(core: int, command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command on one core. At the end it gets SIGTERM, and SIGKILL after 20 s."""
    process = subprocess.Popen(["taskset", "-c", str(core), *command], **options)  # noqa: S603, S607
    try:
        yield process
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def wait_until(process: subprocess.Popen[bytes], condition: Callable[[], bool], timeout: float = _TIMEOUT) -> float:
    """Wait for a condition. Return the seconds it took. Raise RuntimeError at the timeout or the end of the process."""
    begin = time.monotonic()
    while not condition():
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
        if time.monotonic() - begin > timeout:
            raise RuntimeError(f"{process.args!r} took longer than {timeout} s")
        time.sleep(_POLL_INTERVAL)
    return time.monotonic() - begin


def cpu_seconds(pid: int) -> float:
    """Return the CPU seconds of all threads of a process, in user and kernel mode.

    It reads the process's CPU clock, because ``/proc/PID/stat`` has a resolution of only 10 ms. The id of the clock is
    computed as in clock_getcpuclockid(3).
    """
    return time.clock_gettime((~pid << 3) | 2)


def bytes_written(pid: int) -> int:
    """Return the bytes that a process has written to the disk."""
    lines = Path(f"/proc/{pid}/io").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes:"))


def resident_memory(pid: int) -> float:
    """Return the resident memory of a process in MB."""
    return _memory(pid, "VmRSS:")


def peak_memory(pid: int) -> float:
    """Return the peak resident memory of a process in MB."""
    return _memory(pid, "VmHWM:")


def _memory(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1000 * 1.024
    return 0.0


def leave_subject_core() -> None:
    """Move this process off the subject's core. Child processes inherit that unless they are pinned."""
    os.sched_setaffinity(0, {UPSTREAM_CORE})
