"""The state of the daemon at one moment, on which the rules about itself are evaluated."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping


class QuotaUse(NamedTuple):
    """API calls of a provider in a quota window such as ``day``."""

    used: float
    limit: int


class BacklogAge(NamedTuple):
    """What a forwarder has not delivered yet: how many entries, and for how many seconds the oldest one has waited."""

    entries: int
    seconds: float
    is_minimum: bool = False  # the entry may have waited longer, because it is from before the start


@dataclass(frozen=True, slots=True)
class DaemonSnapshot:
    """The state of the daemon at one moment."""

    cities: int = 0  # of the list
    unavailable: int = 0  # cities that are stale or down
    unpolled: int = 0  # cities without a finished poll since the start, which may be in any state
    polled: int | None = None  # of the listed cities, those that this node polls; None: all
    peak: int = 0  # the most cities that the list had in the last day
    quarantined: int = 0  # rows of the list
    is_reload_rejected: bool = False
    journal_failure: str = ""  # why the journal cannot be written
    waiting: int = 0  # observations that are not in the journal yet
    pauses: Mapping[str, str | None] = field(
        default_factory=lambda: MappingProxyType({})
    )  # reason by provider; None: not paused
    quotas: Mapping[tuple[str, str], QuotaUse] = field(
        default_factory=lambda: MappingProxyType({})
    )  # by provider and window
    backlogs: Mapping[str, BacklogAge] = field(default_factory=lambda: MappingProxyType({}))  # by forwarder
