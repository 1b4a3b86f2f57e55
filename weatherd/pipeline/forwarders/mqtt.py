"""The state of every city on an MQTT broker, announced to Home Assistant."""

from __future__ import annotations

import asyncio
import contextlib
import importlib
import json
import logging
import ssl
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from weatherd.errors import ConfigError, DeliveryError, Problem, describe
from weatherd.formatting import to_dict
from weatherd.freshness import is_stale
from weatherd.pipeline.forwarders.home_assistant import Topics, announcement

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Coroutine, Iterator, Sequence

    from weatherd.city import City
    from weatherd.config.sections import MqttSection
    from weatherd.config.settings import Settings
    from weatherd.observation import Observation
    from weatherd.pipeline.forwarders import ForwarderResources

ONLINE, OFFLINE = b"online", b"offline"
_QOS = 1
_PENDING = 200  # publications that wait for the broker's word at once
_LOOK = 1.0  # seconds between two looks at the list and at the ages
_GOODBYE = 0.3  # seconds for the last word
_CURE = 1.5  # seconds in which Home Assistant takes up a device, before it is taken away again
_FOR_EVER = timedelta(days=3650)
_REMEMBERED = timedelta(days=30)  # a removed city, for a Home Assistant that is away for so long
_GONE = "gone"


class Publisher:
    """A link: publishes states, and keeps Home Assistant informed beside them."""

    def __init__(self, client: Any, topics: Topics, forwarder: MqttForwarder) -> None:
        self._client = client
        self._topics = topics
        self._forwarder = forwarder
        self._resources = forwarder.resources
        self._cities: Sequence[City] = ()
        self._telling = asyncio.Lock()  # the list may change while Home Assistant is told

    async def deliver(self, batch: Sequence[Observation], key: str) -> None:  # noqa: ARG002 - it is idempotent by itself
        """Publish each observation as its city's state, in their order; what is old comes with its city offline."""
        now = self._resources.now().timestamp()
        listed = {city.id for city in self._resources.cities()}
        publications: list[Coroutine[Any, Any, None]] = []
        for observation in batch:
            city, payload = observation.city, _json(to_dict(observation))
            state = self._publish(self._topics.state(city), payload, retain=city in listed)
            turn = self._turn(observation, now) if city in listed else []
            publications += [*turn, state] if is_stale(observation, now) else [state, *turn]
            if city in listed:
                self._forwarder.last[city] = observation
        await self._all(publications)

    async def greet(self) -> None:
        """Say that weatherd is there, and all that is known of the cities."""
        await self._publish(self._topics.status, ONLINE, retain=True)
        await self._tell_all()

    async def keep_up(self) -> None:
        """Follow the list of cities and the ages of their states, for ever."""
        while True:
            await asyncio.sleep(_LOOK)
            async with self._telling:
                if self._resources.cities() is not self._cities:
                    await self._announce()
            now = self._resources.now().timestamp()
            turns = [turn for last in self._forwarder.last.values() for turn in self._turn(last, now)]
            await self._all(turns)

    async def listen(self) -> None:
        """Tell everything again whenever Home Assistant has started, for ever."""
        await self._client.subscribe(self._topics.birth, qos=_QOS)
        async for message in self._client.messages:
            if message.payload == ONLINE and not message.retain:
                async with self._telling:
                    await self._tell_all()
                    await self._cure()

    async def say_goodbye(self) -> None:
        """Say what the broker would say in our place if we fell silent."""
        async with asyncio.timeout(_GOODBYE):
            await self._publish(self._topics.status, OFFLINE, retain=True)

    async def _tell_all(self) -> None:
        self._cities = ()
        self._forwarder.online.clear()
        await self._announce()
        now = self._resources.now().timestamp()
        publications: list[Coroutine[Any, Any, None]] = []
        for city, last in self._forwarder.last.items():
            publications += self._turn(last, now)
            publications.append(self._publish(self._topics.state(city), _json(to_dict(last)), retain=True))
        await self._all(publications)

    async def _announce(self) -> None:
        """Announce the cities of the list, and take away those that have left it, whenever that was."""
        cities = self._resources.cities()
        before = {city.id: city for city in self._cities}
        memory, announced = self._resources.key_values, self._announced()
        for city in cities:
            if before.get(city.id) == city:
                continue
            payload = _json(announcement(city, self._topics)) if self._forwarder.discovers else b""
            topics, old = announced.get(city.id, (self._topics, ""))
            if topics != self._topics:  # other prefixes are set than before
                await self._take_away(city.id, topics, old)
            if payload or old:
                await self._publish(self._topics.config(city.id), payload, retain=True)
            text = json.dumps([self._topics.prefix, self._topics.discovery_prefix, payload.decode()])
            memory.put(city.id, text, self._resources.now() + _FOR_EVER)
        for city_id in announced.keys() - {city.id for city in cities}:
            await self._take_away(city_id, *announced[city_id])
        self._cities = cities

    def _announced(self) -> dict[str, tuple[Topics, str]]:
        """Return what the cities were announced with that are announced now."""
        notes = {key: json.loads(text) for key, text in self._resources.key_values.as_dict().items()}
        return {
            key: (Topics(prefix, discovery), payload)
            for key, (prefix, discovery, payload, *gone) in notes.items()
            if not gone
        }

    async def _take_away(self, city: str, topics: Topics, payload: str) -> None:
        """Remove the device first, then the topics that it listens to."""
        for topic in (topics.config(city), topics.state(city), topics.availability(city)):
            await self._publish(topic, b"", retain=True)
        self._forwarder.forget(city)
        text = json.dumps([topics.prefix, topics.discovery_prefix, payload, _GONE])
        self._resources.key_values.put(city, text, self._resources.now() + _REMEMBERED)

    async def _cure(self) -> None:
        """Have Home Assistant remove cities that left while it was away: it forgets only what it knows anew."""
        notes = [(key, json.loads(text)) for key, text in self._resources.key_values.as_dict().items()]
        gone = [(Topics(note[0], note[1]).config(key), note[2]) for key, note in notes if _GONE in note[3:] and note[2]]
        await self._all([self._publish(topic, payload.encode(), retain=False) for topic, payload in gone])
        if gone:
            await asyncio.sleep(_CURE)
        await self._all([self._publish(topic, b"", retain=True) for topic, _ in gone])

    def _turn(self, last: Observation, now: float) -> list[Coroutine[Any, Any, None]]:
        """Return what is to be published when a city begins or ceases to have the weather of now."""
        online = not is_stale(last, now)
        if self._forwarder.online.get(last.city) == online:
            return []
        self._forwarder.online[last.city] = online
        return [self._publish(self._topics.availability(last.city), ONLINE if online else OFFLINE, retain=True)]

    async def _all(self, publications: Sequence[Coroutine[Any, Any, None]]) -> None:
        """Publish in this order, with many on their way at once."""
        for start in range(0, len(publications), _PENDING):
            await asyncio.gather(*publications[start : start + _PENDING])

    async def _publish(self, topic: str, payload: bytes, *, retain: bool) -> None:
        with _translated():
            await self._client.publish(topic, payload, qos=_QOS, retain=retain)


class MqttForwarder:
    """Connects, with a last will; what is known of the cities outlives a connection."""

    batch_size = 200

    def __init__(self, block: MqttSection, resources: ForwarderResources) -> None:
        self._aiomqtt = importlib.import_module("aiomqtt")
        self._block = block
        self._topics = Topics(block.topic_prefix, block.discovery_prefix)
        self.discovers = block.discovery
        self.resources = resources
        self.last: dict[str, Observation] = {}
        self.online: dict[str, bool] = {}

    def forget(self, city: str) -> None:
        """Forget a city that has left."""
        self.last.pop(city, None)
        self.online.pop(city, None)

    @contextlib.asynccontextmanager
    async def connect(self) -> AsyncIterator[Publisher]:
        """Open a connection. Raises DeliveryError, also when it breaks while nobody publishes anything."""
        try:
            with _translated():
                async with self._client() as client, _serving(Publisher(client, self._topics, self)) as publisher:
                    yield publisher
        except BaseExceptionGroup as group:
            raise _first(group) from None

    def _client(self) -> Any:
        block, secret = self._block, self._block.password
        return self._aiomqtt.Client(
            block.host,
            block.port,
            username=block.username,
            password=secret.get_secret_value() if secret else None,
            will=self._aiomqtt.Will(self._topics.status, OFFLINE, qos=_QOS, retain=True),
            tls_context=ssl.create_default_context() if block.tls else None,
            logger=_quiet(),
            max_inflight_messages=_PENDING,
            timeout=10,
            keepalive=30,
        )


@contextlib.asynccontextmanager
async def _serving(publisher: Publisher) -> AsyncIterator[Publisher]:
    """Keep Home Assistant informed inside the ``with``, and say hello and goodbye."""
    await publisher.greet()
    try:
        async with asyncio.TaskGroup() as tasks:
            helpers = [tasks.create_task(_told(publisher.keep_up())), tasks.create_task(_told(publisher.listen()))]
            yield publisher
            for helper in helpers:
                helper.cancel()
    finally:
        with contextlib.suppress(DeliveryError, TimeoutError):
            await publisher.say_goodbye()


async def _told(work: Coroutine[Any, Any, None]) -> None:
    with _translated():
        await work


def _first(error: BaseException) -> BaseException:
    """Return the first of the errors in a group."""
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


def _quiet() -> logging.Logger:
    """Return a logger for the library: what goes wrong is raised, and told by us."""
    logger = logging.getLogger("weatherd.mqtt")
    logger.setLevel(logging.CRITICAL)
    return logger


def _json(value: Any) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode()


@contextlib.contextmanager
def _translated() -> Iterator[None]:
    """Turn the library's exceptions into ours."""
    aiomqtt = importlib.import_module("aiomqtt")
    try:
        yield
    except (aiomqtt.MqttError, OSError) as error:
        cause = error.__cause__  # the system's own words are plainer
        raise DeliveryError(describe(cause if isinstance(cause, OSError) else error)) from None


def open_forwarder(settings: Settings, resources: ForwarderResources) -> MqttForwarder | None:
    """Return the forwarder when there is a block ``mqtt``. Raises ConfigError when its library is not installed."""
    if not settings.mqtt:
        return None
    try:
        return MqttForwarder(settings.mqtt, resources)
    except ImportError:
        raise ConfigError(Problem("mqtt", "needs aiomqtt: pip install 'weatherd[mqtt]'")) from None
