"""Loading of the configuration: the settings and the list of cities, or a ConfigError with every problem."""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ValidationError, create_model
from pydantic_settings import InitSettingsSource

from weatherd.config.city_list import load_cities
from weatherd.config.configuration import (
    GENERAL_KEYS,
    SETTINGS_FILE_NAME,
    SHIPPED_SETTINGS,
    Configuration,
    find_list_paths,
)
from weatherd.config.environment import TextSource, read_environment
from weatherd.config.lists.known_rows import NO_ROWS, KnownRows
from weatherd.config.messages import explain_error
from weatherd.config.paths import MACHINE_CONFIG_FOLDER, SERVICE_USER, expand_home
from weatherd.config.plugin_models import (
    combine_models,
    explain_broken_plugin,
    find_plugin_models,
    plugin_keys,
    suggest_section,
)
from weatherd.config.secrets import is_plugin_secret, list_secret_files, read_secrets
from weatherd.config.setting_fields import CONFIG_VARIABLE, PLUGINS, list_keys, walk_plugin, walk_settings
from weatherd.config.settings import Settings
from weatherd.config.yaml import reader
from weatherd.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from pydantic_core import ErrorDetails

    from weatherd.config.plugin_models import FindModels, PluginModels

__all__ = [
    "SETTINGS_FILE_NAME",
    "SHIPPED_SETTINGS",
    "Configuration",
    "find_list_paths",
    "find_settings_file",
    "load_configuration",
    "load_settings",
    "parse_settings",
    "with_city_list",
]

_FIELDS = tuple(walk_settings(Settings))
_PLUGINS_VARIABLE = next(field.variables[0] for field in _FIELDS if field.keys == (PLUGINS,))


def find_settings_file(
    flag: Path | None, environ: Mapping[str, str], machine_folder: Path = MACHINE_CONFIG_FOLDER
) -> Path:
    """Return the settings file: *flag*, else $WEATHERD_CONFIG, else the first one found, else the shipped one.

    The folders are searched in this order: ./config, $XDG_CONFIG_HOME/weatherd, *machine_folder*. Raises ConfigError if
    the file in the last one is reached and cannot be read, because the shipped cities would be a surprise then.
    """
    for named in (flag, environ.get(CONFIG_VARIABLE)):
        if named:
            return expand_home(named)
    home = Path(environ.get("XDG_CONFIG_HOME") or expand_home("~/.config"))
    for folder in (Path("config"), home / "weatherd"):
        file = folder / SETTINGS_FILE_NAME
        if os.path.isfile(file):  # noqa: PTH113 - pathlib's is_file() raises an error for a folder that is unreadable
            return file
    file = machine_folder / SETTINGS_FILE_NAME
    try:
        file.open("rb").close()
    except PermissionError as error:
        advice = f"run this with sudo, or add your user to the group {SERVICE_USER} and log in again"
        raise ConfigError(Problem(str(file), f"cannot be read: {error.strerror}; {advice}")) from None
    except OSError:
        return SHIPPED_SETTINGS
    return file


def load_configuration(
    file: Path, environ: Mapping[str, str], providers: Collection[str], *, reuse: KnownRows = NO_ROWS, **flags: Any
) -> Configuration:
    """Load the settings in *file* and the city list that they name. Unchanged rows are taken from *reuse*.

    Raises ConfigError with every problem, each with its position.
    """
    settings = load_settings(file, environ, providers, **flags)
    return with_city_list(file, settings, find_list_paths(file, settings), providers, reuse)


def with_city_list(
    file: Path, settings: Settings, paths: Iterable[Path], providers: Collection[str], reuse: KnownRows = NO_ROWS
) -> Configuration:
    """Return the configuration of the settings in *file* and the city list at *paths*.

    Unchanged rows are taken from *reuse*. Raises ConfigError if the list cannot be read.
    """
    general = {key: getattr(settings, key) for key in GENERAL_KEYS}
    rows = load_cities(paths, providers, general, reuse)
    return Configuration(file, settings, rows.cities, rows.quarantined, rows.locate, rows.rows)


def load_settings(
    file: Path, environ: Mapping[str, str], providers: Collection[str] | None = None, **flags: Any
) -> Settings:
    """Load the settings alone. Precedence: flag, environment variable, secret file, settings file, default."""
    return parse_settings(reader.read_text(file), str(file), environ, providers, **flags)


def parse_settings(
    text: str,
    name: str,
    environ: Mapping[str, str],
    providers: Collection[str] | None = None,
    *,
    find_models: FindModels = find_plugin_models,
    **flags: Any,
) -> Settings:
    """Parse the settings in *text*, the text of the file *name*. If *providers* is None, any provider is accepted.

    *find_models* is called only if there are settings for plug-ins, because it imports the plug-ins.
    """
    document = _parse_document(text, name)
    if not isinstance(document, reader.YamlMapping | None):
        position = reader.format_position(name, reader.find_position(document, ()))
        raise ConfigError(Problem(position, "should be settings, one 'key: value' per line"))
    values = dict(document or {})
    files = list_secret_files(environ)
    has_plugins = (
        values.get(PLUGINS)
        or any(variable.startswith(_PLUGINS_VARIABLE) for variable in environ)
        or any(map(is_plugin_secret, files))
    )
    installed = find_models() if has_plugins else {}
    models = {name: found.settings for name, found in installed.items() if found.settings}
    if has_plugins:
        _parse_document.cache_clear()  # because a plug-in's validator may change what it is given
    fields = [*_FIELDS, *(field for name, model in models.items() for field in walk_plugin(name, model))]
    environ, problems = _reject_variables(environ, installed)
    variables, variable_problems = read_environment(fields, environ)
    in_files = [field for field in fields if field.is_secret and field.keys not in variables]
    secrets, secret_problems = read_secrets(in_files, environ, files)
    problems += variable_problems + secret_problems
    plugins = combine_models(models, "Plugins") if has_plugins else None
    typed = create_model("TypedSettings", __base__=Settings, plugins=(plugins, plugins())) if plugins else Settings
    sources = TextSource(typed, variables), TextSource(typed, secrets)
    context = {"providers": providers, "plugins": plugins, "folder": Path(name).parent}
    try:
        settings = Settings(*sources, InitSettingsSource(Settings, values), context=context, **flags)
    except ValidationError as error:
        found = [_problem(detail, name, document, sources, installed) for detail in error.errors(include_url=False)]
        problems += [problem for _, problem in sorted(found, key=lambda located: located[0])]
    else:
        if not problems:
            return settings
    raise ConfigError(*problems)


@functools.lru_cache(maxsize=1)  # because the text is the same at nearly every reload of the list
def _parse_document(text: str, name: str) -> Any:
    return reader.parse_yaml(text, name)


def _problem(
    detail: ErrorDetails,
    name: str,
    document: Any,
    sources: tuple[TextSource, ...],
    installed: Mapping[str, PluginModels],
) -> tuple[reader.Position, Problem]:
    """Return a problem and its sort key: problems with variables come before those with the file."""
    path = detail["loc"]
    message = explain_broken_plugin(path, installed) or explain_error(detail, _known_keys(path, installed))
    if detail["type"] == "extra_forbidden" and len(path) == 1:
        message = suggest_section(str(path[0])) or message
    for source in sources:
        if origin := source.find_origin(path):
            return (0, 0), Problem(origin, message)
    position = reader.find_position(document, path, key=detail["type"] == "extra_forbidden")
    return position, Problem(reader.format_position(name, position), message)


def _reject_variables(
    environ: Mapping[str, str], installed: Mapping[str, PluginModels]
) -> tuple[Mapping[str, str], list[Problem]]:
    """Return *environ* without the variables of broken plug-ins, and a problem for each of those."""
    rejected = {
        variable: explain_broken_plugin(section.keys, installed)
        for name, models in installed.items()
        if models.error
        for section in walk_plugin(name, BaseModel)
        for variable in environ
        if f"{variable}__".startswith(f"{section.variables[0]}__")
    }
    accepted = {variable: text for variable, text in environ.items() if variable not in rejected}
    return accepted, [Problem(variable, message) for variable, message in sorted(rejected.items())]


def _known_keys(path: tuple[str | int, ...], installed: Mapping[str, PluginModels]) -> list[str]:
    """Return the keys that are accepted instead of the last one in *path*."""
    if path[:1] == (PLUGINS,) and len(path) > 1:
        return plugin_keys(path, {name: models.settings for name, models in installed.items() if models.settings})
    return list_keys(Settings, path[:-1])
