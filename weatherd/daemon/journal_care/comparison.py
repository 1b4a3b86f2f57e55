"""The polls of services for comparison only, and the deletion of what is too old of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weatherd.observation import LIVE
from weatherd.pipeline.quality.past_rows import judge_past
from weatherd.polling.compared_services import poll_compared_services

if TYPE_CHECKING:
    from collections.abc import Coroutine
    from typing import Any

    from weatherd.daemon.parts import Parts
    from weatherd.observation import Observation


def compare_listed_services(parts: Parts) -> Coroutine[Any, Any, None]:
    """Poll the services that the cities name for comparison, for ever; keep their observations as long as all others.

    A clock that is ahead deletes nothing, as for other observations.
    """
    quality, retention = parts.quality, parts.configuration.settings.retention.raw

    async def add(observation: Observation) -> None:
        (judged,) = judge_past([observation._replace(origin=LIVE)], quality.limits)
        if quality.limits.enabled:
            quality.others.add(judged)
        await parts.journal.call(lambda store: store.compared.add(judged))

    async def delete_old() -> None:
        if retention is not None:
            before = await parts.journal.witnessed_time(parts.now().timestamp()) - retention
            await parts.journal.call(lambda store: store.compared.delete(before))

    return poll_compared_services(parts.polled_cities, parts.providers, parts.limiters, add, delete_old, parts.now)
