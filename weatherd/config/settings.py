"""The settings: their types, defaults and order of precedence."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

from pydantic import AfterValidator, BaseModel, BeforeValidator, Field, SecretStr, ValidationInfo, WithJsonSchema
from pydantic_settings import BaseSettings, InitSettingsSource, NoDecode, PydanticBaseSettingsSource, SettingsConfigDict

from weatherd.config.configuration import DEFAULT_SHUTDOWN_GRACE
from weatherd.config.http_section import HttpSection
from weatherd.config.paths import resolve_ca_file, resolve_path
from weatherd.config.plain_settings import DerivedSettings, PlainSecret, PlainSection, PlainSettings
from weatherd.config.sections import (
    BrightSkySection,
    Count,
    MetarSection,
    MetNorwaySection,
    NwsSection,
    OpenMeteoSection,
    OpenWeatherMapSection,
    PirateWeatherSection,
    Section,
    split_list,
)
from weatherd.config.sections.cluster import ClusterSection
from weatherd.config.sections.forwarders import InfluxDbSection, MqttSection, PostgresSection, WebhookSection
from weatherd.config.sections.quality import QualitySection
from weatherd.config.sections.value_types import ComparedNames, Duration, Interval, ProviderNames, Retention, ZoneName
from weatherd.formatting import explain_wrong_unit, validate_template
from weatherd.text.condition_words import Language
from weatherd.text.display import Display
from weatherd.text.units import ReaderUnits
from weatherd.text.warning_services import WARNINGS_SCHEMA, WarningsSetting, parse_warnings

if TYPE_CHECKING:
    from collections.abc import Mapping


def _validate_plugins(sections: dict[str, Any], info: ValidationInfo) -> dict[str, Any]:
    """Return each plug-in's section as an instance of the plug-in's model. Errors keep their key paths."""
    if not sections or not info.context or all(isinstance(section, BaseModel) for section in sections.values()):
        return sections
    validated = info.context["plugins"].model_validate(sections, extra="forbid")
    names = {field.alias: name for name, field in type(validated).model_fields.items()}
    return {name: getattr(validated, names[name]) for name in sections}


def split_paths(value: object) -> object:
    """Parse one path or several, which are separated by commas, or a JSON list. Raises ValueError for other values."""
    if isinstance(value, str) and ("," in value or value.startswith("[")):
        value = split_list(value)
    if isinstance(value, list | tuple):
        if not value:
            raise ValueError("should be a list that is not empty")
        return value
    if isinstance(value, str | Path):
        return (resolve_path(Path(value)),)
    raise ValueError("should be the path of a file or folder, or a list of them")


_PATHS_SCHEMA = {
    "anyOf": [
        {"type": "string", "format": "path"},
        {"type": "array", "items": {"type": "string", "format": "path"}, "minItems": 1},
    ]
}


class ConsoleSection(Section):
    """Lines on standard output."""

    enabled: Annotated[bool, Field(description="Print a line for each observation")] = True
    format: Annotated[
        str,
        AfterValidator(validate_template),
        Field(description="Format of the line: {name}, {unit} and the fields of an observation"),
    ] = "{name}: {temperature:.0f} {unit} :: {description}"


def _check_units(console: ConsoleSection, info: ValidationInfo) -> ConsoleSection:
    units = info.data.get("units")
    if units and (reason := explain_wrong_unit(console.format, Display(units))):
        raise ValueError(f"has a format with {reason}")
    return console


def _check_contact(warnings: WarningsSetting, info: ValidationInfo) -> WarningsSetting:
    section = info.data.get("met_norway")
    if "met-norway" in warnings and section and section.contact is None:
        raise ValueError("names met-norway, which needs your e-mail or web address as met_norway.contact")
    pirate_weather = info.data.get("pirate_weather")
    if "pirate-weather" in warnings and pirate_weather and pirate_weather.api_key is None:
        raise ValueError("names pirate-weather, which needs your key as pirate_weather.api_key")
    return warnings


class LogSection(Section):
    """Log on standard error."""

    level: Annotated[
        Literal["debug", "info", "warning", "error"],
        Field(description="Minimum level of the events that are logged"),
    ] = "info"
    format: Annotated[
        Literal["auto", "json", "pretty"], Field(description="auto: pretty on a terminal, else JSON lines")
    ] = "auto"
    observations: Annotated[bool, Field(description="Log every observation")] = True


class TlsSection(Section):
    """TLS connections to weather services and other HTTP servers."""

    ca_file: Annotated[
        Path | None,
        AfterValidator(resolve_path),
        AfterValidator(resolve_ca_file),
        Field(description="CA certificates in PEM format that are trusted beside the system's; relative to this file"),
    ] = None


class Settings(DerivedSettings, BaseSettings):
    """All settings, frozen. :func:`weatherd.config.loader.load_settings` creates them."""

    model_config = SettingsConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    interval: Annotated[Interval, Field(description="Time between two polls of a city")] = 600.0
    providers: Annotated[
        ProviderNames,
        BeforeValidator(split_list),
        NoDecode,  # because pydantic-settings would only accept JSON in a variable
        Field(description="In order of preference; weatherd fails over to the next when one is unavailable"),
    ] = ("open-meteo",)
    cities: Annotated[
        tuple[Annotated[Path, AfterValidator(resolve_path)], ...],
        BeforeValidator(split_paths),
        NoDecode,
        WithJsonSchema(_PATHS_SCHEMA),
        Field(description="The list of cities: a file, a folder of files, or several of them; relative to this file"),
    ] = (Path("cities.yaml"),)
    alerts: Annotated[
        Path | None,
        AfterValidator(resolve_path),
        Field(description="The file of alert rules; relative to this file"),
    ] = None
    state: Annotated[
        Path | None,
        AfterValidator(resolve_path),
        Field(description="Folder of the journal, which must survive restarts; relative to this file"),
    ] = None
    retention: Annotated[
        Retention,
        Field(
            description="Time that observations stay in the journal, or {raw, hourly}: that of all observations and of"
            " one an hour; null: for ever",
            validate_default=True,
        ),
    ] = "90d"  # type: ignore[assignment]
    backfill: Annotated[
        Duration,
        Field(description="How far back gaps in the journal are filled, also of a city just added; 0s: they are not"),
    ] = 86400.0
    compare: Annotated[
        ComparedNames,
        BeforeValidator(split_list),
        NoDecode,
        Field(description="Providers polled about once an hour for weatherd compare only"),
    ] = ()
    queue_size: Annotated[Count, Field(description="Maximum number of observations that wait to be stored")] = 10_000
    shutdown_grace: Annotated[Duration, Field(description="Maximum time that a stop may take")] = DEFAULT_SHUTDOWN_GRACE
    units: Annotated[ReaderUnits, Field(description="Units of what people read; programs always get metric ones")] = (
        "metric"
    )
    language: Annotated[
        Language, Field(description="Language of the weather for people; en: the descriptions of the services")
    ] = "en"
    timezone: Annotated[
        ZoneName | None, Field(description="IANA name of the time zone of cities without one; null: this machine's")
    ] = None
    console: Annotated[ConsoleSection, AfterValidator(_check_units)] = ConsoleSection()
    log: LogSection = LogSection()
    quality: QualitySection = QualitySection()
    http: HttpSection = HttpSection()
    tls: TlsSection = TlsSection()
    open_meteo: OpenMeteoSection = OpenMeteoSection()
    openweathermap: OpenWeatherMapSection = OpenWeatherMapSection()
    met_norway: MetNorwaySection = MetNorwaySection()
    nws: NwsSection = NwsSection()
    bright_sky: BrightSkySection = BrightSkySection()
    metar: MetarSection = MetarSection()
    pirate_weather: PirateWeatherSection = PirateWeatherSection()
    warnings: Annotated[
        WarningsSetting,
        BeforeValidator(parse_warnings),
        BeforeValidator(split_list),
        AfterValidator(_check_contact),
        NoDecode,
        WithJsonSchema(dict(WARNINGS_SCHEMA)),
        Field(
            description="Official warnings of the cities; auto: of the services that cover them, or a list of services"
        ),
    ] = "off"
    mqtt: MqttSection | None = None
    influxdb: InfluxDbSection | None = None
    webhook: WebhookSection | None = None
    postgres: PostgresSection | None = None
    cluster: ClusterSection | None = None
    plugins: Annotated[
        dict[str, Any],
        AfterValidator(_validate_plugins),
        Field(description="One section for each installed plug-in that takes settings"),
    ] = {}

    def __init__(
        self, *sources: PydanticBaseSettingsSource, context: Mapping[str, Any] | None = None, **values: Any
    ) -> None:
        """Merge *values* and *sources*, in order of precedence, and validate them. Raises pydantic's ValidationError.

        *context* is passed to the validators. The constructor of BaseSettings does not accept a context
        (https://github.com/pydantic/pydantic-settings/issues/407), so this one replaces it in the documented way:
        https://docs.pydantic.dev/latest/concepts/validators/#using-validation-context-with-basemodel-initialization
        """
        merged: dict[str, Any] = {}
        for source in (InitSettingsSource(type(self), values), *sources):
            merged = _merge(merged, source())
        self.__pydantic_validator__.validate_python(merged, self_instance=self, context=context)


def _merge(stronger: Mapping[str, Any], weaker: Mapping[str, Any]) -> dict[str, Any]:
    """Return both merged; *stronger* wins where both have a key, and mappings are merged recursively."""
    merged = dict(weaker)
    for key, value in stronger.items():
        current = merged.get(key)
        merged[key] = _merge(value, current) if isinstance(value, dict) and isinstance(current, dict) else value
    return merged


def make_plain(settings: Settings) -> Settings:
    """Return settings as the daemon holds them. The sections of plug-ins stay their models."""
    return cast("Settings", PlainSettings(**{name: _make_plain_value(value) for name, value in settings}))


def _make_plain_value(value: Any) -> Any:
    match value:
        case BaseModel():
            return PlainSection(**{name: _make_plain_value(inner) for name, inner in value})
        case SecretStr():
            return PlainSecret(value.get_secret_value())
    return value
