"""What became of everything that was fetched."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Account:
    """Counts since the start. At any moment fetched = stored + repeated + dropped + queued."""

    fetched: int = 0  # observations that a provider gave
    stored: int = 0  # written by a sink at least; what a single sink missed, its ``sink.recovered`` tells
    repeated: int = 0  # written, but said before by the same provider: nothing new to keep
    dropped: int = 0  # lost, as no sink was able to take it
