"""Tune Python's garbage collector: run it rarely, because weatherd leaves next to no reference cycles."""

from __future__ import annotations

import contextlib
import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_MIN_CITIES, _MAX_CITIES = 1000, 40_000


def set_threshold(cities: int = 0) -> None:
    """Set the generation-0 threshold to 50 allocations per city (of at least 1,000 and at most 40,000 cities).

    The objects of a poll live until the next one and are freed by reference counting. A collection finds nothing,
    yet it visits every city that is being polled. Only connection errors leave cycles.
    https://docs.python.org/3/library/gc.html#gc.set_threshold
    """
    gc.set_threshold(50 * min(max(_MIN_CITIES, cities), _MAX_CITIES), 20, 100)


@contextlib.contextmanager
def gc_paused() -> Iterator[None]:
    """Disable the collector inside the ``with``, for work that allocates a lot and keeps little: a reload, a stop.

    Otherwise the work would trigger a full collection, which takes two seconds for 200,000 cities.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
