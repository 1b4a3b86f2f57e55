"""Suspect values and the tests that they fail, as the field ``quality`` of an observation names them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from weatherd.observation import OK, SERVICES, SUSPECT

if TYPE_CHECKING:
    from collections.abc import Iterable

RANGE, STEP, PERSISTENCE, CONSISTENCY = "range", "step", "persistence", "consistency"
STEP_FIELDS = ("temperature", "pressure_msl", "wind_speed")  # with the test STEP


class Suspicion(NamedTuple):
    """A field whose value is suspect, the test that it fails, and why, for people."""

    field: str
    test: str
    reason: str

    @property
    def name(self) -> str:
        """The field and the test: ``temperature step``."""
        return f"{self.field} {self.test}"


def spoils_steps(suspicions: Iterable[Suspicion]) -> bool:
    """Return whether the next values are not to be compared with those of a suspect observation.

    A gust or a humidity that is out of range says nothing about its temperature: with a sensor that is broken for days,
    no step of the others would be found.
    """
    return any(suspicion.test in {RANGE, STEP, SERVICES} and suspicion.field in STEP_FIELDS for suspicion in suspicions)


def format_quality(suspicions: Iterable[Suspicion]) -> str:
    """Return ``ok`` or ``suspect: temperature step, wind_gust consistency``."""
    names = ", ".join(suspicion.name for suspicion in suspicions)
    return f"{SUSPECT}{names}" if names else OK
