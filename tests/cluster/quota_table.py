"""The table weatherd_quota as a dict, for tests on virtual time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weatherd.cluster.quota.quota_tables import GRANT_CALLS, RETURN_CALLS

if TYPE_CHECKING:
    from collections.abc import Sequence

Key = tuple[str, str, float]


class QuotaTable:
    """Rows by provider, window and start; a statement can be lost, before or after it is carried out."""

    def __init__(self) -> None:
        self.allotted: dict[Key, float] = {}
        self.limits: dict[Key, float] = {}
        self.statements = 0
        self._losses: list[bool] = []

    def loses_next(self, *, carried_out: bool) -> None:
        """Lose the next statement, or only its response if it is *carried_out*."""
        self._losses.append(carried_out)

    async def fetch(self, statement: str, *values: Any) -> Sequence[dict[str, Any]]:
        """Run a statement, as the database does."""
        self.statements += 1
        loss = self._losses.pop() if self._losses else None
        rows = self._run(statement, values) if loss is not False else []
        if loss is not None:
            raise ConnectionError("lost")
        return rows

    def _run(self, statement: str, values: Sequence[Any]) -> list[dict[str, Any]]:
        if statement == RETURN_CALLS:
            for provider, window, started, more in zip(*values, strict=True):
                if (key := (provider, window, started)) in self.allotted:
                    self.allotted[key] = max(0.0, self.allotted[key] - more)
            return []
        assert statement == GRANT_CALLS
        return [self._grant(*row) for row in zip(*values, strict=True)]

    def _grant(self, provider: str, window: str, started: float, want: float, limit: float) -> dict[str, Any]:
        key = provider, window, started
        before = self.allotted.get(key, 0.0)
        granted = max(0.0, min(want, limit - before))
        self.allotted[key], self.limits[key] = before + granted, limit
        return {
            "provider": provider,
            "win": window,
            "started": started,
            "granted": granted,
            "allotted": self.allotted[key],
        }
