"""Processes on a core of their own, and what the kernel says that they have used."""

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

SUBJECT_CORE, UPSTREAM_CORE = 0, 1  # whoever is measured, and everything else: the harness, too
_PATIENCE = 300.0
_STEP = 0.005


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Yield a folder that is gone afterwards, whatever has become of it."""
    with tempfile.TemporaryDirectory(prefix="weatherd-bench-", ignore_cleanup_errors=True) as name:
        yield Path(name)


@contextlib.contextmanager
def pinned(core: int, command: Sequence[str], **options: Any) -> Iterator[subprocess.Popen[bytes]]:
    """Run a command on one core; it is asked to stop at the end, and killed if it does not."""
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


def waited(process: subprocess.Popen[bytes], is_so: Callable[[], bool], patience: float = _PATIENCE) -> float:
    """Wait until something is so; return the seconds that it took. RuntimeError when the process ends before."""
    begin = time.monotonic()
    while not is_so():
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}")
        if time.monotonic() - begin > patience:
            raise RuntimeError(f"{process.args!r} took longer than {patience} s")
        time.sleep(_STEP)
    return time.monotonic() - begin


def cpu(pid: int) -> float:
    """Return the seconds of CPU that a process has used, in user and kernel mode, by all of its threads.

    It is the process's own clock in the kernel, which ``/proc/PID/stat`` shows in whole hundredths of a second; its
    number is made as clock_getcpuclockid(3) makes it.
    """
    return time.clock_gettime((~pid << 3) | 2)


def written(pid: int) -> int:
    """Return the bytes that a process has had written to the disk so far."""
    lines = Path(f"/proc/{pid}/io").read_text(encoding="ascii").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("write_bytes:"))


def resident(pid: int) -> float:
    """Return the MB of memory that a process has now."""
    return _memory(pid, "VmRSS:")


def peak(pid: int) -> float:
    """Return the MB of memory that a process has had at the most."""
    return _memory(pid, "VmHWM:")


def _memory(pid: int, name: str) -> float:
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) / 1000 * 1.024
    return 0.0


def keep_off() -> None:
    """Leave the subject's core to the subject; what is started from now on does, too, unless it is told otherwise."""
    os.sched_setaffinity(0, {UPSTREAM_CORE})
