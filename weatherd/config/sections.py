"""The blocks of the settings, one for each weather service and for each forwarder."""

from __future__ import annotations

import ipaddress
import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr, model_validator


def _url(text: str) -> str:
    try:
        parts = urlsplit(text)
        right = parts.scheme in ("http", "https") and parts.hostname and not parts.query and not parts.fragment
        _ = parts.port
    except ValueError:
        right = False
    if not right:
        raise ValueError("should be the address of a server, such as http://localhost:8080")
    return text.rstrip("/")


def _number(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError(f"should be a whole number, not {str(value).lower()}")  # noqa: TRY004 - pydantic's way
    return value


def _key(secret: SecretStr | None) -> SecretStr | None:
    if secret and not re.fullmatch("[!-~]+", secret.get_secret_value()):
        raise ValueError("should be printable ASCII without spaces, as keys are")
    return secret


def _contact(text: str | None) -> str | None:
    if text is not None and not re.fullmatch(_CONTACT, text):
        raise ValueError("should be an e-mail address or a web address, in ASCII and without spaces")
    return text


def _language(text: str) -> str:
    if not re.fullmatch(_LANGUAGE, text):
        raise ValueError("should be a language such as en, de or pt_br")
    return text


_LANGUAGE = r"^[a-z]{2}(_[a-z]{2})?$"
Count = Annotated[int, Field(ge=1, le=1_000_000), BeforeValidator(_number)]
ApiKey = Annotated[SecretStr | None, AfterValidator(_key)]
ServerUrl = Annotated[str, AfterValidator(_url)]
_CONTACT = r"^[!-~]*[@./][!-~]*$"


class Section(BaseModel):
    """One block of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


_PLAN = "What the service allows; unlimited for a server of one's own"
Concurrency = Annotated[Count, Field(description="Requests under way at once, at the most")]
BaseUrl = Annotated[ServerUrl | None, Field(description="Another server that speaks its protocol")]
Contact = Annotated[
    str | None,
    AfterValidator(_contact),
    Field(description="An e-mail or web address of whoever runs this, told to the service"),
]


class OpenMeteoSection(Section):
    """https://open-meteo.com."""

    plan: Annotated[Literal["free", "standard", "professional", "unlimited"], Field(description=_PLAN)] = "free"
    api_key: Annotated[ApiKey, Field(description="For customers of Open-Meteo")] = None
    base_url: BaseUrl = None
    geocoding_url: Annotated[ServerUrl | None, Field(description="Another server for `cities search`")] = None
    concurrency: Concurrency = 2


class OpenWeatherMapSection(Section):
    """https://openweathermap.org."""

    plan: Annotated[Literal["free", "startup", "developer", "professional", "unlimited"], Field(description=_PLAN)] = (
        "free"
    )
    api_key: Annotated[ApiKey, Field(description="The key of the account; OPEN_WEATHER_API_KEY works too")] = None
    base_url: BaseUrl = None
    concurrency: Concurrency = 10
    language: Annotated[
        str,
        AfterValidator(_language),
        Field(description="Of the descriptions: en, de, pt_br …", json_schema_extra={"pattern": _LANGUAGE}),
    ] = "en"


class MetNorwaySection(Section):
    """https://api.met.no."""

    plan: Annotated[Literal["free", "unlimited"], Field(description=_PLAN)] = "free"
    contact: Contact = None
    base_url: BaseUrl = None
    concurrency: Concurrency = 4


class NwsSection(Section):
    """https://www.weather.gov."""

    plan: Annotated[Literal["free", "unlimited"], Field(description=_PLAN)] = "free"
    contact: Contact = None
    base_url: BaseUrl = None
    concurrency: Concurrency = 4


def _web(secret: SecretStr | None) -> SecretStr | None:
    if secret:
        try:
            parts = urlsplit(secret.get_secret_value())
            right = parts.scheme in ("http", "https") and parts.hostname
        except ValueError:
            right = None
        if not right:
            raise ValueError("should be a web address, such as https://example.org/weather")
    return secret


def _topic(text: str) -> str:
    if not re.fullmatch(_TOPIC, text):
        raise ValueError("should be letters, digits, '-' and '_', with '/' between words")
    return text


def _dsn(secret: SecretStr | None) -> SecretStr | None:
    if secret and not re.match("postgres(ql)?://", secret.get_secret_value()):
        raise ValueError("should be an address such as postgresql://user:password@localhost/weather")
    return secret


_TOPIC = r"^[a-zA-Z0-9_-]+(/[a-zA-Z0-9_-]+)*$"
Topic = Annotated[str, AfterValidator(_topic), Field(json_schema_extra={"pattern": _TOPIC})]
Port = Annotated[int, Field(ge=1, le=65535), BeforeValidator(_number)]
_SHORTEST_TOKEN = 8


class HttpSection(Section):
    """What the daemon serves: status, metrics, the page."""

    enabled: Annotated[bool, Field(description="Serve it")] = True
    host: Annotated[str, Field(min_length=1, description="The address to listen on")] = "127.0.0.1"
    port: Annotated[
        int, BeforeValidator(_number), Field(ge=0, le=65535, description="0 takes a free one, and the log says which")
    ] = 8080
    token: Annotated[
        ApiKey, Field(description="Asked of everybody who wants more than health; at least 8 characters")
    ] = None
    insecure: Annotated[bool, Field(description="Serve other machines, too, without a token")] = False
    city_metrics: Annotated[bool | None, Field(description="Metrics of each city; null: of up to 10,000 of them")] = (
        None
    )

    @model_validator(mode="after")
    def _is_guarded(self) -> HttpSection:
        if self.token and len(self.token.get_secret_value()) < _SHORTEST_TOKEN:
            raise ValueError("should have a 'token' of at least 8 characters")
        if self.enabled and not (is_loopback(self.host) or self.token or self.insecure):
            raise ValueError(f"should have a 'token', or 'insecure: true', as 'host' is {self.host}")
        return self


def is_loopback(host: str) -> bool:
    """Tell whether an address can be reached from this machine only."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class MqttSection(Section):
    """An MQTT broker, and Home Assistant behind it."""

    host: Annotated[str, Field(min_length=1, description="The broker")] = "localhost"
    port: Port = 1883
    username: str | None = None
    password: Annotated[SecretStr | None, Field(description="Better in WEATHERD_MQTT__PASSWORD or a secret file")] = (
        None
    )
    tls: Annotated[bool, Field(description="Encrypted, with a certificate that this machine trusts; port 8883")] = False
    topic_prefix: Annotated[Topic, Field(description="Before every topic: weatherd/kiel/state")] = "weatherd"
    discovery: Annotated[bool, Field(description="Announce each city to Home Assistant")] = True
    discovery_prefix: Annotated[Topic, Field(description="As Home Assistant has it")] = "homeassistant"


class InfluxDbSection(Section):
    """InfluxDB, version 1 or 2, or what takes its line protocol."""

    url: ServerUrl = "http://localhost:8086"
    database: Annotated[str | None, Field(min_length=1, description="For version 1")] = None
    org: Annotated[str | None, Field(min_length=1, description="For version 2")] = None
    bucket: Annotated[str | None, Field(min_length=1, description="For version 2; then that is spoken")] = None
    token: Annotated[ApiKey, Field(description="For version 1: user:password")] = None

    @model_validator(mode="after")
    def _has_a_place(self) -> InfluxDbSection:
        if (self.database is None) == (self.bucket is None):
            raise ValueError("should have a 'database' (version 1) or a 'bucket' (version 2)")
        return self


class WebhookSection(Section):
    """A web address that gets every observation."""

    url: Annotated[
        SecretStr | None, AfterValidator(_web), Field(description="May hold a key, so it is never shown")
    ] = None
    secret: Annotated[ApiKey, Field(description="Signs what is sent")] = None


class PostgresSection(Section):
    """PostgreSQL, with or without TimescaleDB."""

    dsn: Annotated[
        SecretStr | None,
        AfterValidator(_dsn),
        Field(description="Where it is: postgresql://user:password@host/database"),
    ] = None


class BrightSkySection(Section):
    """https://brightsky.dev."""

    plan: Annotated[Literal["free", "unlimited"], Field(description=_PLAN)] = "free"
    base_url: BaseUrl = None
    concurrency: Concurrency = 4
