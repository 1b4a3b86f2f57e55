"""Pydantic models of plug-ins, which validate their sections in weatherd.yaml and their keys in a city's row.

A plug-in defines them as attributes of its module, or of the function in its entry point::

    class Account(BaseModel):
        token: SecretStr

    class Station(BaseModel, frozen=True):
        station: int

    settings_model = Account    # weatherd.yaml: plugins: {my-provider: {token: …}}
    city_model = Station        # a city's row: {name: Kiel, …, plugins: {my-provider: {station: 12}}}

    @asynccontextmanager
    async def open_provider(settings, resources):
        token = settings.plugins["my-provider"].token
        ...                     # in fetch(city): city.plugin("my-provider").station, if the row has the key

Nothing but the entry point needs to be registered. Unknown keys are always rejected, even if the model allows them.
Without a section in weatherd.yaml, the plug-in gets the defaults of its model; if the model requires a key, a sink or
forwarder is disabled and a provider is unusable. A ``city_model`` must be frozen and hashable, because a reload
compares cities, and it must not have secrets, because only those in the settings are redacted.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from weatherd.config.messages import explain_error
from weatherd.config.setting_fields import PLUGINS, list_keys, walk_settings
from weatherd.errors import MissingSettingsError, Problem
from weatherd.plugins import contain, explain_plugin_error, find_attribute, find_installed, quote_value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from importlib.metadata import EntryPoint

    from weatherd.config.settings import Settings

    FindModels = Callable[[], Mapping[str, "PluginModels"]]


class PluginModels(NamedTuple):
    """The models of a plug-in; None means that it accepts no such settings."""

    settings: type[BaseModel] | None = None
    city: type[BaseModel] | None = None
    error: str = ""  # why the models are unknown: the plug-in cannot be imported, or an attribute is not a model


def find_plugin_models() -> Mapping[str, PluginModels]:
    """Import every installed plug-in and return its models, by name.

    A provider, a sink and a forwarder with the same name share a section, and so their models. The built-in plug-ins
    are omitted, because the settings have a section for each.
    """
    found: dict[str, PluginModels] = {}
    for point in find_installed():
        models = _models_of(point)
        found[point.name] = _merge_models(found[point.name], models) if point.name in found else models
    return found


def read_models(opener: Any) -> PluginModels:
    """Return the models of the plug-in that *opener* opens.

    Raises TypeError if an attribute is not a model, or if the city model has a secret, which would not be redacted.
    """
    settings, city = _find_model(opener, "settings_model"), _find_model(opener, "city_model")
    for field in walk_settings(city) if city else ():
        if field.is_secret:
            key = ".".join(field.keys)
            raise TypeError(f"the plug-in's city_model has the secret '{key}', which belongs in a settings_model")
    return PluginModels(settings, city)


def _find_model(opener: Any, attribute: str) -> type[BaseModel] | None:
    model = find_attribute(opener, attribute)
    if model is None or (isinstance(model, type) and issubclass(model, BaseModel)):
        return model
    raise TypeError(f"the plug-in's {attribute} is {quote_value(model)}, not a pydantic model class")


def with_plugin_defaults(settings: Settings, name: str, opener: Any) -> Settings:
    """Return *settings* with the defaults of a plug-in's model as its section, unless a section is configured.

    Then ``settings.plugins[name]`` exists for every plug-in with a ``settings_model``. Raises MissingSettingsError if
    the model requires a key, and TypeError if one of the plug-in's models is not a model.
    """
    model = read_models(opener).settings
    if model is None or name in settings.plugins:
        return settings
    try:
        section = model.model_validate({}, extra="forbid")
    except ValidationError as error:
        details = (detail | {"loc": (PLUGINS, name, *detail["loc"])} for detail in error.errors(include_url=False))
        problems = "; ".join(explain_error(detail, model.model_fields) for detail in details)
        raise MissingSettingsError(Problem("", f"the plug-in {name!r} needs settings: {problems}")) from None
    return settings.model_copy(update={PLUGINS: {**settings.plugins, name: section}})


def _models_of(point: EntryPoint) -> PluginModels:
    try:
        with contain():
            opener = point.load()
    except Exception as error:  # noqa: BLE001 - a plug-in may raise anything
        return PluginModels(error=f"the plug-in cannot be imported: {explain_plugin_error(point, error)}")
    try:
        return read_models(opener)
    except TypeError as error:
        return PluginModels(error=f"{point.module}: {error}")


def _merge_models(first: PluginModels, second: PluginModels) -> PluginModels:
    """Return the models of two plug-ins with the same name: one of them may have none, but they must not differ.

    An error of one of them matters only if the settings model of the other is not known either.
    """
    for attribute, one, other in (
        ("settings_model", first.settings, second.settings),
        ("city_model", first.city, second.city),
    ):
        if one and other and one is not other:
            names = f"{one.__module__}.{one.__qualname__} and {other.__module__}.{other.__qualname__}"
            return PluginModels(error=f"two plug-ins with this name have a different {attribute}: {names}")
    settings, city = first.settings or second.settings, first.city or second.city
    return PluginModels(settings, city, "" if settings else first.error or second.error)


def combine_models(models: Mapping[str, type[BaseModel]], title: str) -> type[BaseModel]:
    """Create a model with one section per plug-in, for validation and for the JSON Schema."""
    fields: dict[str, Any] = {
        f"plugin_{number}": (model | None, Field(default=None, alias=name))
        for number, (name, model) in enumerate(models.items())
    }
    return create_model(title, __config__=ConfigDict(extra="forbid"), **fields)


def explain_broken_plugin(path: tuple[str | int, ...], installed: Mapping[str, PluginModels]) -> str:
    """Return why the models of the plug-in whose section is at *path* are unknown, or "" if they are known.

    *path* is, for example, ("plugins", "my-provider"). Without this, the section would be reported as an unknown key,
    and users would look for a misspelt name instead of, for example, a missing library.
    """
    match path:
        case (section, str(name)) if section == PLUGINS and name in installed and installed[name].error:
            return f"'{PLUGINS}.{name}': {installed[name].error}"
    return ""


def suggest_section(key: str) -> str:
    """Return a hint if *key*, at the top of weatherd.yaml, is the name of an installed plug-in, or else ""."""
    is_plugin = any(point.name == key for point in find_installed())
    return f"unknown key {key!r}; did you mean '{PLUGINS}.{key}'?" if is_plugin else ""


def plugin_keys(path: tuple[str | int, ...], models: Mapping[str, type[BaseModel]]) -> list[str]:
    """Return the keys that are accepted instead of the last one in *path*: ("plugins", "my-provider", "staton")."""
    _, *section = path[:-1]
    return list_keys(models.get(str(section[0])), section[1:]) if section else list(models)
