"""What conditions know of a city beside its weather: failed polls, pauses, and official warnings."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from weatherd.city import City

# For how many seconds its polls have failed, whether its provider is paused, and the severity of its official warnings
Health: TypeAlias = tuple[float | None, bool | None, int | None]


def know_no_health(_city: City, _now: float) -> Health:
    """Return that nothing is known of the polls and the warnings of a city."""
    return None, None, None
