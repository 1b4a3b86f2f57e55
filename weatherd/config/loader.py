"""Both files, the environment and the secrets, read whole into one value; or a ConfigError, and nothing changed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from weatherd.city import City, knowing
from weatherd.config import environment, secrets
from weatherd.config.city_list import load_cities
from weatherd.config.environment import Layer
from weatherd.config.messages import explain_error
from weatherd.config.sections import section_in
from weatherd.config.settings import Settings, layered
from weatherd.config.yaml import reader
from weatherd.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from pydantic import BaseModel
    from pydantic_core import ErrorDetails

SETTINGS_FILE_NAME = "weatherd.yaml"
_FOLDER = Path(__file__).resolve().parent
_IN_CHECKOUT = _FOLDER.parents[1] / "config" / SETTINGS_FILE_NAME
SHIPPED_SETTINGS = (
    _IN_CHECKOUT if _IN_CHECKOUT.is_file() else _FOLDER / SETTINGS_FILE_NAME
)  # an installed package holds a copy of both files
_SECRETS = list(secrets.secret_fields(Settings))


@dataclass(frozen=True, slots=True)
class Configuration:
    """All that the daemon works by."""

    file: Path
    settings: Settings
    cities: tuple[City, ...]
    quarantined: tuple[tuple[Problem, ...], ...]

    @property
    def list_path(self) -> Path:
        """The list of cities: a file, or a folder of them."""
        return _list_path(self.file, self.settings)


def find_settings_file(flag: Path | None, environ: Mapping[str, str]) -> Path:
    """Return the settings file: the one named, else that of the first place with one, else the shipped one."""
    for named in (flag, environ.get(environment.CONFIG_VARIABLE)):
        if named:
            return _expanded(Path(named))
    home = Path(environ.get("XDG_CONFIG_HOME") or _expanded(Path("~/.config")))
    files = (folder / SETTINGS_FILE_NAME for folder in (Path("config"), home / "weatherd", Path("/etc/weatherd")))
    # pathlib's is_file() raises an error for a folder that must not be looked into
    return next((file for file in files if os.path.isfile(file)), SHIPPED_SETTINGS)  # noqa: PTH113 - see above


def load_configuration(
    file: Path, environ: Mapping[str, str], providers: Collection[str], *, reuse: Iterable[City] = (), **flags: Any
) -> Configuration:
    """Read the settings in *file* and the list of cities they name; unchanged cities are the objects in *reuse*.

    Raises ConfigError with every problem, each with its position.
    """
    settings = load_settings(file, environ, providers, **flags)
    return _with_cities(file, settings, _list_path(file, settings), providers, reuse)


def with_city_list(configuration: Configuration, path: Path, providers: Collection[str]) -> Configuration:
    """Return *configuration* with the cities of another list. Raises ConfigError when that cannot be read."""
    return _with_cities(configuration.file, configuration.settings, path, providers)


def load_settings(
    file: Path, environ: Mapping[str, str], providers: Collection[str] | None = None, **flags: Any
) -> Settings:
    """Read the settings alone: flag > environment > secret file > file > default."""
    return parse_settings(reader.read_text(file), str(file), environ, providers, **flags)


def parse_settings(
    text: str, name: str, environ: Mapping[str, str], providers: Collection[str] | None = None, **flags: Any
) -> Settings:
    """Return the settings in *text*, the text of the file *name*; None for *providers* lets any name pass for one."""
    document = reader.parse_yaml(text, name)
    if not isinstance(document, reader.YamlMapping | None):
        here = reader.format_position(name, reader.find_position(document, ()))
        raise ConfigError(Problem(here, "should hold settings: one 'key: value' a line"))
    layers = environment.read_environment(Settings, environ), _secrets(environ)
    problems = [problem for layer in layers for problem in layer.problems]
    try:
        with knowing(providers):
            settings = layered([*(layer.values for layer in layers), dict(document or {})], **flags)
    except ValidationError as error:
        found = [_problem(detail, name, document, layers) for detail in error.errors(include_url=False)]
        problems += [problem for _, problem in sorted(found, key=lambda placed: placed[0])]
    else:
        if not problems:
            return settings
    raise ConfigError(*problems)


def _with_cities(
    file: Path, settings: Settings, path: Path, providers: Collection[str], reuse: Iterable[City] = ()
) -> Configuration:
    general = {"interval": settings.interval, "providers": settings.providers}
    rows = load_cities(path, providers, general, reuse)
    return Configuration(file, settings, rows.cities, rows.quarantined)


def _secrets(environ: Mapping[str, str]) -> Layer:
    layer = Layer()
    for keys in _SECRETS:
        try:
            if found := secrets.find_secret(keys, environ):
                layer.put(keys, *found)
        except ConfigError as error:
            layer.problems.extend(error.problems)
    return layer


def _problem(
    detail: ErrorDetails, name: str, document: Any, layers: tuple[Layer, ...]
) -> tuple[reader.Position, Problem]:
    """Say what is wrong and where; the place is for sorting, and variables come before the file."""
    path = detail["loc"]
    message = explain_error(detail, _keys(path[:-1]))
    for layer in layers:
        if origin := layer.origin(path):
            return (0, 0), Problem(origin, message)
    place = reader.find_position(document, path, key=detail["type"] == "extra_forbidden")
    return place, Problem(reader.format_position(name, place), message)


def _keys(path: tuple[str | int, ...]) -> list[str]:
    model: type[BaseModel] | None = Settings
    for step in path:
        model = section_in(model.model_fields[step].annotation) if model and step in model.model_fields else None
    return list(model.model_fields) if model else []


def _list_path(file: Path, settings: Settings) -> Path:
    return file.parent / _expanded(settings.cities)


def _expanded(path: Path) -> Path:
    """Put the home folder in the place of ``~``, if anybody knows where that is."""
    try:
        return path.expanduser()
    except RuntimeError:
        return path
