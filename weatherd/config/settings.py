"""The settings: what they are, their defaults, and how file, environment and secret files become one value."""

from __future__ import annotations

import json
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, SecretStr
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from weatherd import city
from weatherd.config.sections import (
    BrightSkySection,
    Count,
    HttpSection,
    InfluxDbSection,
    MetNorwaySection,
    MqttSection,
    NwsSection,
    OpenMeteoSection,
    OpenWeatherMapSection,
    PostgresSection,
    Section,
    WebhookSection,
)
from weatherd.duration import Duration, Interval, Retention
from weatherd.formatting import validate_template

if TYPE_CHECKING:
    from collections.abc import Sequence


def _listed(value: object) -> object:
    """Let an environment variable hold a list as words with commas between them."""
    if not isinstance(value, str):
        return value
    if value.startswith("["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            raise ValueError("should be words with commas between them, or a JSON list") from None
    return [word.strip() for word in value.split(",") if word.strip()]


def _path(path: Path | None) -> Path | None:
    if path is None:
        return None
    if path == Path() or "\0" in str(path):
        raise ValueError("should be the name of a file or of a folder")
    return path


Providers = Annotated[city.ProviderNames, BeforeValidator(_listed)]


class ConsoleSection(Section):
    """What is printed to standard output."""

    enabled: Annotated[bool, Field(description="Print a line for each observation")] = True
    format: Annotated[
        str, AfterValidator(validate_template), Field(description="The line; the fields of an observation and {name}")
    ] = "{name}: {temperature:.0f} °C :: {description}"


class LogSection(Section):
    """What is logged to standard error."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Field(description="The least urgent events that are logged"),
    ] = "info"
    format: Annotated[
        Literal["auto", "json", "pretty"], Field(description="auto: pretty on a terminal, else JSON lines")
    ] = "auto"
    observations: Annotated[bool, Field(description="Log every observation")] = True


_LAYERS: ContextVar[Sequence[dict[str, Any]]] = ContextVar("layers", default=())


class Settings(BaseSettings):
    """Everything that can be set. Frozen; :func:`weatherd.configuration.load` makes it.

    pydantic-settings puts the layers over one another. What they hold is read by weatherd itself, because its own
    sources do not tell which variable, or which line of the file, a wrong value came from.
    """

    model_config = SettingsConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    interval: Annotated[Interval, Field(description="How often each city is asked for")] = 600.0
    providers: Annotated[
        Providers, Field(description="In order of preference; the next serves while the first cannot")
    ] = ("open-meteo",)
    cities: Annotated[
        Path,
        AfterValidator(_path),
        Field(description="The list: a file, or a folder of them; relative to this file"),
    ] = Path("cities.yaml")
    state: Annotated[
        Path | None,
        AfterValidator(_path),
        Field(description="The folder that outlives restarts; relative to this file"),
    ] = None
    retention: Annotated[Retention | None, Field(description="How long observations are kept; null: for ever")] = (
        90 * 86400.0
    )
    queue_size: Annotated[Count, Field(description="Observations that may wait to be stored")] = 10_000
    shutdown_grace: Annotated[Duration, Field(description="How long a stop may take")] = 8.0
    console: ConsoleSection = ConsoleSection()
    log: LogSection = LogSection()
    http: HttpSection = HttpSection()
    open_meteo: OpenMeteoSection = OpenMeteoSection()
    openweathermap: OpenWeatherMapSection = OpenWeatherMapSection()
    met_norway: MetNorwaySection = MetNorwaySection()
    nws: NwsSection = NwsSection()
    bright_sky: BrightSkySection = BrightSkySection()
    mqtt: MqttSection | None = None
    influxdb: InfluxDbSection | None = None
    webhook: WebhookSection | None = None
    postgres: PostgresSection | None = None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - it does not say which variable a value came from
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - nor does it
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - nor does it
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take what is given first, then the layers of :func:`layered`."""
        return init_settings, *(InitSettingsSource(settings_cls, layer) for layer in _LAYERS.get())


def layered(layers: Sequence[dict[str, Any]], **given: Any) -> Settings:
    """Return the settings that *given* and the layers make, the strongest first. Raises pydantic's ValidationError."""
    token = _LAYERS.set(layers)  # pydantic-settings asks the class for its sources, not the call
    try:
        return Settings(**given)
    finally:
        _LAYERS.reset(token)


def collect_secrets(block: BaseModel) -> list[str]:
    """Return every secret that is set, in the clear, for whoever must keep them out of sight."""
    found = []
    for _, value in block:
        if isinstance(value, SecretStr):
            found.append(value.get_secret_value())
        elif isinstance(value, BaseModel):
            found += collect_secrets(value)
    return found
