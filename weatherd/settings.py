"""The settings: what they are, their defaults, and how file, environment and secret files become one value."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from weatherd.cities import Word
from weatherd.duration import Duration, Interval
from weatherd.formats import checked


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


def _listed(value: object) -> object:
    """Let an environment variable hold a list as words with commas between them."""
    return [word.strip() for word in value.split(",") if word.strip()] if isinstance(value, str) else value


Url = Annotated[str, AfterValidator(_url)]
Providers = Annotated[tuple[Word, ...], Field(min_length=1), BeforeValidator(_listed), NoDecode]
Plan = Literal["free", "unlimited"]


class Block(BaseModel):
    """One block of the file."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Console(Block):
    """What is printed to standard output."""

    enabled: Annotated[bool, Field(description="Print a line for each observation")] = True
    format: Annotated[
        str, AfterValidator(checked), Field(description="The line; the fields of an observation and {name}")
    ] = "{name}: {temperature:.0f} °C :: {description}"


class Log(Block):
    """What is logged to standard error."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Field(description="The least urgent events that are logged"),
    ] = "info"
    format: Annotated[
        Literal["auto", "json", "pretty"], Field(description="auto: pretty on a terminal, else JSON lines")
    ] = "auto"
    observations: Annotated[bool, Field(description="Log every observation")] = True


class OpenMeteo(Block):
    """https://open-meteo.com."""

    plan: Annotated[Plan, Field(description="What the service allows; unlimited for a server of one's own")] = "free"
    api_key: Annotated[SecretStr | None, Field(description="For customers of Open-Meteo")] = None
    base_url: Annotated[Url | None, Field(description="Another server that speaks its protocol")] = None
    geocoding_url: Annotated[Url | None, Field(description="Another server for `cities search`")] = None
    concurrency: Annotated[int, Field(ge=1, description="Requests under way at once, at the most")] = 2


class OpenWeatherMap(Block):
    """https://openweathermap.org."""

    plan: Annotated[Plan, Field(description="What the service allows; unlimited for a server of one's own")] = "free"
    api_key: Annotated[
        SecretStr | None, Field(description="The key of the account; OPEN_WEATHER_API_KEY works too")
    ] = None
    base_url: Annotated[Url | None, Field(description="Another server that speaks its protocol")] = None
    concurrency: Annotated[int, Field(ge=1, description="Requests under way at once, at the most")] = 10
    language: Annotated[
        str, Field(pattern=r"^[a-z]{2}(_[a-z]{2})?$", description="Of the descriptions: en, de, pt_br …")
    ] = "en"


class Settings(BaseSettings):
    """Everything that can be set. Frozen; :func:`weatherd.configuration.load` makes it."""

    model_config = SettingsConfigDict(
        env_prefix="WEATHERD_",
        env_nested_delimiter="__",
        env_ignore_empty=True,
        extra="forbid",
        frozen=True,
        hide_input_in_errors=True,
    )

    interval: Annotated[Interval, Field(description="How often each city is asked for")] = 600.0
    providers: Annotated[
        Providers, Field(description="In order of preference; the next serves while the first cannot")
    ] = ("open-meteo",)
    cities: Annotated[Path, Field(description="The list: a file, or a folder of them; relative to this file")] = Path(
        "cities.yaml"
    )
    queue_size: Annotated[int, Field(ge=1, description="Observations that may wait for the sinks")] = 1000
    shutdown_grace: Annotated[Duration, Field(description="How long a stop may take")] = 8.0
    console: Console = Console()
    log: Log = Log()
    open_meteo: OpenMeteo = OpenMeteo()
    openweathermap: OpenWeatherMap = OpenWeatherMap()


def secrets_of(block: BaseModel) -> list[str]:
    """Return every secret that is set, in the clear, for whoever must keep them out of sight."""
    found = []
    for _, value in block:
        if isinstance(value, SecretStr):
            found.append(value.get_secret_value())
        elif isinstance(value, BaseModel):
            found += secrets_of(value)
    return found
