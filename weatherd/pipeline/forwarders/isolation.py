"""The search for an observation that a destination never accepts, without saying that it rejects it. Pure.

A server may respond to one observation with HTTP status 500 however often it is sent, and everything after it would
wait for ever. In an outage all observations fail in the same way, and none must be skipped. So a batch that keeps
failing is delivered in parts, until one observation fails alone. It is skipped only if it fails again after the
destination has accepted a later one, the witness.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.pipeline.forwarders.feeds import NumberedEntry

TRIES = 5  # failures of a batch before it is delivered in parts, and of an observation alone before it is suspected


class Batch(NamedTuple):
    """Entries that are delivered together, and their idempotency key."""

    entries: Sequence[NumberedEntry]
    key: str

    def take(self, entries: Sequence[NumberedEntry]) -> Batch:
        """Return a part with a key of its own, which depends only on this batch and the part."""
        return Batch(entries, f"{self.key}-{entries[0].seq}-{entries[-1].seq}")


class Isolation:
    """The number of entries to deliver at once, and whether the first of them is suspected."""

    def __init__(self, batch_size: int) -> None:
        self.witness: Batch | None = None  # one entry, which was delivered before its turn
        self.witness_distance = 1  # entries from the suspect to the witness
        self.has_skipped = False  # an entry lately, so that the next one to fail is suspected at once
        self._batch_size = batch_size
        self._limit = batch_size
        self._failures = 0  # in a row

    @property
    def is_active(self) -> bool:
        """Return whether batches are delivered in parts."""
        return self._limit < self._batch_size

    @property
    def is_first_suspected(self) -> bool:
        """Return whether the first entry has failed alone often enough."""
        return self._limit == 1 and self._failures >= (1 if self.has_skipped else TRIES)

    def take_part(self, batch: Batch) -> Batch:
        """Return the first part of a batch to deliver: the batch itself if it has not failed."""
        entries = batch.entries[: self._limit]
        return self.cut(batch if len(entries) == len(batch.entries) else batch.take(entries))

    def cut(self, batch: Batch) -> Batch:
        """Return the part of a batch before the witness, or the witness alone if it is the first.

        So it is delivered again with the key that the destination knows.
        """
        first, witness = batch.entries[0].seq, self.witness
        if not witness or witness.entries[0].seq < first:
            self.witness = None
            return batch
        seq = witness.entries[0].seq
        entries = [entry for entry in batch.entries if entry.seq < seq]
        if seq == first:
            return witness
        return batch if len(entries) == len(batch.entries) else batch.take(entries)

    def record_failure(self) -> None:
        """Record that the destination did not accept a part, for a reason that may lie in it."""
        self._failures += 1
        if self._limit > 1 and (self.is_active or self._failures >= TRIES):
            self._limit, self._failures = 1, 0

    def record_success(self) -> None:
        """Record that a part was delivered: the next one may be twice as large."""
        self._failures, self.witness_distance = 0, 1
        self._limit = min(2 * self._limit, self._batch_size)
        self.has_skipped = self.has_skipped and self.is_active

    def record_skip(self) -> None:
        """Record that the suspect was skipped."""
        self._failures, self.has_skipped = 0, True

    def record_failed_witness(self) -> None:
        """Record that the witness failed, too: the next one is farther away, because neighbours may share a fault."""
        self.witness_distance = self.witness_distance * 2 if self.witness_distance < self._batch_size else 1
        self.has_skipped = False
        self._failures = TRIES
