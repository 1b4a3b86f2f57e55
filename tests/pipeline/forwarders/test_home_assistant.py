"""What is saved of the announcements, and which messages Home Assistant gets; see test_mqtt.py for a real broker."""

from __future__ import annotations

import gc
import json
from collections import Counter
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.fakes import BERLIN, KIEL, new_key_values
from weatherd.errors import DeliveryError
from weatherd.freshness import AGE_BUDGETS, AgeBudgets
from weatherd.pipeline.forwarders import ForwarderResources
from weatherd.pipeline.forwarders.broker.publication import MAX_PENDING, Publication, publish_in_batches
from weatherd.pipeline.forwarders.home_assistant.announcement import Announcement
from weatherd.pipeline.forwarders.home_assistant.announcer import Announcer
from weatherd.pipeline.forwarders.home_assistant.discovery_payload import Topics

if TYPE_CHECKING:
    from collections.abc import Callable

    from weatherd.city import City
    from weatherd.journal.key_value import KeyValueStore

NOW = datetime(2026, 6, 1, tzinfo=UTC)
TOPICS = Topics("weatherd", "homeassistant")


@given(st.text(), st.text(), st.text(), st.booleans())
def test_an_announcement_is_loaded_as_it_was_dumped(prefix: str, discovery: str, payload: str, removed: bool) -> None:  # noqa: FBT001 - hypothesis gives it
    """Whatever the prefixes and the payload are, a restart finds them."""
    announcement = Announcement(Topics(prefix, discovery), payload, removed)
    assert Announcement.load(announcement.dump()) == announcement


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('["weatherd", "homeassistant", "{}"]', Announcement(TOPICS, "{}")),
        ('["weatherd", "homeassistant", ""]', Announcement(TOPICS, "")),
        ('["weatherd", "homeassistant", "{}", "gone"]', Announcement(TOPICS, "{}", removed=True)),
        ("", None),
        ("{", None),
        ("[]", None),
        ('["weatherd"]', None),
        ("null", None),
        ('{"prefix": "weatherd"}', None),
    ],
)
def test_an_entry_of_an_earlier_version_is_read(text: str, expected: Announcement | None) -> None:
    """It was a list; a damaged entry is as if there were none."""
    assert Announcement.load(text) == expected


@dataclass
class Broker:
    """Keeps what is published, and the key-value store that outlives a connection."""

    saved: KeyValueStore = field(default_factory=lambda: new_key_values("forwarder mqtt"))
    published: list[tuple[str, str, bool]] = field(default_factory=list)
    forgotten: list[str] = field(default_factory=list)
    on_publish: Callable[[], object] = object  # called at each message

    async def publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        """Take a message."""
        self.on_publish()
        self.published.append((topic, payload.decode(), retain))

    def announcer(self, *cities: Any, topics: Topics = TOPICS, enabled: bool = True) -> Announcer:
        """Return the announcer of a new connection."""
        resources = ForwarderResources(None, self.saved, lambda: cities, lambda: NOW)  # type: ignore[arg-type]
        return Announcer(topics, resources, self.publish, self.forgotten.append, enabled=enabled)

    def take_published(self) -> list[tuple[str, str, bool]]:
        """Return what was published since the last time, with the name for a payload."""
        published, self.published = self.published, []
        return [(topic, json.loads(text)["dev"]["name"] if text else "", retain) for topic, text, retain in published]


KIELS = "homeassistant/device/weatherd_kiel/config"
CLEARED = [(KIELS, "", True), ("weatherd/kiel/state", "", True), ("weatherd/kiel/availability", "", True)]


async def test_a_city_that_was_announced_by_an_earlier_version_is_removed() -> None:
    """An entry in the old form is found after an upgrade: the city that left the list meanwhile leaves its topics."""
    broker = Broker()
    broker.saved.put("kiel", '["weatherd", "homeassistant", "{\\"dev\\": {\\"name\\": \\"Kiel\\"}}"]', NOW)
    await broker.announcer(BERLIN).announce()
    published = broker.take_published()
    assert published[:-1] == CLEARED
    assert published[-1][1:] == ("Berlin", True)
    assert broker.forgotten == ["kiel"]
    await broker.announcer(BERLIN).repeat_removals()  # Home Assistant was away meanwhile
    assert broker.take_published() == [(KIELS, "Kiel", False), (KIELS, "", True)]


async def test_a_city_with_a_new_id_gets_the_names_of_its_old_entities() -> None:
    """The old device is removed first; otherwise Home Assistant calls the new entities sensor.kiel_temperature_2."""
    broker = Broker()
    await broker.announcer(KIEL).announce()
    broker.take_published()
    await broker.announcer(replace(KIEL, id="kiel-2")).announce()
    assert broker.take_published() == [*CLEARED, ("homeassistant/device/weatherd_kiel-2/config", "Kiel", True)]


async def test_a_longer_interval_is_announced_as_a_later_expiry() -> None:
    """Values expire after the age budget, which the interval extends, also when a longer list stretches it."""
    broker, intervals = Broker(), {"kiel": 600.0, "berlin": 10_800.0}
    cities: list[tuple[City, ...]] = [(KIEL,)]
    budgets = AgeBudgets(AGE_BUDGETS, intervals.__getitem__)
    resources = ForwarderResources(None, broker.saved, lambda: cities[-1], lambda: NOW, budgets)  # type: ignore[arg-type]
    announcer = Announcer(TOPICS, resources, broker.publish, broker.forgotten.append, enabled=True)

    async def announce() -> dict[str, set[int]]:
        broker.published.clear()
        await announcer.announce()
        payloads = [json.loads(text) for _, text, _ in broker.published]
        return {
            payload["dev"]["name"]: {sensor["expire_after"] for sensor in payload["cmps"].values()}
            for payload in payloads
        }

    assert await announce() == {"Kiel": {10_800}}
    cities.append((KIEL, BERLIN))
    assert await announce() == {"Berlin": {23_400}}
    cities.append((KIEL, BERLIN))
    intervals["kiel"] = 18_010.5
    assert await announce() == {"Kiel": {34_800}}
    intervals["kiel"] = 18_011.0
    assert await announce() == {}


async def test_other_prefixes_remove_what_was_published_under_the_old_ones() -> None:
    """After an edit of ``topic_prefix`` nothing is left under the old one."""
    broker = Broker()
    await broker.announcer(KIEL).announce()
    assert broker.take_published() == [(KIELS, "Kiel", True)]
    await broker.announcer(KIEL, topics=Topics("home", "homeassistant")).announce()
    assert broker.take_published() == [*CLEARED, ("homeassistant/device/home_kiel/config", "Kiel", True)]


async def test_discovery_that_is_turned_off_removes_the_device_once() -> None:
    """The device is removed when discovery is turned off, and nothing is published for it from then on."""
    broker = Broker()
    await broker.announcer(KIEL).announce()
    broker.take_published()
    for expected in ([(KIELS, "", True)], []):
        await broker.announcer(KIEL, enabled=False).announce()
        assert broker.take_published() == expected
    await broker.announcer(enabled=False).announce()
    broker.take_published()
    await broker.announcer(enabled=False).repeat_removals()
    assert broker.take_published() == []


@pytest.mark.filterwarnings("error")
async def test_messages_after_a_failure_are_not_sent() -> None:
    """If a publication fails, later ones are not begun; no coroutine is left that was never awaited."""
    begun: list[str] = []

    async def publish(topic: str, payload: bytes, *, retain: bool) -> None:  # noqa: ARG001 - a fake broker
        begun.append(topic)
        raise DeliveryError("connection lost")

    messages = [Publication(f"weatherd/{number}/state", b"", retain=True) for number in range(MAX_PENDING * 2)]
    with pytest.raises(DeliveryError):
        await publish_in_batches(publish, messages)
    gc.collect()
    assert len(begun) == MAX_PENDING


class TwoNodes:
    """Two nodes with the same list and broker, of which each announces what it polls."""

    def __init__(self) -> None:
        self.listed: tuple[City, ...] = (BERLIN, KIEL)
        self.polled: dict[str, tuple[City, ...]] = {"n1": self.listed, "n2": ()}
        self.brokers = {name: Broker() for name in self.polled}
        self.takes: Counter[str] = Counter()  # by city id, of any node

    def announcer(self, node: str) -> Announcer:
        """Return the announcer of a node's new connection."""
        broker = self.brokers[node]
        resources = ForwarderResources(
            None,  # type: ignore[arg-type] # no session is needed
            broker.saved,
            lambda: self.polled[node],
            lambda: NOW,
            find_city={city.id: city for city in self.listed}.get,
            node=node,
            count_takes=lambda city_id: self.takes[city_id],
        )
        topics = TOPICS._replace(node=node)
        return Announcer(topics, resources, broker.publish, broker.forgotten.append, enabled=True)

    def statuses(self, node: str) -> list[tuple[str, str]]:
        """Return the name of each device that a node has announced since the last time, and its status topic."""
        published, self.brokers[node].published = self.brokers[node].published, []
        payloads = [json.loads(text) if text else None for _, text, _ in published]
        return [(found["dev"]["name"], found["availability"][0]["topic"]) if found else ("", "") for found in payloads]


async def test_a_device_names_the_status_of_the_node_that_polls_its_city() -> None:
    """After a move the new node announces it; the former one does not touch it, also after a restart."""
    nodes = TwoNodes()
    first, second = nodes.announcer("n1"), nodes.announcer("n2")
    await first.announce()
    await second.announce()
    assert nodes.statuses("n1") == [("Berlin", "weatherd/status/n1"), ("Kiel", "weatherd/status/n1")]
    assert nodes.statuses("n2") == []
    nodes.polled = {"n1": (BERLIN,), "n2": (KIEL,)}
    await first.announce()
    await second.announce()
    assert nodes.statuses("n1") == []
    assert nodes.brokers["n1"].forgotten == ["kiel"]
    assert nodes.statuses("n2") == [("Kiel", "weatherd/status/n2")]
    await nodes.announcer("n1").announce()
    assert nodes.statuses("n1") == [("Berlin", "weatherd/status/n1")]
    nodes.polled = {"n1": (BERLIN, KIEL), "n2": ()}
    await first.announce()
    assert nodes.statuses("n1") == [("Kiel", "weatherd/status/n1")]


async def test_a_city_that_moves_while_others_are_announced_is_not_announced_by_its_former_node() -> None:
    """The other node may have announced it already; it is announced when it comes back."""
    nodes = TwoNodes()
    announcer, broker = nodes.announcer("n1"), nodes.brokers["n1"]
    broker.on_publish = lambda: nodes.polled.update(n1=(BERLIN,))
    await announcer.announce()
    assert nodes.statuses("n1") == [("Berlin", "weatherd/status/n1")]
    await announcer.announce()
    assert nodes.statuses("n1") == []
    broker.on_publish = object
    nodes.polled["n1"] = (BERLIN, KIEL)
    await announcer.announce()
    assert nodes.statuses("n1") == [("Kiel", "weatherd/status/n1")]


async def test_a_city_that_comes_back_soon_is_announced_again() -> None:
    """Another node may have taken it over and announced it in less than the second between two looks."""
    nodes = TwoNodes()
    first = nodes.announcer("n1")
    await first.announce()
    nodes.statuses("n1")
    nodes.takes["kiel"] += 1
    await first.announce()
    assert nodes.statuses("n1") == [("Kiel", "weatherd/status/n1")]


async def test_a_city_that_left_the_list_is_withdrawn_by_the_node_that_polled_it() -> None:
    """And by no other node."""
    nodes = TwoNodes()
    nodes.polled = {"n1": (BERLIN,), "n2": (KIEL,)}
    await nodes.announcer("n1").announce()
    await nodes.announcer("n2").announce()
    nodes.listed, nodes.polled = (BERLIN,), {"n1": (BERLIN,), "n2": ()}
    for node in nodes.polled:
        nodes.statuses(node)
        await nodes.announcer(node).announce()
    assert nodes.brokers["n2"].take_published() == CLEARED
    assert nodes.brokers["n1"].take_published() == [("homeassistant/device/weatherd_berlin/config", "Berlin", True)]
