"""The comparison of the nodes' lists, which should be the same file everywhere."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import structlog

if TYPE_CHECKING:
    from collections.abc import Mapping

log = structlog.get_logger()

_PATIENCE = 60.0  # seconds, in which an edited file reaches all nodes


class ListCheck:
    """Logs once when nodes have had different lists for a minute."""

    def __init__(self) -> None:
        self._differ_since: float | None = None
        self._is_logged = False

    def check(self, digests: Mapping[str, str], now: float) -> None:
        """Compare the digests of the nodes' lists, by name of the node, at a boot time."""
        names: defaultdict[str, list[str]] = defaultdict(list)
        for name, digest in digests.items():
            names[digest].append(name)
        if len(names) < 2:  # noqa: PLR2004 - different lists
            self._differ_since, self._is_logged = None, False
            return
        if self._differ_since is None:
            self._differ_since = now
        if now - self._differ_since >= _PATIENCE and not self._is_logged:
            self._is_logged = True
            log.warning("cluster.lists_differ", nodes=dict(names))
