"""Every setting with its key path and its environment variables."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, get_args, get_origin

from pydantic import BaseModel, SecretStr

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

PREFIX = "WEATHERD_"
CONFIG_VARIABLE = "WEATHERD_CONFIG"
PLUGINS = "plugins"  # the section with one subsection per plug-in
_ALIASES = {("openweathermap", "api_key"): "OPEN_WEATHER_API_KEY"}  # the variable that other programs use for this key

KeyPath = tuple[str, ...]


class SettingField(NamedTuple):
    """A setting, or a section of settings."""

    keys: KeyPath
    variables: tuple[str, ...]  # in order of precedence
    is_secret: bool
    is_section: bool  # a mapping; as a variable, a JSON object


def walk_settings(
    model: type[BaseModel], parent: KeyPath = (), outer: tuple[type[BaseModel], ...] = ()
) -> Iterator[SettingField]:
    """Yield every setting of *model* and of its sections; a section comes before its keys.

    *outer* are the models that contain the section *parent*: a plug-in's model may contain itself, without end.
    """
    for name, field in model.model_fields.items():
        keys, section = (*parent, name), section_model(field.annotation)
        is_secret = SecretStr in (field.annotation, *get_args(field.annotation))
        is_section = section is not None or get_origin(field.annotation) is dict
        yield SettingField(keys, _variables(keys), is_secret, is_section)
        if section and section not in (*outer, model):
            yield from walk_settings(section, keys, (*outer, model))


def walk_plugin(name: str, model: type[BaseModel]) -> Iterator[SettingField]:
    """Yield the section of a plug-in and every setting in it."""
    keys = (PLUGINS, name)
    yield SettingField(keys, _variables(keys), is_secret=False, is_section=True)
    yield from walk_settings(model, keys)


def section_model(annotation: object) -> type[BaseModel] | None:
    """Return the model of a section, which may be optional (``Section | None``); None for a single value."""
    candidates = (annotation, *get_args(annotation))
    return next((kind for kind in candidates if isinstance(kind, type) and issubclass(kind, BaseModel)), None)


def list_keys(model: type[BaseModel] | None, section: Iterable[str | int]) -> list[str]:
    """Return the keys of the section at the path *section* below *model*; an empty list if there is no such section."""
    for step in section:
        field = model.model_fields.get(str(step)) if model else None
        model = section_model(field.annotation) if field else None
    return list(model.model_fields) if model else []


def _variables(keys: KeyPath) -> tuple[str, ...]:
    """Return the variables of a setting, such as ``WEATHERD_PLUGINS__MY_PROVIDER__STATION``."""
    name = PREFIX + "__".join(keys).upper().replace("-", "_")
    return (name, _ALIASES[keys]) if keys in _ALIASES else (name,)
