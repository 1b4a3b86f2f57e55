"""What became of everything that was fetched."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(slots=True)
class Account:
    """Counts since the start. At any moment fetched = stored + repeated + dropped + queued."""

    fetched: int = 0  # observations that a provider gave
    stored: int = 0  # handed on to every sink
    repeated: int = 0  # said before by the same provider; printed and logged, nothing new to keep
    dropped: int = 0  # lost, because of an error of weatherd's own
