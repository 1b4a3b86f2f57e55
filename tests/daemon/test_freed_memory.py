"""Memory that is freed after the list was read."""

from __future__ import annotations

import asyncio
import contextlib
import platform
import subprocess
import sys

import pytest

from weatherd.daemon.freed_memory import release_regularly

_PROGRAM = """
import sys
from pathlib import Path
from resource import getpagesize
from weatherd.daemon.freed_memory import release_freed_memory

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * getpagesize()

blocks = [bytes(1000) for _ in range(60_000)]
remaining = blocks[::100]  # so that the end of the heap is in use
del blocks
before = resident()
release_freed_memory(int(sys.argv[1]))
print(round((before - resident()) / 1e6), "ctypes" in sys.modules)
"""


def _release(cities: int) -> tuple[int, bool]:
    """Return the MB that are released with a list of this length, and whether that has loaded ctypes."""
    command = [sys.executable, "-c", _PROGRAM, str(cities)]
    released, loaded = subprocess.run(command, text=True, capture_output=True, check=True).stdout.split()  # noqa: S603
    return int(released), loaded == "True"


_LARGE_BLOCKS = """
from pathlib import Path
from resource import getpagesize
from weatherd.daemon.freed_memory import release_freed_memory

def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * getpagesize()

release_freed_memory(100_000)
bytearray(b"x") * 8_000_000  # the first one, which is freed at once
blocks = [(bytearray(b"x") * 2_000_000, bytes(1000)) for _ in range(20)]
remaining = [small for _, small in blocks]
before = resident()
del blocks
print(round((before - resident()) / 1e6))
"""

only_glibc = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has malloc_trim()")


@only_glibc
def test_large_blocks_leave_no_holes() -> None:
    """After the first call, a large block goes back to the system when it is freed, also when smaller ones remain."""
    released = subprocess.check_output([sys.executable, "-c", _LARGE_BLOCKS], text=True)  # noqa: S603
    assert int(released) > 30


@only_glibc
def test_holes_in_the_heap_are_released() -> None:
    """Of 60 MB that were freed between blocks that remain, most goes back to the system."""
    released, _ = _release(100_000)
    assert released > 30


def test_a_short_list_loads_nothing() -> None:
    """With a short list there is little to release, and ctypes would take more."""
    _, is_loaded = _release(3)
    assert not is_loaded


def test_a_python_without_ctypes_runs_on() -> None:
    """Some builds lack the library that ctypes needs; memory is then not released, which is no error."""
    code = "import sys; sys.modules['ctypes'] = None\nfrom weatherd.daemon.freed_memory import release_freed_memory\n"
    command = [sys.executable, "-c", f"{code}release_freed_memory(100_000)\nprint('runs on')"]
    ended = subprocess.run(command, text=True, capture_output=True, check=False)  # noqa: S603
    assert (ended.stdout, ended.stderr) == ("runs on\n", "")


async def test_memory_is_released_regularly() -> None:
    """The daemon frees memory later, too: the length of the list is looked at every 10 s."""
    counts = iter(range(100))
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(35):
            await release_regularly(lambda: next(counts))
    assert next(counts) == 3
