"""Delivery of alerts to a target, with a real journal and a receiver that notes what arrives, in virtual time."""

from __future__ import annotations

import asyncio
import contextlib
import random
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest
from structlog.testing import capture_logs

from tests.support import virtual_time
from tests.support.fakes import KIEL, VirtualJournal
from weatherd.alerts.quiet_hours import QuietHours, parse_quiet
from weatherd.alerts.targets import CommandTarget, NamedTarget
from weatherd.errors import DeliveryError, RejectedError, StateError
from weatherd.journal.tables.alert_table import AlertEntry, AlertRows, identify_change
from weatherd.pipeline.forwarders.group import open_deliveries
from weatherd.pipeline.notifications.delivery import AlertDelivery, NotificationResources

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable, Iterator

    from weatherd.http.session import Session
    from weatherd.pipeline.notifications.message import AlertMessage


class Receiver:
    """A sender that notes the messages and their times, and fails with a script of errors, or hangs."""

    kind = "fake"

    def __init__(self) -> None:
        self.messages: list[AlertMessage] = []
        self.times: list[float] = []  # seconds of virtual time
        self.script: list[Exception | None] = []
        self.hangs = False

    async def send(self, message: AlertMessage, session: Session) -> None:  # noqa: ARG002
        """Note a message, or fail."""
        if error := self.script.pop(0) if self.script else None:
            raise error
        self.messages.append(message)
        self.times.append(asyncio.get_running_loop().time())
        if self.hangs:
            await asyncio.get_running_loop().create_future()

    def titles(self) -> list[str]:
        """Return the titles of the messages."""
        return [message.title for message in self.messages]


class Rig:
    """A journal of alerts that survives restarts of the delivery to the target ``phone``."""

    def __init__(self, folder: Path) -> None:
        self.journal = VirtualJournal(folder / "weatherd.sqlite")
        self.receiver = Receiver()
        self.group: Any = None
        self.outbox: Any = None  # in a cluster

    @property
    def status(self) -> Any:
        """The status of the delivery that runs, or that was the last to run."""
        return self.group.statuses()["notify phone"]

    async def record(
        self, *changes: tuple[str, str, str | None], notify: tuple[str, ...] = ("phone",), severity: str = "error"
    ) -> None:
        """Store changes, each a rule, a city and an event."""
        now = virtual_time.now().timestamp()
        entries = [
            AlertEntry(0, now, city, rule, "pending", "firing", event, now - 60, severity, f"{city}: {rule}", notify)
            for rule, city, event in changes
        ]
        await self.journal.add((), AlertRows(entries, {}, (), (), self.journal.alert_seq))
        self.journal.alert_seq += len(entries)

    @contextlib.asynccontextmanager
    async def deliver(self, quiet: QuietHours | None = None) -> AsyncIterator[None]:
        """Run the delivery; at the end, it is cancelled as by a kill."""
        target = NamedTarget("phone", CommandTarget(command=["x"], quiet=quiet), "alerts.yaml:1:1", Path())
        resources = NotificationResources(
            self.journal,
            cast("Session", None),
            random.Random(0),
            virtual_time.now,
            lambda city: KIEL if city == "kiel" else None,
            outbox=self.outbox,
        )
        delivery = AlertDelivery(target, self.receiver, resources)
        async with open_deliveries({}, self.journal, random.Random(0), [delivery]) as self.group:
            await asyncio.sleep(0)
            yield


class OtherOwners:
    """Changes that other nodes of a cluster deliver: those of *cities*."""

    def __init__(self) -> None:
        self.cities: set[str] = set()
        self.finished: list[str] = []

    def may_send(self, target: str, entries: Iterable[AlertEntry]) -> bool:
        """Return whether no other node delivers one of the changes."""
        assert target == "phone"
        return self.cities.isdisjoint(entry.city for entry in entries)

    def sending(self, entries: Iterable[AlertEntry]) -> contextlib.AbstractContextManager[None]:  # noqa: ARG002 - of a protocol
        """Return that nothing waits for the end of the sending."""
        return contextlib.nullcontext()

    def finish(self, targets: Iterable[str], entries: Iterable[AlertEntry]) -> None:
        """Note the changes that were delivered."""
        assert list(targets) == ["phone"]
        self.finished += [f"{entry.rule}: {entry.city}" for entry in entries]


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    """Yield a rig with a new journal."""
    opened = Rig(tmp_path)
    with contextlib.closing(opened.journal):
        yield opened


async def test_one_message_for_many_cities(rig: Rig) -> None:
    """The cities of a rule with the same event are in one message; other targets and silent changes are not sent."""
    async with rig.deliver():
        await rig.record(*[("frost", f"c{number}", "firing") for number in range(300)], ("frost", "x", None))
        await rig.record(("wind", "kiel", "firing"), ("frost", "c1", "resolved"), ("frost", "c2", "ended"))
        await rig.record(("frost", "kiel", "firing"), notify=("ops",))
        await asyncio.sleep(120)
    assert rig.receiver.titles() == ["frost: 300 cities", "wind: Kiel", "frost resolved: c1"]
    frost = rig.receiver.messages[0]
    assert frost.text.endswith("c19: frost\n… and 280 more")
    assert len(frost.alerts) == 300
    assert (rig.status.delivered, rig.status.skipped, rig.status.behind) == (302, 0, 0)


async def test_what_another_node_delivers_is_not_sent(rig: Rig) -> None:
    """A message waits while the node may not send it; when its changes are gone, the others are sent once."""
    rig.outbox = owners = OtherOwners()
    async with rig.deliver():
        owners.cities = {"kiel"}
        await rig.record(("wind", "oslo", "firing"), ("frost", "kiel", "firing"), ("heat", "oslo", "firing"))
        await asyncio.sleep(60)
        assert rig.receiver.titles() == ["wind: oslo"]
        entries = await rig.journal.call(lambda store: store.alerts.read_after(0, 10))
        await rig.journal.call(lambda store: store.alerts.delete([identify_change(entries[1])]))
        await asyncio.sleep(60)
        await rig.record(("rain", "kiel", "firing"), ("rain", "oslo", "firing"))
        await asyncio.sleep(60)
        owners.cities = set()
        await asyncio.sleep(60)
    assert rig.receiver.titles() == ["wind: oslo", "heat: oslo", "rain: 2 cities"]
    assert set(owners.finished) == {"wind: oslo", "heat: oslo", "rain: kiel", "rain: oslo"}


async def test_changes_that_come_soon_after_join(rig: Rig) -> None:
    """A message waits for more cities while there are some every few seconds, but not for more than half a minute."""
    async with rig.deliver():
        for number in range(30):
            await rig.record(("frost", f"c{number}", "firing"))
            await asyncio.sleep(4)
        await asyncio.sleep(60)
    counts = [len(message.alerts) for message in rig.receiver.messages]
    assert sum(counts) == 30
    assert len(counts) == 4
    assert rig.receiver.times[0] <= 5 + 30


async def test_messages_have_a_distance(rig: Rig) -> None:
    """Messages of many rules at once do not arrive as a burst, which services reject."""
    async with rig.deliver():
        await rig.record(*[(f"rule {number}", "kiel", "firing") for number in range(3)])
        await asyncio.sleep(120)
    first, *later = rig.receiver.times
    assert [time - first for time in later] == [5, 10]


@pytest.mark.parametrize("life", [1.0, 4.0, 9.0, 12.0])
async def test_lives_of_seconds_hold_nothing_back(rig: Rig, life: float) -> None:
    """A daemon that crashes every few seconds sends each message in 35 s, or in the next life."""
    begin = asyncio.get_running_loop().time()
    for number in range(30):
        async with rig.deliver():
            if number == 1:
                await rig.record(*[(f"rule {name}", "kiel", "firing") for name in "abc"])
            await asyncio.sleep(life)
    titles = [f"rule {name}: Kiel" for name in "abc"]
    arrived = {message.title: time for message, time in zip(rig.receiver.messages, rig.receiver.times, strict=True)}
    assert list(dict.fromkeys(rig.receiver.titles())) == titles
    assert max(arrived.values()) - begin <= life + 35
    assert {message.key for message in rig.receiver.messages if message.title == titles[0]} == {
        rig.receiver.messages[0].key
    }
    assert len(rig.receiver.messages) <= 5  # those that were perhaps delivered are sent again, once


async def test_many_rules_at_once_are_one_message(rig: Rig) -> None:
    """More than three messages at once become one, which names all rules and has the highest severity that fires."""
    async with rig.deliver():
        changes = [(f"rule{number}", city, "firing") for number in range(4) for city in ("kiel", "b")]
        await rig.record(*changes, ("rule0", "kiel", "resolved"))
        await asyncio.sleep(120)
    (message,) = rig.receiver.messages
    assert (message.event, message.severity) == ("digest", "error")
    assert message.title == "9 alerts: 8 firing, 1 resolved"
    assert message.rule == "rule0, rule1, rule2, rule3"
    assert message.text.startswith("rule0: 2 cities\n  kiel: rule0\n  b: rule0\nrule1: 2 cities\n")
    assert message.text.endswith("rule0 resolved: Kiel\n  kiel: rule0")
    assert [(notice.rule, notice.city, notice.event) for notice in message.alerts[-2:]] == [
        ("rule3", "b", "firing"), ("rule0", "kiel", "resolved"),
    ]  # fmt: skip
    assert (rig.status.delivered, rig.status.behind) == (9, 0)


async def test_news_does_not_renew_an_old_alert(rig: Rig) -> None:
    """After a kill and days without the daemon, the alerts since the start are sent, and the older ones are not."""
    async with rig.deliver():
        await rig.record(("frost", "kiel", "firing"))
    await asyncio.sleep(3 * 86400)
    async with rig.deliver():
        await rig.record(("wind", "kiel", "firing"))
        await asyncio.sleep(120)
    assert rig.receiver.titles() == ["wind: Kiel"]
    assert (rig.status.skipped, rig.status.delivered) == (1, 1)


async def test_repetitions_of_an_outage_are_listed_once(rig: Rig) -> None:
    """A message that an alert still fires has each city once, however often it was repeated meanwhile."""
    async with rig.deliver():
        await rig.record(("frost", "kiel", "firing"), ("frost", "bonn", "firing"))
        for _ in range(3):
            await rig.record(("frost", "kiel", "repeated"), ("frost", "bonn", "repeated"))
        await asyncio.sleep(60)
    assert rig.receiver.titles() == ["frost: 2 cities", "frost continues: 2 cities"]
    assert [len(message.alerts) for message in rig.receiver.messages] == [2, 2]


async def test_the_last_message_has_the_present_state(rig: Rig) -> None:
    """The changes of a city that wait during an outage arrive in their order; those of other cities join them."""
    async with rig.deliver():
        await rig.record(("frost", "a", "firing"), ("frost", "b", "firing"))
        await rig.record(("frost", "a", "resolved"), ("frost", "a", "firing"), ("frost", "b", "resolved"))
        await rig.record(("frost", "c", "firing"), ("frost", "b", "firing"))
        await asyncio.sleep(120)
    cities = [(message.event, [notice.city for notice in message.alerts]) for message in rig.receiver.messages]
    assert cities == [("firing", ["a", "b"]), ("resolved", ["a", "b"]), ("firing", ["a", "c", "b"])]


async def test_outage_of_a_target(rig: Rig) -> None:
    """An outage of many hours delays a message, is visible, and is logged with two lines."""
    async with rig.deliver():
        rig.receiver.script = [DeliveryError("down")] * 700
        await rig.record(("frost", "kiel", "firing"))
        with capture_logs() as logs:
            await asyncio.sleep(3600)
            assert not rig.receiver.messages
            assert rig.status.is_down
            await asyncio.sleep(12 * 3600)
            assert not rig.status.is_down
    assert rig.receiver.titles() == ["frost: Kiel"]
    assert [line["event"] for line in logs if line["log_level"] != "debug"] == ["forwarder.down", "forwarder.recovered"]
    assert logs[0]["forwarder"] == "notify phone"


async def test_failure_between_two_messages(rig: Rig) -> None:
    """What was accepted is not sent again when a later message fails."""
    async with rig.deliver():
        rig.receiver.script = [None, DeliveryError("down"), DeliveryError("down")]
        await rig.record(("frost", "kiel", "firing"), ("wind", "kiel", "firing"))
        await asyncio.sleep(600)
    assert rig.receiver.titles() == ["frost: Kiel", "wind: Kiel"]
    assert len({message.key for message in rig.receiver.messages}) == 2


async def test_kill_during_a_message(rig: Rig) -> None:
    """A message that was perhaps delivered is sent again with its key after a start, also with later changes."""
    async with rig.deliver():
        rig.receiver.hangs = True
        await rig.record(("frost", "kiel", "firing"))
        await asyncio.sleep(60)
    await rig.record(("frost", "kiel", "resolved"))
    rig.receiver.hangs = False
    async with rig.deliver():
        await asyncio.sleep(60)
    first, again, resolved = rig.receiver.messages
    assert first == again
    assert resolved.title == "frost resolved: Kiel"
    async with rig.deliver():
        await asyncio.sleep(60)
    assert len(rig.receiver.messages) == 3


async def test_kill_before_the_first_message(rig: Rig) -> None:
    """What fires before the first message of a new target, and before a restart, is sent."""
    async with rig.deliver():
        await asyncio.sleep(1)
        await rig.record(("frost", "kiel", "firing"))
    async with rig.deliver():
        await asyncio.sleep(60)
    assert rig.receiver.titles() == ["frost: Kiel"]


async def test_crash_loop_delays_messages_by_one_start(rig: Rig) -> None:
    """A daemon that lives for eight seconds sends each change once: at its next start, without another wait."""
    for number in range(5):
        async with rig.deliver():
            await asyncio.sleep(1)
            assert len(rig.receiver.messages) == number
            await rig.record(("frost", f"c{number}", "firing"))
            await asyncio.sleep(7)
    async with rig.deliver():
        await asyncio.sleep(60)
    assert rig.receiver.titles() == [f"frost: c{number}" for number in range(5)]
    assert len({message.key for message in rig.receiver.messages}) == 5


async def test_new_target_gets_no_old_alerts(rig: Rig) -> None:
    """A new target begins with the next change."""
    await rig.record(("frost", "kiel", "firing"))
    async with rig.deliver():
        await asyncio.sleep(60)
        assert not rig.receiver.messages
        await rig.record(("wind", "kiel", "firing"))
        await asyncio.sleep(60)
    assert rig.receiver.titles() == ["wind: Kiel"]


async def test_alerts_after_a_lost_journal_are_sent(rig: Rig) -> None:
    """Numbers go on after those of the cursors in a file that replaces a lost one, also after the next start."""
    async with rig.deliver():
        await rig.record(("frost", "kiel", "firing"), ("frost", "b", "firing"))
        await asyncio.sleep(12)  # it is sent, and the cursor is not saved yet
        rig.journal.file.unlink()
        with contextlib.suppress(StateError):
            await rig.journal.add(())
        await asyncio.sleep(120)
    assert rig.receiver.titles() == ["frost: 2 cities"]
    rig.journal.alert_seq = await rig.journal.call(lambda store: store.alerts.last_seq())
    async with rig.deliver():
        await rig.record(("wind", "kiel", "firing"))
        await asyncio.sleep(120)
    assert rig.receiver.titles() == ["frost: 2 cities", "wind: Kiel"]


def night(text: str = "22:00-07:00", **more: str) -> QuietHours:
    """Return quiet hours in Berlin's time."""
    quiet = parse_quiet({"hours": text, "timezone": "Europe/Berlin", **more})
    assert quiet
    return quiet


async def sleep_until(text: str) -> None:
    """Sleep until a time of the virtual clock, in UTC."""
    await asyncio.sleep(datetime.fromisoformat(f"{text}Z").timestamp() - virtual_time.now().timestamp())


async def test_quiet_hours_end_with_one_message(rig: Rig) -> None:
    """Alerts of the night arrive in one message after its end, each with its last state; those of the day apart."""
    await sleep_until("2026-01-15T20:00:00")
    async with rig.deliver(night()):
        await sleep_until("2026-01-15T20:59:00")
        await rig.record(("rain", "kiel", "firing"))
        await sleep_until("2026-01-15T23:00:00")
        await rig.record(("frost", "kiel", "firing"), ("frost", "a", "firing"), ("wind", "a", "firing"))
        await asyncio.sleep(3600)
        await rig.record(("frost", "kiel", "resolved"), ("rain", "kiel", "ended"), ("frost", "b", None))
        await rig.record(("wind", "a", "ended"))
        await asyncio.sleep(60)
        assert rig.receiver.titles() == ["rain: Kiel"]
        assert (rig.status.behind, rig.status.held, rig.status.is_down) == (0, 4, False)
        await sleep_until("2026-01-16T05:59:59")
        assert len(rig.receiver.messages) == 1
        await sleep_until("2026-01-16T06:00:01")
        await rig.record(("frost", "a", "resolved"))
        await asyncio.sleep(120)
        assert (rig.status.behind, rig.status.held, rig.status.delivered) == (0, 0, 4)
    _, digest, resolved = rig.receiver.messages
    assert [(notice.rule, notice.city, notice.event) for notice in digest.alerts] == [
        ("frost", "a", "firing"), ("frost", "kiel", "resolved"),
    ]  # fmt: skip
    assert digest.title == "2 alerts: 1 firing, 1 resolved"
    assert resolved.title == "frost resolved: a"


async def test_serious_alerts_do_not_wait_for_the_end_of_quiet_hours(rig: Rig) -> None:
    """An alert of the severity of `except` or above is sent at once, and not again with those that waited."""
    await sleep_until("2026-01-15T20:00:00")
    async with rig.deliver(night(**{"except": "error"})):
        await sleep_until("2026-01-15T23:00:00")
        await rig.record(("frost", "kiel", "firing"), severity="warning")
        await rig.record(("storm", "kiel", "firing"), severity="error")
        await asyncio.sleep(60)
        assert rig.receiver.titles() == ["storm: Kiel"]
        assert (rig.status.behind, rig.status.held, rig.status.delivered) == (0, 1, 1)
        await rig.record(("flood", "kiel", "firing"), severity="critical")
        await asyncio.sleep(60)
        assert rig.receiver.titles() == ["storm: Kiel", "flood: Kiel"]
        await sleep_until("2026-01-16T06:01:00")
    assert rig.receiver.titles() == ["storm: Kiel", "flood: Kiel", "frost: Kiel"]


@pytest.mark.parametrize("first", [{}, {"except": "error"}])
@pytest.mark.parametrize("second", [{}, {"except": "critical"}, None])
async def test_restarts_in_quiet_hours_lose_and_repeat_nothing(
    rig: Rig, first: dict[str, str], second: dict[str, str] | None
) -> None:
    """What waits when the process is killed is sent after the end of the hours, also with other hours or none."""
    await sleep_until("2026-01-15T23:00:00")
    async with rig.deliver(night(**first)):
        await asyncio.sleep(1)
        await rig.record(("frost", "kiel", "firing"), severity="warning")
        await rig.record(("frost", "kiel", "repeated"), severity="warning")
        await asyncio.sleep(60)
    await rig.record(("ice", "kiel", "firing"), severity="warning")
    async with rig.deliver(None if second is None else night(**second)):
        await asyncio.sleep(60)
        assert bool(rig.receiver.messages) == (second is None)
    async with rig.deliver(night(**first)):
        await sleep_until("2026-01-16T07:00:00")
    found = [(notice.rule, notice.event) for message in rig.receiver.messages for notice in message.alerts]
    expected = [("frost", "firing")] if second is None else []
    assert found == [*expected, ("frost", "repeated"), ("ice", "firing")]


@pytest.mark.parametrize(
    ("day", "hours", "end"),
    [
        ("2026-10-24T23:00:00", "22:00-07:00", "2026-10-25T06:00:00"),  # ten hours: the clock is set back at 01:00 UTC
        ("2026-10-24T23:00:00", "22:00-02:30", "2026-10-25T01:30:00"),  # the second 02:30
        ("2026-10-25T00:45:00", "02:30-07:00", "2026-10-25T06:00:00"),  # from the first 02:30, at 00:30
        ("2026-03-28T23:00:00", "22:00-07:00", "2026-03-29T05:00:00"),  # eight hours
        ("2026-03-28T23:00:00", "22:00-02:30", "2026-03-29T01:00:00"),  # there is no 02:30
    ],
)
async def test_quiet_hours_in_nights_of_a_change_of_the_clock(rig: Rig, day: str, hours: str, end: str) -> None:
    """The hours are those of the local clock, without a gap, and end at the last of two equal times."""
    await sleep_until(day)
    async with rig.deliver(night(hours)):
        await asyncio.sleep(1)
        await rig.record(("frost", "kiel", "firing"))
        await sleep_until(end)
        assert not rig.receiver.messages
        await asyncio.sleep(30)
    assert rig.receiver.titles() == ["frost: Kiel"]


@pytest.mark.parametrize("errors", [[RejectedError("no")], [DeliveryError("down")] * 8000])
async def test_undeliverable_alerts_are_visible(rig: Rig, errors: list[Exception]) -> None:
    """A message that is rejected for good, or could not be delivered for two days, is counted and logged."""
    async with rig.deliver():
        rig.receiver.script = list(errors)
        await rig.record(("frost", "kiel", "firing"))
        with capture_logs() as logs:
            await asyncio.sleep(86400 * 2.1)
        rig.receiver.script.clear()
        await rig.record(("wind", "kiel", "firing"))
        await asyncio.sleep(120)
    assert rig.receiver.titles() == ["wind: Kiel"]
    assert (rig.status.skipped, rig.status.delivered, rig.status.behind) == (1, 1, 0)
    (line,) = [line for line in logs if line["event"] == "forwarder.skipped"]
    assert (line["forwarder"], line["rule"], line["count"]) == ("notify phone", "frost", 1)
