"""Sections of the settings: one per weather service, and the types of values that all sections share."""

from __future__ import annotations

import json
import re
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from weatherd.text.addresses import parse_ip_address


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


def split_list(value: object) -> object:
    """Parse a list from an environment variable: comma-separated words, or JSON."""
    if not isinstance(value, str):
        return value
    if value.startswith("["):
        try:
            return json.loads(value)
        except (ValueError, RecursionError):
            raise ValueError("should be comma-separated words, or a JSON list") from None
    return [word.strip() for word in value.split(",") if word.strip()]


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


def _check_host(text: str) -> str:
    if not (parse_ip_address(text) or re.fullmatch(r"[^\s/:@?#\[\]]+", text)):
        raise ValueError("should be a host name or an IP address, such as broker.local")
    return text


_LANGUAGE = r"^[a-z]{2}(_[a-z]{2})?$"
Count = Annotated[int, Field(ge=1, le=1_000_000), BeforeValidator(reject_bool)]
ApiKey = Annotated[SecretStr | None, AfterValidator(_check_key)]
ServerUrl = Annotated[str, AfterValidator(_check_url)]
Host = Annotated[str, AfterValidator(_check_host)]
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


class MetarSection(Section):
    """Settings of https://aviationweather.gov, the reports of airports."""

    plan: Annotated[Literal["free", "unlimited"], Field(description=_PLAN)] = "free"
    base_url: BaseUrl = None
    concurrency: Concurrency = 2


class PirateWeatherSection(Section):
    """Settings of https://pirateweather.net, whose official warnings are used."""

    plan: Annotated[Literal["free", "unlimited"], Field(description=_PLAN)] = "free"
    api_key: Annotated[ApiKey, Field(description="The API key, required for the warnings of this service")] = None
    base_url: BaseUrl = None


class BrightSkySection(Section):
    """Settings of https://brightsky.dev."""

    plan: Annotated[Literal["free", "unlimited"], Field(description=_PLAN)] = "free"
    base_url: BaseUrl = None
    concurrency: Concurrency = 4
