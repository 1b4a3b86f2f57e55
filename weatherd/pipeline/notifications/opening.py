"""The deliveries of alerts to the targets of the rules file, which follow its edits by difference."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any, NamedTuple

from weatherd.alerts.targets import WebhookTarget
from weatherd.errors import StateError
from weatherd.journal.tables.alert_table import CURSOR_PREFIX
from weatherd.pipeline.notifications.delivery import AlertDelivery
from weatherd.pipeline.notifications.sender import open_sender

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping
    from contextlib import AbstractContextManager

    from weatherd.alerts.targets import NamedTarget
    from weatherd.journal.store import Store
    from weatherd.pipeline.forwarders.group import DeliveryGroup
    from weatherd.pipeline.notifications.delivery import NotificationResources
    from weatherd.pipeline.notifications.sender import Sender

    Opener = Callable[[NamedTarget], AbstractContextManager[Sender]]


class OpenTarget(NamedTuple):
    """A target whose sender is open."""

    named: NamedTarget
    facts: tuple[Any, ...]  # by which an edit is noticed
    sender: Sender
    stack: contextlib.ExitStack  # closes the sender


class NotificationTargets:
    """The targets in use. Their deliveries keep their cursors while the daemon runs, and across restarts.

    A target that was removed is forgotten: if it is added again, it begins with the next alert, as any new one.
    """

    def __init__(self, resources: NotificationResources, opener: Opener = open_sender) -> None:
        self._resources = resources
        self._opener = opener
        self._open: Mapping[str, OpenTarget] = {}
        self._deliveries: dict[str, AlertDelivery] = {}

    @property
    def deliveries(self) -> list[AlertDelivery]:
        """The delivery to each target."""
        return list(self._deliveries.values())

    def prepare(self, targets: Iterable[NamedTarget]) -> dict[str, OpenTarget]:
        """Return all targets after an edit: those that it leaves as they are, and the others with new senders.

        It blocks, and changes nothing yet. Raises ConfigError if a target cannot be used.
        """
        with contextlib.ExitStack() as opened:
            prepared: dict[str, OpenTarget] = {}
            for named in targets:
                facts, before = _collect_facts(named), self._open.get(named.name)
                if before and before.facts == facts:
                    prepared[named.name] = before
                    continue
                stack = contextlib.ExitStack()
                prepared[named.name] = OpenTarget(named, facts, stack.enter_context(self._opener(named)), stack)
                opened.callback(stack.close)
            opened.pop_all()
        return prepared

    def discard(self, prepared: Mapping[str, OpenTarget]) -> None:
        """Close the senders that :meth:`prepare` has opened, because the edit is not applied."""
        for name, found in prepared.items():
            if self._open.get(name) is not found:
                found.stack.close()

    def start(self, prepared: Mapping[str, OpenTarget]) -> list[AlertDelivery]:
        """Use the targets of the first rules; return their deliveries."""
        self._open = prepared
        self._deliveries = {name: self._create_delivery(found) for name, found in prepared.items()}
        return self.deliveries

    async def replace(self, prepared: Mapping[str, OpenTarget], group: DeliveryGroup) -> list[str]:
        """Apply an edit to the running deliveries of *group*; return the names of the targets that have changed."""
        before, self._open = self._open, prepared
        gone = {name: found for name, found in before.items() if prepared.get(name) is not found}
        fresh = {name: found for name, found in prepared.items() if before.get(name) is not found}
        ended = [self._deliveries.pop(name) for name in gone]
        added = {name: self._create_delivery(found) for name, found in fresh.items()}
        self._deliveries |= added
        await group.remove(ended)
        for found in gone.values():
            found.stack.close()
        await self.forget_others()
        group.add(added.values())
        return sorted(gone.keys() | fresh.keys())

    async def forget_others(self) -> None:
        """Delete the cursors of targets that are no more; if the journal cannot be written, at the next start."""
        with contextlib.suppress(StateError):
            await self._resources.journal.call(lambda store: _delete_cursors(store, self._open))

    def close(self) -> None:
        """Close all senders."""
        for found in self._open.values():
            found.stack.close()

    def _create_delivery(self, found: OpenTarget) -> AlertDelivery:
        return AlertDelivery(found.named, found.sender, self._resources)


def _collect_facts(named: NamedTarget) -> tuple[Any, ...]:
    """Return what a sender is made of, also the contents of files. Raises ConfigError if a secret cannot be read."""
    template = b""
    if isinstance(named.target, WebhookTarget) and named.target.template:
        with contextlib.suppress(OSError):  # which the sender reports
            template = (named.folder / named.target.template).read_bytes()
    return named.target, named.folder, *named.reveal_all(), template


def _delete_cursors(store: Store, names: Collection[str]) -> None:
    for cursor in store.cursors.list_names(CURSOR_PREFIX):
        name, _, _ = cursor.removeprefix(CURSOR_PREFIX).partition(" ")  # a lane has another word after the target
        if name not in names:
            store.cursors.delete(cursor)
