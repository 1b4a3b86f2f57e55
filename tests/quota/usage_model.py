"""A model of the saved usage, simpler than SQL: for tests of the meter, and to compare the tables with."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weatherd.quota.usage import ProviderUsage, WindowUsage

if TYPE_CHECKING:
    from weatherd.quota.usage import UsageMeter


class UsageModel:
    """The saved usage of one provider. New calls are added to those of the same window."""

    def __init__(self) -> None:
        self.windows: dict[tuple[str, float], WindowUsage] = {}
        self.times = (0.0, 0.0)

    def add(self, usage: ProviderUsage) -> ProviderUsage:
        """Add new calls, and return the sums."""
        for new in usage.windows:
            old = self.windows.get((new.window, new.started))
            self.windows[new.window, new.started] = old._replace(used=old.used + new.used) if old else new
        self.times = (max(self.times[0], usage.bucket_full_at), max(self.times[1], usage.closed_until))
        return self.saved(usage.provider)

    def saved(self, provider: str = "fake") -> ProviderUsage:
        """Return what is saved."""
        return ProviderUsage(provider, list(self.windows.values()), *self.times)

    def sync(self, meter: UsageMeter, now: float) -> None:
        """Save a meter's new calls, and merge the calls of the other meters into it."""
        if unsaved := meter.take_unsaved():
            meter.merge_saved(self.add(unsaved), now)
