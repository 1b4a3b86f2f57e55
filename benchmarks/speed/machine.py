"""Processes on a core of their own, and what the kernel says that they have used."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

_TICK = os.sysconf("SC_CLK_TCK")
_PATIENCE = 120.0


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
        time.sleep(0.01)
    return time.monotonic() - begin


def cpu(pid: int) -> float:
    """Return the seconds of CPU that a process has used, in user and kernel mode, by all of its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def resident(pid: int) -> float:
    """Return the MB of memory that a process has now."""
    for line in Path(f"/proc/{pid}/status").read_text(encoding="ascii").splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) / 1000 * 1.024
    return 0.0


def lines(file: Path) -> int:
    """Return how many lines a file has."""
    return int(subprocess.check_output(["wc", "-l", str(file)]).split()[0])  # noqa: S603, S607
