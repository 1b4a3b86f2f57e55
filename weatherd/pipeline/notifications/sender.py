"""The contract of senders, and the sender of a target."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Protocol

from weatherd.alerts.targets import AppriseTarget, WebhookTarget

if TYPE_CHECKING:
    from collections.abc import Iterator

    from weatherd.alerts.targets import NamedTarget
    from weatherd.http.session import Session
    from weatherd.pipeline.notifications.message import AlertMessage


class Sender(Protocol):
    """A means to send messages to one target. Calls never overlap."""

    kind: str  # for people: webhook, command, or the scheme of an Apprise address

    async def send(self, message: AlertMessage, session: Session) -> None:
        """Send a message; the target has accepted it when this returns. Raises RejectedError or DeliveryError."""


@contextlib.contextmanager
def open_sender(named: NamedTarget) -> Iterator[Sender]:
    """Open the sender of a target. Libraries are imported here, so that a daemon without such a target does not.

    Raises ConfigError if the target cannot be used: a library, a program or a secret file is missing, or a template has
    a mistake.
    """
    target = named.target
    if isinstance(target, AppriseTarget):
        from weatherd.pipeline.notifications.apprise_sender import AppriseSender  # noqa: PLC0415 - see above

        with AppriseSender(named, target) as sender:
            yield sender
    elif isinstance(target, WebhookTarget):
        from weatherd.pipeline.notifications.webhook_sender import WebhookSender  # noqa: PLC0415

        yield WebhookSender(named, target)
    else:
        from weatherd.pipeline.notifications.command_sender import CommandSender  # noqa: PLC0415

        yield CommandSender(named, target)
