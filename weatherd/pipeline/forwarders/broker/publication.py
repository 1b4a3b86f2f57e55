"""Messages to be published on an MQTT broker."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

MAX_PENDING = 200  # publications without the broker's acknowledgement


class Publication(NamedTuple):
    """A message to be published."""

    topic: str
    payload: bytes
    retain: bool


class Publish(Protocol):
    """A function that publishes a message to the broker."""

    async def __call__(self, topic: str, payload: bytes, *, retain: bool) -> None:
        """Publish; the broker has the message when this returns. Raises DeliveryError."""


async def publish_in_batches(publish: Publish, publications: Sequence[Publication]) -> None:
    """Publish in order, up to ``MAX_PENDING`` messages at once. Raises the first error; the rest is not sent then."""
    for start in range(0, len(publications), MAX_PENDING):
        batch = publications[start : start + MAX_PENDING]
        await asyncio.gather(*(publish(topic, payload, retain=retain) for topic, payload, retain in batch))
