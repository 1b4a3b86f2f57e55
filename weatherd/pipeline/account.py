"""What became of everything that was fetched."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Account:
    """Counts since the start. At any moment fetched = stored + repeated + dropped + queued."""

    fetched: int = 0  # observations that a provider gave
    stored: int = 0  # in the journal; what a sink missed, its ``sink.recovered`` tells
    repeated: int = 0  # said before by the same provider: nothing new to keep
    dropped: int = 0  # lost, because the journal cannot hold such a one
