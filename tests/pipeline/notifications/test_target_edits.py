"""Edits of the targets of alerts while the daemon runs, with a real journal, in virtual time."""

from __future__ import annotations

import asyncio
import contextlib
import random
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, cast

import pytest

from tests.pipeline.notifications.test_delivery import Receiver, Rig
from tests.support import virtual_time
from weatherd.alerts.targets import CommandTarget, NamedTarget, WebhookTarget
from weatherd.errors import ConfigError, DeliveryError, Problem
from weatherd.pipeline.forwarders.group import open_deliveries
from weatherd.pipeline.notifications.delivery import NotificationResources
from weatherd.pipeline.notifications.opening import NotificationTargets

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from weatherd.http.session import Session


class EditableTargets:
    """The targets of a daemon, whose receivers are those of the command that they name."""

    def __init__(self, rig: Rig) -> None:
        self.receivers: dict[str, Receiver] = defaultdict(Receiver)
        self.open: list[str] = []  # the commands of the open senders
        self.rig = rig
        self.resources = NotificationResources(
            rig.journal, cast("Session", None), random.Random(0), virtual_time.now, lambda _: None
        )

    @contextlib.contextmanager
    def open_sender(self, named: NamedTarget) -> Iterator[Receiver]:
        """Open the receiver of a target, but for the command ``missing``."""
        assert isinstance(named.target, CommandTarget)
        (command,) = named.target.command
        if command == "missing":
            raise ConfigError(Problem(named.where, "there is no program"))
        self.open.append(command)
        yield self.receivers[command]
        self.open.remove(command)

    @contextlib.asynccontextmanager
    async def run(self, **commands: str) -> AsyncIterator[None]:
        """Run the deliveries to targets with these names and commands."""
        self.targets = NotificationTargets(self.resources, self.open_sender)
        deliveries = self.targets.start(self.targets.prepare(name_targets(commands)))
        await self.targets.forget_others()
        async with open_deliveries({}, self.rig.journal, random.Random(0), deliveries) as self.rig.group:
            await asyncio.sleep(0)
            yield
        self.targets.close()

    async def edit(self, **commands: str) -> list[str]:
        """Apply an edit; return the names that have changed."""
        return await self.targets.replace(self.targets.prepare(name_targets(commands)), self.rig.group)

    def titles(self, command: str) -> list[str]:
        """Return the titles of the messages to a command."""
        return self.receivers[command].titles()


def name_targets(commands: dict[str, str]) -> list[NamedTarget]:
    """Return targets with these names and commands."""
    return [
        NamedTarget(name, CommandTarget(command=[command]), "alerts.yaml:1:1", Path())
        for name, command in commands.items()
    ]


@pytest.fixture
def targets(tmp_path: Path) -> Iterator[EditableTargets]:
    """Yield targets with a new journal."""
    rig = Rig(tmp_path)
    with contextlib.closing(rig.journal):
        yield EditableTargets(rig)


BOTH = ("phone", "ops")


async def test_only_what_differs_is_replaced(targets: EditableTargets) -> None:
    """An edited target continues at its cursor, a new one begins now, a removed one ends; the others run on."""
    async with targets.run(phone="a", ops="b"):
        targets.receivers["b"].script = [DeliveryError("down")] * 1000
        await targets.rig.record(("frost", "kiel", "firing"), notify=BOTH)
        await asyncio.sleep(60)
        assert await targets.edit(phone="a", ops="c", mail="d") == ["mail", "ops"]
        assert sorted(targets.open) == ["a", "c", "d"]
        await targets.rig.record(("wind", "kiel", "firing"), notify=(*BOTH, "mail"))
        await asyncio.sleep(60)
        assert await targets.edit(phone="a") == ["mail", "ops"]
        await targets.rig.record(("rain", "kiel", "firing"), notify=(*BOTH, "mail"))
        await asyncio.sleep(60)
        assert await targets.edit(phone="a") == []
        assert list(targets.rig.group.statuses()) == ["notify phone"]
    assert targets.titles("a") == ["frost: kiel", "wind: kiel", "rain: kiel"]
    assert targets.titles("c") == ["frost: kiel", "wind: kiel"]
    assert targets.titles("d") == ["wind: kiel"]
    assert not targets.open


async def test_a_target_that_is_added_again_begins_now(targets: EditableTargets) -> None:
    """What it was not sent before its removal is no news; also if it was removed while the daemon was down."""
    async with targets.run(phone="a", ops="b"):
        targets.receivers["a"].script = targets.receivers["b"].script = [DeliveryError("down")] * 1000
        await targets.rig.record(("frost", "kiel", "firing"), notify=BOTH)
        await asyncio.sleep(60)
        await targets.edit(ops="b")
        await targets.edit(ops="b", phone="c")
        await targets.rig.record(("wind", "kiel", "firing"), notify=("phone",))
        await asyncio.sleep(60)
    assert targets.titles("c") == ["wind: kiel"]
    async with targets.run(phone="c"):
        await asyncio.sleep(60)
    async with targets.run(phone="c", ops="d"):
        await targets.rig.record(("rain", "kiel", "firing"), notify=("ops",))
        await asyncio.sleep(60)
    assert targets.titles("d") == ["rain: kiel"]


async def test_an_edit_with_a_mistake_changes_nothing(targets: EditableTargets) -> None:
    """Senders that were opened for it are closed, and the targets in use deliver."""
    async with targets.run(phone="a"):
        with pytest.raises(ConfigError):
            await targets.edit(phone="b", ops="missing")
        assert targets.open == ["a"]
        await targets.rig.record(("frost", "kiel", "firing"))
        await asyncio.sleep(60)
    assert targets.titles("a") == ["frost: kiel"]


async def test_the_content_of_a_file_counts(targets: EditableTargets, tmp_path: Path) -> None:
    """A target whose secret has another value is another one, although the rules file is the same."""
    secret = tmp_path / "address"
    secret.write_text("http://127.0.0.1/a")
    target = WebhookTarget.model_validate({"webhook": {"file": "address"}})
    named = [NamedTarget("ops", target, "alerts.yaml:1:1", tmp_path)]
    real = NotificationTargets(targets.resources)
    before = real.prepare(named)
    real.start(before)
    assert real.prepare(named)["ops"] is before["ops"]
    secret.write_text("http://127.0.0.1/b")
    assert real.prepare(named)["ops"] is not before["ops"]
