"""The deletion of old observations in small steps, between which new ones are stored."""

from __future__ import annotations

import functools
import math
from collections import Counter
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple, Protocol

import structlog

from weatherd.formatting import format_rfc3339
from weatherd.journal.store import PruneResult, Store

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from weatherd.journal.journal import Journal
    from weatherd.journal.tables.old_rows import IndexPosition

log = structlog.get_logger()

_NOTHING = PruneResult(None, 0, math.inf, -math.inf, {}, is_done=False)


class _Step(Protocol):
    def __call__(self, store: Store, *, after: IndexPosition | None, limit: int) -> PruneResult:
        """Delete up to *limit* observations after a position."""


class Pruned(NamedTuple):
    """What was deleted."""

    observations: int
    missed: Mapping[str, int]  # the number of those that were not delivered yet, by forwarder


async def prune_entries(
    journal: Journal, before: float, thin_before: float, now: float, forwarders: Sequence[str]
) -> Pruned:
    """Delete observations from before *before*, and all but one an hour of those from before *thin_before*.

    At most a share of the journal is deleted, or the surplus of one hour if that is more; the next call, an hour later,
    continues. Times are POSIX; infinite ones delete nothing.
    """
    limit, pruned, thinned = await journal.call(Store.count_prunable), _NOTHING, _NOTHING
    if math.isfinite(before):
        delete = functools.partial(Store.prune, before=before, now=now, forwarders=forwarders)
        pruned = await _take_steps(journal, delete, limit)
        if pruned.deleted:
            log.info("journal.pruned", **_describe(pruned, before))
    if math.isfinite(thin_before):
        thin = functools.partial(Store.thin, before=thin_before, forwarders=forwarders)
        thinned = await _take_steps(journal, thin, limit - pruned.deleted)
        if thinned.deleted:
            log.info("journal.thinned", **_describe(thinned, thin_before))
    missed = {name: pruned.missed.get(name, 0) + thinned.missed.get(name, 0) for name in forwarders}
    return Pruned(pruned.deleted + thinned.deleted, missed)


async def _take_steps(journal: Journal, step: _Step, limit: int) -> PruneResult:
    """Delete up to *limit* observations; return the sum of all steps."""
    total = _NOTHING
    while not total.is_done and total.deleted < limit:
        found = await journal.call(functools.partial(step, after=total.after, limit=limit - total.deleted))
        total = PruneResult(
            found.after,
            total.deleted + found.deleted,
            min(total.first, found.first),
            max(total.last, found.last),
            Counter(total.missed) + Counter(found.missed),
            found.is_done,
        )
    return total


def _describe(deleted: PruneResult, before: float) -> dict[str, int | str]:
    times = {"from": deleted.first / 1e6, "to": deleted.last / 1e6, "before": before}
    return {"observations": deleted.deleted} | {
        name: format_rfc3339(datetime.fromtimestamp(time, UTC)) for name, time in times.items()
    }
