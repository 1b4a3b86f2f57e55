"""Faults on demand: which there are, how they are written, and when one strikes."""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

from weatherd.errors import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Sequence

FAULT_KINDS = MappingProxyType(
    {
        "401": "the key is refused",
        "429": "too many requests",
        "500": "the service is broken, and says so",
        "502-html": "a gateway's HTML page instead of an answer",
        "hang": "no answer at all, until the client goes away",
        "slow": "the right answer, seconds late",
        "cut": "the connection ends in the middle of the body",
        "reset": "the connection is reset in the middle of the answer",
        "nan": "status 200 with nan for numbers, which is not JSON",
        "empty": "status 200 with an empty body",
        "html-200": "status 200 with the page of a captive portal",
        "stale": "the right answer of six hours ago",
        "redirect": "a redirect that leads nowhere else",
    }
)


@dataclass(frozen=True, slots=True)
class Fault:
    """A kind of fault, and the share of the requests that it strikes, from 0 to 1."""

    kind: str
    rate: float


def parse_fault(text: str) -> Fault:
    """Read ``KIND`` or ``KIND:RATE``; without a rate every request is struck.

    Raise ValueError with a text for the person who wrote it.
    """
    kind, _, share = text.strip().partition(":")
    if kind not in FAULT_KINDS:
        raise ValueError(
            f"there is no fault {kind!r}{did_you_mean(kind, FAULT_KINDS)} There are: {', '.join(FAULT_KINDS)}"
        )
    try:
        rate = float(share or 1)
    except ValueError:
        rate = -1.0
    if not 0 <= rate <= 1:
        raise ValueError(f"the rate of fault {kind!r} is {share!r}, not a number from 0 to 1, as in '{kind}:0.2'")
    return Fault(kind, rate)


def check_rates(faults: Sequence[Fault]) -> None:
    """Raise ValueError if the rates of a mixture add up to more than 1."""
    total = sum(fault.rate for fault in faults)
    if total > 1 + 1e-9:
        raise ValueError(f"the rates of the faults add up to {total:g}, which is more than 1")


def choose_fault(faults: Sequence[Fault], draw: float) -> str | None:
    """Return the kind of fault that a draw from 0 up to 1 hits, or None for a right answer."""
    for fault in faults:
        draw -= fault.rate
        if draw < 0:
            return fault.kind
    return None
