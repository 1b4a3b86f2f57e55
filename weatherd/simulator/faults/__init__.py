"""Fault injection: the kinds of faults, their notation, and the choice of the requests that get one."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from weatherd.text.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

FAULT_KINDS = MappingProxyType(
    {
        "401": "the API key is rejected",
        "429": "too many requests",
        "500": "internal server error",
        "502-html": "HTML error page of a gateway",
        "hang": "no response until the client disconnects",
        "slow": "correct response, 3 seconds late",
        "cut": "connection closed in the middle of the body",
        "reset": "connection reset in the middle of the body",
        "nan": "status 200 with nan for numbers, which is invalid JSON",
        "empty": "status 200 with an empty body",
        "html-200": "status 200 with the page of a captive portal",
        "stale": "correct response, 6 hours old",
        "redirect": "redirect to itself, without end",
        "spike": "correct response, but a temperature that is 25 degrees too high",
        "frozen": "correct response, but a temperature of 11.1 degrees",
        "gust": "correct response, but a wind gust of 0",
    }
)


@dataclass(frozen=True, slots=True)
class Fault:
    """Kind of fault, and the fraction of requests that get it, 0 to 1."""

    kind: str
    rate: float


def parse_fault(text: str) -> Fault:
    """Parse ``KIND`` or ``KIND:RATE``. Without a rate, every request gets the fault.

    Raise ValueError with a message for the user.
    """
    kind, _, share = text.strip().partition(":")
    if kind not in FAULT_KINDS:
        kinds = ", ".join(FAULT_KINDS)
        raise ValueError(f"there is no fault {kind!r}{did_you_mean(kind, FAULT_KINDS)}; the faults are {kinds}")
    try:
        rate = float(share or 1)
    except ValueError:
        rate = -1.0
    if not 0 <= rate <= 1:
        raise ValueError(f"the rate of fault {kind!r} is {share!r}, not a number from 0 to 1, as in '{kind}:0.2'")
    return Fault(kind, rate)


def check_rates(faults: Sequence[Fault]) -> None:
    """Raise ValueError if the rates add up to more than 1. Rounding errors are tolerated."""
    total = sum(fault.rate for fault in faults)
    if total > 1 + 1e-9:
        raise ValueError(f"the rates of the faults add up to {total:g}, which is more than 1")


def choose_fault(faults: Sequence[Fault], draw: float) -> str | None:
    """Return the kind of fault for a random *draw* from [0, 1), or None for a correct response."""
    for fault in faults:
        draw -= fault.rate
        if draw < 0:
            return fault.kind
    return None
