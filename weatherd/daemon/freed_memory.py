"""Return of freed memory to the operating system: reading a long list takes far more than the list then needs.

So do other bursts, such as the first observations of all cities, and the journal's updates every few minutes.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

_PERIOD = 10.0  # seconds
_LONG_LIST = 10_000  # cities; for a shorter list, it would save less than the module ctypes takes
_LARGE = 256 * 1024  # bytes
_M_MMAP_THRESHOLD = -3  # of mallopt()


def release_freed_memory(cities: int) -> None:
    """Return the heap's unused pages to the system, if the list of *cities* is long.

    From the first call on, large blocks have mappings of their own, which end when they are freed. By default, glibc
    has them in the heap as soon as a block of their size was freed, such as the text of the list. The growing tables
    of the cities then leave holes behind: 30 MB of 500 with 235,000 cities. Other C libraries lack the functions.
    https://man7.org/linux/man-pages/man3/mallopt.3.html, https://man7.org/linux/man-pages/man3/malloc_trim.3.html
    """
    if cities < _LONG_LIST:
        return
    # A Python may lack ctypes, and a hardened kernel denies it the executable memory that it asks for
    with contextlib.suppress(ImportError, MemoryError, OSError, AttributeError):
        import ctypes  # noqa: PLC0415 - takes memory

        libc = ctypes.CDLL(None)
        libc.mallopt(_M_MMAP_THRESHOLD, _LARGE)
        libc.malloc_trim(0)


async def release_regularly(count_cities: Callable[[], int]) -> None:
    """Release freed memory every 10 s, for ever, which takes less than a millisecond."""
    while True:
        await asyncio.sleep(_PERIOD)
        release_freed_memory(count_cities())
