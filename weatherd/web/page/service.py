"""What the Service view shows: the daemon itself."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

from weatherd.journal.state_folder import translate_errors
from weatherd.log import recent_warnings
from weatherd.polling.poll_history import BUCKETS
from weatherd.web.page.models import ProviderPolls, RejectedRow, ServiceModel
from weatherd.web.serializers import format_timestamp, serialize_status

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from weatherd.daemon.status import DaemonStatus
    from weatherd.polling.poll_history import Histogram
    from weatherd.web.page.city_index import ListSnapshot

_MAX_ROWS = 100


def describe_service(status: DaemonStatus, snapshot: ListSnapshot) -> ServiceModel:
    """Return the state of the daemon."""
    due = status.history.earliest_due()
    return ServiceModel(
        now=format_timestamp(status.now().timestamp()),
        seq=status.journal.last_seq,
        started=format_timestamp(status.started),
        status=serialize_status(status, snapshot.counts),
        polls=list(_describe_polls(status, snapshot)),
        next_poll=format_timestamp(status.clock.epoch + due) if due is not None else None,
        journal_bytes=_file_size(status.journal.file),
        backlogs={name: list(samples) for name, samples in status.activity.backlogs.items()},
        list_read=format_timestamp(status.last_reload.at),
        rejected=[
            RejectedRow(where=problem.where, message=problem.message)
            for problems in status.registry.quarantined[:_MAX_ROWS]
            for problem in problems[:1]
        ],
        warnings=recent_warnings(),
    )


def _describe_polls(status: DaemonStatus, snapshot: ListSnapshot) -> Iterator[ProviderPolls]:
    outcomes: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for (provider, outcome), count in status.history.outcomes.items():
        outcomes[provider][outcome] = count
    for provider in sorted({*status.limiters, *outcomes}):
        yield ProviderPolls(
            provider=provider,
            serves=snapshot.providers[provider],
            outcomes=outcomes[provider],
            median_seconds=find_median(status.history.durations[provider]) if outcomes[provider] else None,
            day=[tuple(counts) for counts in status.activity.quarters_of(provider, status.now().timestamp())],
        )


def find_median(histogram: Histogram) -> float | None:
    """Return the upper edge of the bucket that holds the median; None if there are no values, or in the last bucket."""
    half, seen = sum(histogram.counts) / 2, 0
    for edge, count in zip(BUCKETS, histogram.counts, strict=False):
        seen += count
        if seen >= half > 0:
            return edge
    return None


def _file_size(file: Path) -> int:
    with translate_errors(file.parent):
        return file.stat().st_size if file.exists() else 0
