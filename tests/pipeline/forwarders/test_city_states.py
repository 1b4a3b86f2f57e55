"""Which messages keep the cities' states on an MQTT broker up to date; see test_mqtt.py for a real broker."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from tests.support.fakes import KIEL, observation
from tests.support.virtual_time import EPOCH
from weatherd.observation import BACKFILL, IMPORT
from weatherd.pipeline.forwarders import ForwarderResources
from weatherd.pipeline.forwarders.broker.publication import MAX_PENDING
from weatherd.pipeline.forwarders.city_states import CityStates
from weatherd.pipeline.forwarders.home_assistant.discovery_payload import Topics

if TYPE_CHECKING:
    from collections.abc import Callable

    from weatherd.city import City
    from weatherd.observation import Observation

STATE, AVAILABILITY = "weatherd/kiel/state", "weatherd/kiel/availability"


KIEL_ONLY = (KIEL,)


def list_kiel() -> tuple[City, ...]:
    """Return a list that is never edited."""
    return KIEL_ONLY


def make_states(list_cities: Callable[[], tuple[City, ...]], latest: dict[str, Observation]) -> CityStates:
    """Return the states of cities of which the daemon knows the *latest* observations."""
    unused: Any = None
    resources = ForwarderResources(unused, unused, list_cities, lambda: EPOCH + timedelta(minutes=5), latest=latest.get)
    return CityStates(Topics("weatherd", "homeassistant"), resources)


def refresh(states: CityStates, cities: tuple[City, ...]) -> list[tuple[str, bytes]]:
    """Return the availabilities, and the topics of the states, that one refresh publishes."""
    steps = list(states.refresh(cities))
    assert all(len(step) <= MAX_PENDING for step in steps)
    return [
        (message.topic, b"" if message.topic.endswith("state") else message.payload)
        for step in steps
        for message in step
    ]


def test_a_known_observation_is_published_at_the_second_refresh() -> None:
    """At the first one, it may still be delivered from the journal; afterwards nothing changes."""
    states = make_states(list_kiel, {"kiel": observation()})
    assert [refresh(states, KIEL_ONLY) for _ in range(3)] == [[], [(STATE, b""), (AVAILABILITY, b"online")], []]
    assert [message.topic for step in states.repeat() for message in step] == [STATE, AVAILABILITY]


def test_a_delivered_observation_is_not_published_again() -> None:
    """The refresh finds it published."""
    states = make_states(list_kiel, {"kiel": observation()})
    assert [refresh(states, KIEL_ONLY), [message.topic for message in states.update([observation()])]] == [
        [],
        [STATE, AVAILABILITY],
    ]
    assert refresh(states, KIEL_ONLY) == []


def test_the_past_is_no_state() -> None:
    """What was added afterwards is not published, because subscribers take a state for current weather."""
    states = make_states(list_kiel, {"kiel": observation()})
    past = [observation(observed_at=EPOCH - timedelta(days=1), origin=origin) for origin in (BACKFILL, IMPORT)]
    assert [message.topic for message in states.update([*past, observation()])] == [STATE, AVAILABILITY]


def test_a_city_without_an_observation_is_offline() -> None:
    """It is so once, from the beginning or when the observation is forgotten, until there is a new one."""
    latest: dict[str, Observation] = {}
    states = make_states(list_kiel, latest)
    assert [refresh(states, KIEL_ONLY) for _ in range(2)] == [[(AVAILABILITY, b"offline")], []]
    assert [(message.topic, message.retain) for message in states.update([observation()])] == [(STATE, False)]
    latest["kiel"] = observation()
    assert [message.payload for message in states.update([observation()])][1:] == [b"online"]
    del latest["kiel"]
    assert [refresh(states, KIEL_ONLY) for _ in range(2)] == [[(AVAILABILITY, b"offline")], []]
    assert list(states.repeat()) == []
    assert refresh(states, KIEL_ONLY) == [(AVAILABILITY, b"offline")]


def test_a_long_list_is_refreshed_in_parts() -> None:
    """Each call covers 20,000 cities, so that the event loop is not blocked; every city has its turn."""
    cities = tuple(replace(KIEL, id=f"city-{number}") for number in range(45_000))
    lists = [cities]
    states = make_states(lambda: lists[-1], {})
    assert [len(refresh(states, cities)) for _ in range(4)] == [20_000, 20_000, 5000, 0]
    lists.append(cities[:10])
    assert refresh(states, lists[-1]) == []


def test_a_city_that_leaves_during_a_refresh_is_not_set_offline() -> None:
    """Another node of the cluster polls it now, and has published that it is online."""
    cities = tuple(replace(KIEL, id=f"city-{number}") for number in range(MAX_PENDING))
    lists = [cities]
    latest = {city.id: observation(city) for city in cities}
    steps = make_states(lambda: lists[-1], latest).refresh(cities)
    assert next(steps) == []
    lists.append(cities[:1])
    latest.clear()
    assert list(steps) == []
