"""Every setting by the keys that lead to it, and the environment variables that hold it."""

from __future__ import annotations

from typing import TYPE_CHECKING, get_args, get_origin

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

PREFIX = "WEATHERD_"
CONFIG_VARIABLE = "WEATHERD_CONFIG"
ALIASES = {("openweathermap", "api_key"): "OPEN_WEATHER_API_KEY"}  # the name that other programs use for this key
PLUGINS = "plugins"  # the section with one section for each plug-in

KeyPath = tuple[str, ...]


def section_model(annotation: object) -> type[BaseModel] | None:
    """Return the model of a section, also of an optional one (``Section | None``); None for a single value."""
    candidates = (annotation, *get_args(annotation))
    return next((kind for kind in candidates if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def walk_settings(
    model: type[BaseModel], plugins: Mapping[str, type[BaseModel]], above: KeyPath = ()
) -> Iterator[tuple[KeyPath, FieldInfo]]:
    """Yield every setting in *model*, its sections and the models of *plugins*; a section comes before its keys."""
    for name, field in model.model_fields.items():
        keys = (*above, name)
        yield keys, field
        if section := section_model(field.annotation):
            yield from walk_settings(section, {}, keys)
    for name, plugin in plugins.items():
        yield (PLUGINS, name), FieldInfo.from_annotation(plugin)
        yield from walk_settings(plugin, {}, (PLUGINS, name))


def is_secret(field: FieldInfo) -> bool:
    """Return whether a setting holds a secret."""
    return SecretStr in (field.annotation, *get_args(field.annotation))


def is_section(field: FieldInfo) -> bool:
    """Return whether a setting is a mapping, which a variable holds as a JSON object."""
    return section_model(field.annotation) is not None or get_origin(field.annotation) is dict


def variable_name(keys: KeyPath) -> str:
    """Return the variable of a setting: ``WEATHERD_LOG__LEVEL``, ``WEATHERD_PLUGINS__MY_PROVIDER__STATION``."""
    return PREFIX + "__".join(keys).upper().replace("-", "_")


def variable_names(keys: KeyPath) -> list[str]:
    """Return the variables that may hold a setting, in order of precedence."""
    return [variable_name(keys), *([ALIASES[keys]] if keys in ALIASES else [])]
