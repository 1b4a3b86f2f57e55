"""What an import has read and stored."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from weatherd.cli.terminal import print_text
from weatherd.formatting import format_count, format_rfc3339

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from datetime import datetime

    from weatherd.observation import Observation


@dataclass
class ImportSummary:
    """The counts so far."""

    observations: int = 0  # in the files
    stored: int = 0  # of them that the journal did not have
    bad_rows: int = 0
    repeated: int = 0  # rows with the city, time and station of a later one
    cities: set[str] = field(default_factory=set)
    first: datetime | None = None  # of the times of observation
    last: datetime | None = None

    def report_bad_row(self, text: str) -> None:
        """Print and count a row that was skipped."""
        self.bad_rows += 1
        print_text(text, err=True)

    def count(self, batch: Sequence[Observation], stored: int = 0) -> None:
        """Count a batch, which is not empty, and how many of its observations were stored."""
        self.observations += len(batch)
        self.stored += stored
        self.cities.update(observation.city for observation in batch)
        times = [observation.observed_at for observation in batch]
        self.first = min(self.first or times[0], *times)
        self.last = max(self.last or times[0], *times)

    def format(self, *, dry_run: bool) -> Iterator[str]:
        """Yield the lines for the user."""
        count = format_count(self.observations, "observation", "observations")
        cities = format_count(len(self.cities), "city", "cities")
        span = f", {format_rfc3339(self.first)} to {format_rfc3339(self.last)}" if self.first and self.last else ""
        if dry_run:
            yield f"would import up to {count} of {cities}{span}"
        else:
            known = self.observations - self.stored
            yield f"imported {self.stored:,} of {count} of {cities}{span}" + (
                f"; the journal had {known:,} of them already" if known else ""
            )
        if self.repeated:
            yield f"left out {format_count(self.repeated, 'line', 'lines')} with the same time as a later one"
        if self.bad_rows:
            yield f"skipped {format_count(self.bad_rows, 'bad line', 'bad lines')}"
