"""Tuning of Python's garbage collector: it runs rarely, because weatherd creates hardly any reference cycles."""

from __future__ import annotations

import contextlib
import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_MIN_CITIES, _MAX_CITIES = 1000, 40_000


def set_threshold(cities: int = 0) -> None:
    """Set the generation-0 threshold to 25 allocations per city, counting at least 1,000 and at most 40,000 cities.

    The objects of a poll live until the next poll and are freed by reference counting. A collection finds nothing, but
    visits the objects of every city that is being polled. Only closed connections leave reference cycles: in Python
    3.11 seven objects of asyncio's own, 1 kB. Connections are reused for minutes, so many of these objects are in
    generation 2 by then. The other two thresholds let it be collected after 50 collections of generation 0; Python
    does that only if a quarter of all objects are new.
    https://docs.python.org/3/library/gc.html#gc.set_threshold
    """
    gc.set_threshold(25 * min(max(_MIN_CITIES, cities), _MAX_CITIES), 10, 5)


def freeze_startup() -> None:
    """Enable the collector, which is disabled during startup, and exclude from it all objects that exist now.

    They are modules, classes, settings and cities. They live as long as the process, except for removed cities, which
    reference counting frees. The collections during startup would take 5 % of it and find little.
    https://docs.python.org/3/library/gc.html#gc.freeze
    """
    gc.freeze()
    gc.enable()


@contextlib.contextmanager
def gc_paused() -> Iterator[None]:
    """Disable the collector inside the ``with``, for a reload or a shutdown, which allocate many short-lived objects.

    Otherwise they would trigger a full collection, which takes two seconds for 200,000 cities.
    """
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
