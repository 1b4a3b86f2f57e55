"""Suspect values and the tests that they fail, as the field ``quality`` of an observation names them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from weatherd.observation import OK, SUSPECT

if TYPE_CHECKING:
    from collections.abc import Iterable

RANGE, STEP, PERSISTENCE, CONSISTENCY = "range", "step", "persistence", "consistency"


class Suspicion(NamedTuple):
    """A field whose value is suspect, the test that it fails, and why, for people."""

    field: str
    test: str
    reason: str

    @property
    def name(self) -> str:
        """The field and the test: ``temperature step``."""
        return f"{self.field} {self.test}"


def format_quality(suspicions: Iterable[Suspicion]) -> str:
    """Return ``ok`` or ``suspect: temperature step, wind_gust consistency``."""
    names = ", ".join(suspicion.name for suspicion in suspicions)
    return f"{SUSPECT}{names}" if names else OK
