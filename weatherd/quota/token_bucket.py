"""The token bucket: it limits the rate of calls, and allows a burst after a quiet time."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(slots=True)
class TokenBucket:
    """A token bucket, stored as the time at which it will be full again. Times are POSIX seconds.

    No timer has to add tokens. This is the "generic cell rate algorithm" of ITU-T I.371. Example: with a rate of 2 a
    second and a burst of 10, a bucket that is full at 12:00:05 holds 10 - 2 * 5 = 0 tokens at 12:00:00.
    """

    rate: float  # calls per second
    burst: float  # capacity: calls that may be sent at once
    full_at: float = 0.0
    _latest: float = 0.0  # the latest time that was seen

    def delay(self, weight: float, now: float) -> float:
        """Return in how many seconds *weight* calls may be sent; 0 for at once.

        A request that is heavier than the burst may be sent when the bucket is full.
        """
        if math.isinf(self.rate):
            return 0.0
        if now < self._latest:  # set back: move the bucket with the clock, or requests would wait for it
            self.full_at -= self._latest - now
        self._latest = now
        return max(0.0, self.full_at + (weight - max(self.burst, weight)) / self.rate - now)

    def take(self, weight: float, now: float) -> None:
        """Take *weight* tokens; call ``delay`` before."""
        if not math.isinf(self.rate):
            self.full_at = max(self.full_at, now) + weight / self.rate

    def drain(self, now: float) -> None:
        """Empty the bucket at the time *now*, so that no burst follows."""
        if not math.isinf(self.rate):
            self.full_at = max(self.full_at, now + self.burst / self.rate)

    def restore(self, full_at: float, now: float) -> None:
        """Restore the time saved by another run or process.

        It is limited to twice the time that the bucket takes to fill, because a wrong clock may have written it.
        """
        if not math.isinf(self.rate):
            self.full_at = max(self.full_at, min(full_at, now + 2 * self.burst / self.rate))
