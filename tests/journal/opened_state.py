"""The provider state of a folder, and what tests do with it."""

from __future__ import annotations

import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.support.virtual_time import EPOCH
from weatherd.journal.journal import open_journal
from weatherd.journal.provider_state import ProviderState, open_provider_state
from weatherd.quota.plans import Plan

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from datetime import datetime
    from pathlib import Path

PLAN = Plan({"day": 100}, rate=1.0, burst=10)
LATER = EPOCH + timedelta(hours=6)
NOON = EPOCH + timedelta(hours=12)


def noon() -> datetime:
    """Return a fixed time at which no window starts or ends."""
    return NOON


@contextlib.asynccontextmanager
async def open_state(path: Path) -> AsyncIterator[ProviderState]:
    """Open the journal in a folder, and its provider state."""
    async with open_journal(path) as journal, open_provider_state(journal, noon) as state:
        yield state


async def add_observations(state: ProviderState, arrivals: list[Any]) -> None:
    """Add observations to the journal."""
    assert state._journal
    await state._journal.add(arrivals)


async def save_now(state: ProviderState) -> None:
    """Run the scheduled save at once."""
    assert state._timer
    state._timer.cancel()
    state._start_saving()
    assert state._saving
    await state._saving


def calls_left_of(state: ProviderState, provider: str = "fake") -> float:
    """Return how many calls a provider has left."""
    return state._meters[provider].calls_left(noon().timestamp())


def charge(state: ProviderState, calls: int, provider: str = "fake") -> None:
    """Count calls as the rate limiter does."""
    state._meters[provider].charge(calls, noon().timestamp())
    state.schedule_save(provider)


def logged_events(logs: list[Any]) -> list[tuple[str, str]]:
    """Return the logged events with their levels."""
    return [(log["event"], log["log_level"]) for log in logs]
