"""InfluxDB's line protocol over HTTP, for InfluxDB 1 and 2 and compatible servers: VictoriaMetrics, Telegraf.

https://docs.influxdata.com/influxdb/v2/reference/syntax/line-protocol/
"""

from __future__ import annotations

import contextlib
import functools
from decimal import Decimal
from typing import TYPE_CHECKING
from urllib.parse import urlencode

from weatherd.config.plain_settings import collect_secrets
from weatherd.journal.rows import to_micros
from weatherd.observation import FIELDS
from weatherd.pipeline.forwarders.http_delivery import post_body, probe_server
from weatherd.pipeline.forwarders.notices.official_warnings import ChangeConnection, serialize_official_warning
from weatherd.text.redaction import Redaction

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from contextlib import AbstractAsyncContextManager

    from weatherd.city import Tags
    from weatherd.config.sections.forwarders import InfluxDbSection
    from weatherd.config.settings import Settings
    from weatherd.journal.tables.warning_table import WarningEntry
    from weatherd.observation import Observation
    from weatherd.pipeline.forwarders import ForwarderResources

_TAGS = ("city", "provider", "station")
_TEXTS = ("description", "origin", "quality")
_NUMBERS = [name for name in FIELDS if name not in (*_TAGS, *_TEXTS, "observed_at", "fetched_at")]
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
    texts = {field: getattr(observation, field) for field in _TEXTS} | ({"name": name} if name else {})
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


def format_warning_point(entry: WarningEntry, measurement: str = "weather", name: str = "") -> str:
    """Format a change of an official warning as a point of the measurement with the suffix ``_warning``.

    ``in_force`` is 0 after an end. The timestamp is the time of the change in microseconds, with the entry's number as
    its nanoseconds: several warnings of the same kind may change at once, and each has a point of its own.
    """
    change = entry.change
    warning = change.warning
    tags = {"city": change.city, "provider": warning.provider, "event": warning.event, "kind": change.kind}
    numbers = f"severity={float(warning.severity)},in_force={float(change.kind != 'ended')}"
    plain = serialize_official_warning(warning)
    texts = {"reason": change.reason, "name": name} | {
        key: plain[key] for key in plain if key not in {*tags, "severity"}
    }
    fields = "".join(f',{key}="{_format_text(text)}"' for key, text in texts.items() if text)
    series = f"{measurement}_warning".translate(_IN_MEASUREMENT)
    pairs = "".join(f",{key}={_escape_tag(' '.join(value.split()))}" for key, value in tags.items())
    return f"{series}{pairs} {numbers}{fields} {to_micros(change.at)}{entry.seq % 1000:03}"


def _format_text(text: str) -> str:
    """Format a text as a field on one line, because a line break may end the point."""
    return " ".join(text.split()).translate(_IN_TEXT)


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
        await self._write(map(self._format, batch))

    def connect_warnings(self) -> AbstractAsyncContextManager[ChangeConnection]:
        """Return a connection that delivers changes of official warnings."""
        return contextlib.nullcontext(ChangeConnection(self._deliver_warnings))

    async def _deliver_warnings(self, batch: Sequence[WarningEntry], key: str) -> None:  # noqa: ARG002 - as above
        """Write a batch of changes. Raises RejectedError or DeliveryError."""
        await self._write(map(self._format_warning, batch))

    def _format_warning(self, entry: WarningEntry) -> str:
        city = self._resources.find_city(entry.change.city)
        return format_warning_point(entry, self._measurement, city.name if city else "")

    async def _write(self, lines: Iterable[str]) -> None:
        body = "\n".join(lines).encode()
        await post_body(
            self._resources.session, self._url, body, self._headers, self._resources.now, redact=self._redact
        )


def open_forwarder(settings: Settings, resources: ForwarderResources) -> InfluxForwarder | None:
    """Return the forwarder if there is a section ``influxdb``."""
    return InfluxForwarder(settings.influxdb, resources) if settings.influxdb else None
