"""The pydantic models that plug-ins bring for their own settings: in weatherd.yaml, and in a city's row.

A plug-in names them as attributes of its module, or of the function that its entry point names::

    class Account(BaseModel):
        token: SecretStr

    class Station(BaseModel, frozen=True):
        station: int

    settings_model = Account    # weatherd.yaml: plugins: {my-provider: {token: …}}
    city_model = Station        # a city's row: {name: Kiel, …, plugins: {my-provider: {station: 12}}}

    @asynccontextmanager
    async def open_provider(settings, resources):
        token = settings.plugins["my-provider"].token
        ...                     # and in fetch(city): city.plugin("my-provider").station, if the row has it

There is no registration but the entry point. Unknown keys are rejected, whatever the model's configuration. Without a
section in weatherd.yaml the plug-in gets its model's defaults; if the model requires a key, a sink or a forwarder stays
off, and a provider is unusable. A ``city_model`` must be frozen and hashable, because a reload compares cities.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from weatherd.config.messages import explain_error
from weatherd.config.setting_fields import PLUGINS, section_model
from weatherd.errors import ConfigError, Problem, describe
from weatherd.plugins import contain, find_plugins

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from importlib.metadata import EntryPoint

    from weatherd.config.settings import Settings

    FindModels = Callable[[], Mapping[str, "PluginModels"]]

_GROUPS = ("providers", "sinks", "forwarders")


class MissingSettingsError(ConfigError):
    """A plug-in requires settings, and no section was configured for it."""


class PluginModels(NamedTuple):
    """What a plug-in accepts; None means that it takes no such settings."""

    settings: type[BaseModel] | None = None
    city: type[BaseModel] | None = None
    import_error: str = ""  # why the plug-in cannot be imported, so that it is not known what it accepts


def find_plugin_models() -> Mapping[str, PluginModels]:
    """Return the models of every installed plug-in by its name; it imports them.

    The plug-ins that are part of weatherd are left out, because they have sections of their own.
    """
    points = [point for group in _GROUPS for point in find_plugins(group).values()]
    return {point.name: _models_of(point) for point in points if not point.value.startswith("weatherd.")}


def find_model(opener: Any, attribute: str) -> type[BaseModel] | None:
    """Return the model that a plug-in's opening function has as an attribute, or the module that defines it."""
    module = sys.modules.get(getattr(opener, "__module__", ""))
    model = getattr(opener, attribute, None) or getattr(module, attribute, None)
    return model if isinstance(model, type) and issubclass(model, BaseModel) else None


def with_plugin_defaults(settings: Settings, name: str, opener: Any) -> Settings:
    """Return *settings* with a section for a plug-in: of its model's defaults, if no section was configured.

    So ``settings.plugins[name]`` exists for every plug-in with a ``settings_model``. Raises MissingSettingsError if the
    model requires a key.
    """
    model = find_model(opener, "settings_model")
    if model is None or name in settings.plugins:
        return settings
    try:
        section = model.model_validate({}, extra="forbid")
    except ValidationError as error:
        details = error.errors(include_url=False)
        problems = [Problem(f"{PLUGINS}.{name}", explain_error(detail, model.model_fields)) for detail in details]
        raise MissingSettingsError(*problems) from None
    return settings.model_copy(update={PLUGINS: {**settings.plugins, name: section}})


def _models_of(point: EntryPoint) -> PluginModels:
    try:
        with contain():
            opener = point.load()
    except Exception as error:  # noqa: BLE001 - other people's code
        return PluginModels(import_error=describe(error))
    return PluginModels(find_model(opener, "settings_model"), find_model(opener, "city_model"))


def combine_models(models: Mapping[str, type[BaseModel]], title: str) -> type[BaseModel]:
    """Return one model with a section for each plug-in, for validation and for the JSON Schema."""
    fields: dict[str, Any] = {
        f"plugin_{number}": (model | None, Field(default=None, alias=name))
        for number, (name, model) in enumerate(models.items())
    }
    return create_model(title, __config__=ConfigDict(extra="forbid"), **fields)


def explain_import_error(path: tuple[str | int, ...], installed: Mapping[str, PluginModels]) -> str:
    """Return why the plug-in cannot be imported whose section is at *path*, as (``"plugins"``, ``"my-provider"``).

    Returns "" for any other path. Without this its section would be reported as an unknown key, and a user would look
    for a misspelt name instead of, for example, a missing library.
    """
    match path:
        case (section, str(name)) if section == PLUGINS and name in installed and installed[name].import_error:
            return f"'{PLUGINS}.{name}': the plug-in cannot be imported: {installed[name].import_error}"
    return ""


def plugin_keys(path: tuple[str | int, ...], models: Mapping[str, type[BaseModel]]) -> list[str]:
    """Return the known keys beside the last one in *path*, as (``"plugins"``, ``"my-provider"``, ``"staton"``)."""
    _, *steps = path[:-1]
    if not steps:
        return list(models)
    model: type[BaseModel] | None = models.get(str(steps[0]))
    for step in steps[1:]:
        field = model.model_fields.get(str(step)) if model else None
        model = section_model(field.annotation) if field else None
    return list(model.model_fields) if model else []
