"""Sections of the settings: one per weather service and forwarder."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator


def _check_url(text: str) -> str:
    try:
        parts = urlsplit(text)
        is_valid = parts.scheme in ("http", "https") and parts.hostname and not parts.query and not parts.fragment
        _ = parts.port
    except ValueError:
        is_valid = False
    if not is_valid:
        raise ValueError("should be the address of a server, such as http://localhost:8080")
    return text.rstrip("/")


def reject_bool(value: object) -> object:
    """Return the value. Raises ValueError for true and false, which pydantic would convert to 1 and 0."""
    if isinstance(value, bool):
        raise ValueError(f"should be a whole number, not {str(value).lower()}")  # noqa: TRY004 - pydantic reports ValueError only
    return value


def _check_key(secret: SecretStr | None) -> SecretStr | None:
    if secret and not re.fullmatch("[!-~]+", secret.get_secret_value()):
        raise ValueError("should be printable ASCII without spaces")
    return secret


def _check_contact(text: str | None) -> str | None:
    if text is not None and not re.fullmatch(_CONTACT, text):
        raise ValueError("should be an e-mail address or a web address, in ASCII and without spaces")
    return text


def _check_language(text: str) -> str:
    if not re.fullmatch(_LANGUAGE, text):
        raise ValueError("should be a language such as en, de or pt_br")
    return text


_LANGUAGE = r"^[a-z]{2}(_[a-z]{2})?$"
Count = Annotated[int, Field(ge=1, le=1_000_000), BeforeValidator(reject_bool)]
ApiKey = Annotated[SecretStr | None, AfterValidator(_check_key)]
ServerUrl = Annotated[str, AfterValidator(_check_url)]
_CONTACT = r"^[!-~]*[@./][!-~]*$"


class Section(BaseModel):
    """Base class of sections: unknown keys are rejected, values are frozen."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


_PLAN = "Your plan with the service, which limits the requests; unlimited: for your own server"
Concurrency = Annotated[Count, Field(description="Maximum number of concurrent requests")]
BaseUrl = Annotated[ServerUrl | None, Field(description="Base URL of another server with the same API")]
Contact = Annotated[
    str | None,
    AfterValidator(_check_contact),
    Field(description="Your e-mail or web address, which is sent to the service"),
]


class OpenMeteoSection(Section):
    """Settings of https://open-meteo.com."""

    plan: Annotated[Literal["free", "standard", "professional", "unlimited"], Field(description=_PLAN)] = "free"
    api_key: Annotated[ApiKey, Field(description="The API key of a paid plan")] = None
    base_url: BaseUrl = None
    geocoding_url: Annotated[
        ServerUrl | None, Field(description="Base URL of another geocoding server, for `cities search`")
    ] = None
    concurrency: Concurrency = 2


class OpenWeatherMapSection(Section):
    """Settings of https://openweathermap.org."""

    plan: Annotated[Literal["free", "startup", "developer", "professional", "unlimited"], Field(description=_PLAN)] = (
        "free"
    )
    api_key: Annotated[ApiKey, Field(description="The API key; the variable OPEN_WEATHER_API_KEY works too")] = None
    base_url: BaseUrl = None
    concurrency: Concurrency = 10
    language: Annotated[
        str,
        AfterValidator(_check_language),
        Field(description="Language of the descriptions: en, de, pt_br …", json_schema_extra={"pattern": _LANGUAGE}),
    ] = "en"


class MetNorwaySection(Section):
    """Settings of https://api.met.no."""

    plan: Annotated[Literal["free", "unlimited"], Field(description=_PLAN)] = "free"
    contact: Contact = None
    base_url: BaseUrl = None
    concurrency: Concurrency = 4


class NwsSection(Section):
    """Settings of https://www.weather.gov."""

    plan: Annotated[Literal["free", "unlimited"], Field(description=_PLAN)] = "free"
    contact: Contact = None
    base_url: BaseUrl = None
    concurrency: Concurrency = 4


def _check_web_address(secret: SecretStr | None) -> SecretStr | None:
    if secret:
        try:
            parts = urlsplit(secret.get_secret_value())
            is_valid = parts.scheme in ("http", "https") and parts.hostname
        except ValueError:
            is_valid = None
        if not is_valid:
            raise ValueError("should be a web address, such as https://example.org/weather")
    return secret


def _check_topic(text: str) -> str:
    if not re.fullmatch(_TOPIC, text):
        raise ValueError("should be letters, digits, '-' and '_', with '/' between words")
    return text


def _check_dsn(secret: SecretStr | None) -> SecretStr | None:
    if secret and not re.match("postgres(ql)?://", secret.get_secret_value()):
        raise ValueError("should be an address such as postgresql://user:password@localhost/weather")
    return secret


def _check_host(text: str) -> str:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        if not re.fullmatch(r"[^\s/:@?#\[\]]+", text):
            raise ValueError("should be a host name or an IP address, such as broker.local") from None
    return text


_TOPIC = r"^[a-zA-Z0-9_-]+(/[a-zA-Z0-9_-]+)*$"
Topic = Annotated[str, AfterValidator(_check_topic), Field(json_schema_extra={"pattern": _TOPIC})]
Port = Annotated[int, Field(ge=1, le=65535), BeforeValidator(reject_bool)]
Host = Annotated[str, AfterValidator(_check_host)]


class MqttSection(Section):
    """The MQTT forwarder, also for Home Assistant."""

    host: Annotated[Host, Field(description="Host of the broker")] = "localhost"
    port: Port = 1883
    username: str | None = None
    password: Annotated[SecretStr | None, Field(description="Safer in WEATHERD_MQTT__PASSWORD or a secret file")] = None
    tls: Annotated[
        bool, Field(description="Use TLS, with a certificate that this machine trusts; usually port 8883")
    ] = False
    topic_prefix: Annotated[Topic, Field(description="First part of every topic: weatherd/kiel/state")] = "weatherd"
    discovery: Annotated[bool, Field(description="Announce each city to Home Assistant (MQTT discovery)")] = True
    discovery_prefix: Annotated[Topic, Field(description="Discovery prefix that is set in Home Assistant")] = (
        "homeassistant"
    )


class InfluxDbSection(Section):
    """The forwarder to InfluxDB 1 or 2, or a server with its line protocol."""

    url: ServerUrl = "http://localhost:8086"
    database: Annotated[str | None, Field(min_length=1, description="Database of InfluxDB 1")] = None
    org: Annotated[str | None, Field(min_length=1, description="Organization of InfluxDB 2")] = None
    bucket: Annotated[
        str | None, Field(min_length=1, description="Bucket of InfluxDB 2; selects the API of version 2")
    ] = None
    token: Annotated[ApiKey, Field(description="API token; for InfluxDB 1 user:password")] = None

    @model_validator(mode="after")
    def _check_target(self) -> InfluxDbSection:
        if (self.database is None) == (self.bucket is None):
            raise ValueError("should have a 'database' (version 1) or a 'bucket' (version 2)")
        return self


class WebhookSection(Section):
    """The forwarder that posts every observation to a web address."""

    url: Annotated[
        SecretStr | None,
        AfterValidator(_check_web_address),
        Field(description="Web address; never shown, because it may contain a key"),
    ] = None
    secret: Annotated[ApiKey, Field(description="Key that signs the requests")] = None


class PostgresSection(Section):
    """The forwarder to PostgreSQL, with or without TimescaleDB."""

    dsn: Annotated[
        SecretStr | None,
        AfterValidator(_check_dsn),
        Field(description="Address of the database: postgresql://user:password@host/database"),
    ] = None


class BrightSkySection(Section):
    """Settings of https://brightsky.dev."""

    plan: Annotated[Literal["free", "unlimited"], Field(description=_PLAN)] = "free"
    base_url: BaseUrl = None
    concurrency: Concurrency = 4
