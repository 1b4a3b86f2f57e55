"""Notes of what was polled, from which the next owner of a city continues.

They are made where a poll ends and not where the consumer takes its observation: when a shard is released, everything
that was fetched must be noted, even what is still in the queue. Otherwise the next owner would poll it again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from weatherd.cluster.lease import shard_of
from weatherd.cluster.tables import LAST_FIELDS, NOTE
from weatherd.observation import LastObservation, Observation
from weatherd.pipeline.queue import ObservationQueue

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping, Sequence

    from weatherd.cluster.database import ClusterConnection
    from weatherd.observation import FetchedObservation

_BATCH = 5000  # rows of a statement, which take about 40 ms


class PollNotes:
    """The polls that the database does not know yet: the last one of each city."""

    def __init__(self) -> None:
        self._waiting: dict[str, FetchedObservation] = {}  # by city id

    def add(self, fetched: FetchedObservation) -> None:
        """Note the end of a poll."""
        self._waiting[fetched.city.id] = fetched

    async def write(
        self, connection: ClusterConnection, shards: int, find_latest: Callable[[str], Observation | None]
    ) -> None:
        """Write the notes to the database. Those that are not written because of an error are kept.

        *find_latest* returns the latest observation of a city, which the quality control has judged since.
        """
        ids = sorted(self._waiting)  # in the same order on all nodes, so that none waits for a row that waits for its
        for begin in range(0, len(ids), _BATCH):
            noted = [self._waiting[city_id] for city_id in ids[begin : begin + _BATCH]]
            rows = [_build_row(fetched, shards, find_latest(fetched.city.id)) for fetched in noted]
            await connection.fetch(NOTE, *map(list, zip(*rows, strict=True)))
            for fetched in noted:
                if self._waiting.get(fetched.city.id) is fetched:  # else it was polled again meanwhile
                    del self._waiting[fetched.city.id]


def _build_row(fetched: FetchedObservation, shards: int, judged: Observation | None) -> tuple[Any, ...]:
    city, observation = fetched.city, fetched.observation
    if judged and judged.fetched_at == observation.fetched_at:
        observation = judged
    fields = (getattr(observation, name) for name in LAST_FIELDS)
    return (city.id, shard_of(city.id, shards), city.lat, city.lon, *fields)


class NotedQueue(ObservationQueue):
    """A queue that notes each observation as soon as its poll has ended, even while it waits for room."""

    def __init__(self, size: int, notes: PollNotes) -> None:
        super().__init__(size)
        self._notes = notes

    async def put(self, fetched: FetchedObservation) -> None:
        """Note and enqueue an observation."""
        self._notes.add(fetched)
        await super().put(fetched)

    def put_response(self, batch: Sequence[FetchedObservation]) -> Awaitable[None] | None:
        """Note and enqueue the observations of a response."""
        for fetched in batch:
            self._notes.add(fetched)
        return super().put_response(batch)


def parse_last_row(row: Mapping[str, Any]) -> LastObservation:
    """Return the last observation of a city from a row of the database."""
    fields = {name: row[name] for name in LAST_FIELDS}
    return LastObservation(row["lat"], row["lon"], Observation(row["city"], **fields))
