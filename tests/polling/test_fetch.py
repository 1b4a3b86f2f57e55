"""A provider's response: what of it is taken over."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support import virtual_time
from tests.support.fakes import KIEL, observation
from weatherd.clock import AnchoredClock
from weatherd.freshness import BUILT_IN_BUDGETS
from weatherd.polling.fetch import fetch_city

if TYPE_CHECKING:
    from weatherd.city import City
    from weatherd.observation import Observation


class _ForwardPlugIn:
    async def fetch(self, city: City) -> Observation:
        """Return an observation whose origin and quality a plug-in has set."""
        return observation(city, origin="import", quality="suspect: temperature step")


async def test_what_a_plug_in_says_of_origin_and_quality_is_replaced() -> None:
    """What was polled is live, and weatherd judges it."""
    clock = AnchoredClock(virtual_time.now, virtual_time.boot)
    result = await fetch_city(KIEL, ["a"], {"a": _ForwardPlugIn()}, BUILT_IN_BUDGETS, clock)
    assert result.observation == observation()
