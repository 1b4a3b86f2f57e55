"""InfluxDB's line protocol over HTTP, for InfluxDB 1 and 2 and compatible servers: VictoriaMetrics, Telegraf.

https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/
"""

from __future__ import annotations

import contextlib
import functools
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from weatherd.config.settings import collect_secrets
from weatherd.journal.rows import to_micros
from weatherd.observation import FIELDS
from weatherd.pipeline.forwarders.http_delivery import post_body, probe_server
from weatherd.text.redaction import Redaction

if TYPE_CHECKING:
    from collections.abc import Sequence
    from contextlib import AbstractAsyncContextManager

    from weatherd.city import Tags
    from weatherd.config.sections.forwarders import InfluxDbSection
    from weatherd.config.settings import Settings
    from weatherd.observation import Observation
    from weatherd.pipeline.forwarders import ForwarderResources

_TAGS = ("city", "provider", "station")
_NUMBERS = [name for name in FIELDS if name not in (*_TAGS, "observed_at", "fetched_at", "description")]
_RESERVED = {*FIELDS, "name", "time"}
_IN_TAG = str.maketrans({",": r"\,", "=": r"\=", " ": r"\ "})
_IN_MEASUREMENT = str.maketrans({",": r"\,", " ": r"\ "})
_IN_TEXT = str.maketrans({'"': r"\"", "\\": r"\\"})


def format_line_protocol(
    observation: Observation, measurement: str = "weather", name: str = "", tags: Tags = ()
) -> str:
    """Format an observation as a point of a measurement, with the tags of its city as tags and its name as a field.

    The name is no tag, because a point with another name would be another point: a revision of an observation whose
    city was renamed or removed meanwhile would leave the former one beside it.
    Every number is a float, because a field that was first written as an integer rejects floats forever. The timestamp
    is ``observed_at`` in nanoseconds, so an observation that is delivered again overwrites its own point.
    """
    own = "".join(f",{field}={_escape_tag(value)}" for field in _TAGS if (value := getattr(observation, field)))
    values = ((field, getattr(observation, field)) for field in _NUMBERS)
    numbers = "".join(f"{field}={_format_number(value)}," for field, value in values if value is not None)
    texts = {"description": observation.description} | ({"name": name} if name else {})
    fields = numbers + ",".join(f'{field}="{text.translate(_IN_TEXT)}"' for field, text in texts.items())
    series = f"{measurement.translate(_IN_MEASUREMENT)}{own}{_format_tags(tags)}"
    return f"{series} {fields} {to_micros(observation.observed_at)}000"


@functools.lru_cache(maxsize=10_000)
def _format_tags(tags: Tags) -> str:
    """Return the tags of a city.

    One with the name of a field or of another tag of weatherd has the prefix ``tag_``, and so has one that begins with
    an underscore: https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/#naming-restrictions.
    """
    named = {f"tag_{key}" if key in _RESERVED or key.startswith("_") else key: value for key, value in tags}
    return "".join(f",{_escape_tag(key)}={_escape_tag(value)}" for key, value in named.items())


def _format_number(value: float) -> str:
    """Format a number with digits on both sides of the point and no exponent, which not every server reads."""
    text = repr(float(value))
    if "e" not in text:
        return text
    plain = f"{Decimal(text):f}"
    return plain if "." in plain else f"{plain}.0"


def _escape_tag(value: str) -> str:
    """Escape a tag's value and strip backslashes at its end, which would escape the comma after it."""
    return value.rstrip("\\").translate(_IN_TAG) or "-"


class InfluxForwarder:
    """An InfluxDB server. It is its own connection, because the HTTP session pools connections."""

    batch_size = 1000

    def __init__(self, section: InfluxDbSection, resources: ForwarderResources) -> None:
        names = {"org": section.org, "bucket": section.bucket} if section.bucket else {"db": section.database}
        path = "/api/v2/write" if section.bucket else "/write"
        named = {key: name for key, name in names.items() if name}
        self._url = f"{section.url}{path}?{urlencode(named | {'precision': 'ns'})}"
        self._ping_url = f"{section.url}/ping"
        self._headers = {"Content-Type": "text/plain; charset=utf-8"}
        if section.token:
            self._headers["Authorization"] = f"Token {section.token.get_secret_value()}"
        self._redact = Redaction(collect_secrets(section))
        self._measurement = section.measurement
        self._resources = resources

    def connect(self) -> AbstractAsyncContextManager[InfluxForwarder]:
        """Return the forwarder itself."""
        return contextlib.nullcontext(self)

    async def probe(self) -> str:
        """Send a GET request, for ``weatherd check --online``. Raises DeliveryError."""
        return await probe_server(self._resources.session, self._ping_url)

    def _format(self, observation: Observation) -> str:
        city = self._resources.find_city(observation.city)
        return format_line_protocol(observation, self._measurement, *((city.name, city.tags) if city else ()))

    async def deliver(self, batch: Sequence[Observation], key: str) -> None:  # noqa: ARG002 - points are idempotent
        """Write a batch. Raises RejectedError or DeliveryError."""
        body = "\n".join(map(self._format, batch)).encode()
        await post_body(
            self._resources.session, self._url, body, self._headers, self._resources.now, redact=self._redact
        )


def open_forwarder(settings: Settings, resources: ForwarderResources) -> InfluxForwarder | None:
    """Return the forwarder if there is a section ``influxdb``."""
    return InfluxForwarder(settings.influxdb, resources) if settings.influxdb else None
