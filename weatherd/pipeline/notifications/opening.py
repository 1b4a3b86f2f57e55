"""Opening of the deliveries of alerts to all targets of the rules file."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from weatherd.pipeline.notifications.delivery import AlertDelivery
from weatherd.pipeline.notifications.sender import open_sender

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from weatherd.alerts.targets import NamedTarget
    from weatherd.pipeline.notifications.delivery import NotificationResources


@contextlib.contextmanager
def open_notifications(
    targets: Iterable[NamedTarget], resources: NotificationResources
) -> Iterator[tuple[AlertDelivery, ...]]:
    """Open the sender of each target. Raises ConfigError if one cannot be used."""
    with contextlib.ExitStack() as stack:
        yield tuple(AlertDelivery(target, stack.enter_context(open_sender(target)), resources) for target in targets)
