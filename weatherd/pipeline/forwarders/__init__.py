"""Where the journal is read on to. An entry point of ``weatherd.forwarders`` names a function that makes a forwarder.

The function takes the settings and :class:`ForwarderResources`, and returns a forwarder or None.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from weatherd.city import City
    from weatherd.http.session import Session
    from weatherd.journal.key_value import KeyValueStore
    from weatherd.observation import Observation


@dataclass(frozen=True, slots=True)
class ForwarderResources:
    """What a forwarder works with."""

    session: Session  # for HTTP
    key_values: KeyValueStore  # what it wants to find again after a restart
    cities: Callable[[], Sequence[City]]  # those that are watched now; another object when they have changed
    now: Callable[[], datetime]


class Connection(Protocol):
    """A connection to the far side."""

    async def deliver(self, batch: Sequence[Observation], key: str) -> None:
        """Deliver a batch, in its order; the far side has it when this returns.

        A batch that may have arrived comes again with the same *key*, also after a crash. Then it may lack what has
        been revised since, which follows later.

        Raises RejectedError when the far side will never take this very batch: it is then delivered in parts, and what
        is refused by itself is set aside. Whatever else is raised means that the far side cannot take it now: the link
        is left, and the same batch is delivered over another one later.
        """


class Forwarder(Protocol):
    """A far side, and how to reach it."""

    batch_size: int  # observations in a batch, at most

    def connect(self) -> AbstractAsyncContextManager[Connection]:
        """Open a link. It is used by one task, and left on the first error or at the end."""
