"""Sections of the settings that enable a forwarder."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated
from urllib.parse import parse_qsl, urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr, model_validator

from weatherd.config.paths import check_certificate, resolve_ca_file, resolve_file, resolve_path
from weatherd.config.sections import ApiKey, Host, Section, ServerUrl, reject_bool


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
    if not secret:
        return secret
    try:
        parts = urlsplit(secret.get_secret_value())
        words = dict(parse_qsl(parts.query, strict_parsing=bool(parts.query)))
    except ValueError:
        parts, words = urlsplit(""), {}
    if parts.scheme not in ("postgres", "postgresql"):
        raise ValueError("should be an address such as postgresql://user:password@localhost/weather")
    if unknown := sorted(words.keys() & _LIBPQ_WORDS):
        raise ValueError(f"has {unknown[0]!r}, which only libpq knows: remove it; weatherd has time limits of its own")
    return secret


def _check_measurement(text: str) -> str:
    if not text.isprintable() or not text.strip() or text.startswith(("_", "#")) or text.endswith("\\"):
        raise ValueError("should be a name on one line that does not begin with '_' or '#', or end with '\\'")
    return text


# https://www.postgresql.org/docs/current/libpq-connect.html: those that asyncpg would send to the server as settings
_LIBPQ_WORDS = {
    "channel_binding",
    "connect_timeout",
    "fallback_application_name",
    "gssencmode",
    "hostaddr",
    "keepalives",
    "keepalives_count",
    "keepalives_idle",
    "keepalives_interval",
    "load_balance_hosts",
    "require_auth",
    "requirepeer",
    "sslcertmode",
    "sslcompression",
    "sslcrldir",
    "sslsni",
    "tcp_user_timeout",
}
_TOPIC = r"^[a-zA-Z0-9_-]+(/[a-zA-Z0-9_-]+)*$"
Topic = Annotated[str, AfterValidator(_check_topic), Field(json_schema_extra={"pattern": _TOPIC})]
PemFile = Annotated[Path | None, AfterValidator(resolve_path), AfterValidator(resolve_file)]
Port = Annotated[int, Field(ge=1, le=65535), BeforeValidator(reject_bool)]
PostgresAddress = Annotated[
    SecretStr | None,
    AfterValidator(_check_dsn),
    Field(description="Address of the database: postgresql://user:password@host/database"),
]


class MqttSection(Section):
    """The MQTT forwarder, also for Home Assistant."""

    host: Annotated[Host, Field(description="Host of the broker")] = "localhost"
    port: Port = 1883
    username: str | None = None
    password: Annotated[SecretStr | None, Field(description="Safer in WEATHERD_MQTT__PASSWORD or a secret file")] = None
    client_id: Annotated[
        str | None, Field(min_length=1, description="Client id, unique at the broker; null: the broker chooses one")
    ] = None
    tls: Annotated[
        bool, Field(description="Use TLS, with a certificate that this machine trusts; usually port 8883")
    ] = False
    ca_file: Annotated[
        Path | None,
        AfterValidator(resolve_path),
        AfterValidator(resolve_ca_file),
        Field(description="CA certificates (PEM) that are trusted for this broker, too; relative to this file"),
    ] = None
    cert_file: Annotated[PemFile, Field(description="Client certificate (PEM); relative to this file")] = None
    key_file: Annotated[PemFile, Field(description="Key of the client certificate (PEM); null: in cert_file")] = None
    topic_prefix: Annotated[Topic, Field(description="First part of every topic: weatherd/kiel/state")] = "weatherd"
    discovery: Annotated[bool, Field(description="Announce each city to Home Assistant (MQTT discovery)")] = True
    discovery_prefix: Annotated[Topic, Field(description="Discovery prefix that is set in Home Assistant")] = (
        "homeassistant"
    )

    @model_validator(mode="after")
    def _check_tls(self) -> MqttSection:
        files = {"ca_file": self.ca_file, "cert_file": self.cert_file, "key_file": self.key_file}
        named = [name for name, file in files.items() if file]
        if named and not self.tls:
            raise ValueError(f"should have 'tls: true', as {named[0]!r} is set")
        if self.key_file and not self.cert_file:
            raise ValueError("should have a 'cert_file', as 'key_file' is set")
        if self.cert_file and self.cert_file.is_absolute():
            check_certificate(self.cert_file, self.key_file)
        return self


class InfluxDbSection(Section):
    """The forwarder to InfluxDB 1 or 2, or a server with its line protocol."""

    url: ServerUrl = "http://localhost:8086"
    database: Annotated[str | None, Field(min_length=1, description="Database of InfluxDB 1")] = None
    org: Annotated[str | None, Field(min_length=1, description="Organization of InfluxDB 2")] = None
    bucket: Annotated[
        str | None, Field(min_length=1, description="Bucket of InfluxDB 2; selects the API of version 2")
    ] = None
    token: Annotated[ApiKey, Field(description="API token; for InfluxDB 1 user:password")] = None
    measurement: Annotated[
        str,
        AfterValidator(_check_measurement),
        Field(description="Measurement (table) of the points; another one than that of other software"),
    ] = "weather"

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

    dsn: PostgresAddress = None
