"""The daily deletion of rows that no node needs any more."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from weatherd.cluster.tables import FORGET_LASTS

if TYPE_CHECKING:
    from collections.abc import Callable

    from weatherd.cluster.database import ClusterConnection
    from weatherd.cluster.quota.allotment import Allotment
    from weatherd.cluster.view import ClusterView

_DELAY = 600.0  # seconds after the start
_PERIOD = 86400.0


class Housekeeping:
    """A step of the beats, which the node with the lowest number takes once a day."""

    def __init__(self, allotment: Allotment, view: Callable[[], ClusterView], boot: Callable[[], float]) -> None:
        self._allotment, self._view, self._boot = allotment, view, boot
        self._due = -math.inf

    async def run(self, connection: ClusterConnection) -> None:
        """Delete old rows if it is time."""
        now, view = self._boot(), self._view()
        if self._due == -math.inf:
            self._due = now + _DELAY
        if now < self._due or view.own_id != min(node.id for node in view.nodes):
            return
        self._due = now + _PERIOD  # before the statements, so that one that takes too long is not repeated at each beat
        await connection.fetch(FORGET_LASTS)
        await self._allotment.forget_old(connection.fetch)
