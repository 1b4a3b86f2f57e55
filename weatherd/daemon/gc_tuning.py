"""How often Python searches for circles of garbage: seldom, for it finds next to none."""

from __future__ import annotations

import contextlib
import gc
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

_FEW, _MANY = 1000, 40_000  # cities


def search_seldom(cities: int = 0) -> None:
    """Search when there is something new of 50 objects a city.

    What is imported stays. What a city has lives from one poll to the next, and counting references frees it: a search
    finds nothing, and looks at every city that is being polled. Only errors of connections leave any.
    https://docs.python.org/3/library/gc.html#gc.set_threshold
    """
    gc.set_threshold(50 * min(max(_FEW, cities), _MANY), 20, 100)


@contextlib.contextmanager
def left_alone() -> Iterator[None]:
    """Do not search inside the ``with``, which makes a lot and keeps next to none of it, as a reload and a stop do.

    It would be the moment to search everything that is being polled: two seconds for 200,000 cities.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
