"""Both files, the environment and the secrets, read whole into one value; or a ConfigError, and nothing changed."""

from __future__ import annotations

import dataclasses
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsError

from weatherd import secrets, yamlfile
from weatherd.cities import City, unknown_provider
from weatherd.cities import load as load_cities
from weatherd.complaints import complain
from weatherd.errors import ConfigError, Problem, did_you_mean
from weatherd.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pydantic_core import ErrorDetails

NAME = "weatherd.yaml"
_PACKAGE = Path(__file__).parent
SHIPPED = next(path for path in (_PACKAGE / "config", _PACKAGE.parent / "config") if path.is_dir()) / NAME
_SECRETS = list(secrets.secret_fields(Settings))
_KUBERNETES = re.compile(r"WEATHERD_(SERVICE_(HOST|PORT.*)|PORT(_\d+_(TCP|UDP).*)?)")  # set for a service of our name


@dataclass(frozen=True, slots=True)
class Configuration:
    """All that the daemon works by. Every city has an interval and providers."""

    file: Path
    settings: Settings
    cities: tuple[City, ...]
    quarantined: tuple[tuple[Problem, ...], ...]

    @property
    def list_path(self) -> Path:
        """The list of cities: a file, or a folder of them."""
        return self.file.parent / self.settings.cities.expanduser()


def find(flag: Path | None, environ: Mapping[str, str]) -> Path:
    """Return the first of DESIGN's places that there is; the file shipped with weatherd when there is none."""
    for named in (flag, environ.get("WEATHERD_CONFIG")):
        if named:
            return Path(named).expanduser()
    home = Path(environ.get("XDG_CONFIG_HOME") or Path("~/.config").expanduser())
    places = (Path("config"), home / "weatherd", Path("/etc/weatherd"))
    return next((place / NAME for place in places if (place / NAME).is_file()), SHIPPED)


def load(file: Path, environ: Mapping[str, str], providers: Collection[str], **flags: Any) -> Configuration:
    """Read everything that *file* leads to. Raises ConfigError with all that is wrong, each with its place."""
    settings = load_settings(file, environ, **flags)
    for index, name in enumerate(settings.providers):
        if name not in providers:
            raise ConfigError(_at(file, environ, ("providers", index), unknown_provider(name, providers)))
    rows = load_cities(file.parent / settings.cities.expanduser(), providers)
    cities = tuple(
        dataclasses.replace(
            city, interval=city.interval or settings.interval, providers=city.providers or settings.providers
        )
        for city in rows.cities
    )
    return Configuration(file, settings, cities, rows.quarantined)


def load_settings(file: Path, environ: Mapping[str, str], **flags: Any) -> Settings:
    """Read the settings alone: flag > environment > secret file > file > default."""
    if unknown := [problem for name in environ if (problem := _unknown_variable(name))]:
        raise ConfigError(*unknown)
    document = yamlfile.parse(yamlfile.read(file), str(file))
    if not isinstance(document, yamlfile.Mapping | None):
        raise ConfigError(Problem(f"{file}:1:1", "should hold settings: one 'key: value' a line"))
    found = secrets.find(_SECRETS, environ)
    try:
        return _layered(dict(document or {}), found)(**flags)
    except ValidationError as error:
        raise ConfigError(*(_problem(detail, file, document, environ) for detail in error.errors())) from None
    except SettingsError as error:
        name = re.search(r'field "(\w+)"', str(error))
        where = secrets.variable((name[1],)) if name else ""
        raise ConfigError(Problem(where, "should be JSON, or set key by key with '__' between them")) from None


def _layered(document: dict[str, Any], found: dict[str, Any]) -> type[Settings]:
    class Layered(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            files = (InitSettingsSource(settings_cls, values) for values in (found, document))
            return init_settings, env_settings, *files

    return Layered


def _problem(detail: ErrorDetails, file: Path, document: Any, environ: Mapping[str, str]) -> Problem:
    path = tuple(detail["loc"])
    for end in range(len(path), 0, -1):
        if (name := secrets.variable(tuple(map(str, path[:end])))) in environ:
            return Problem(name, complain(detail, _keys(path[:-1])))
    unknown = detail["type"] == "extra_forbidden"
    place = yamlfile.locate(document, path, key=unknown)
    return Problem(yamlfile.where(str(file), place), complain(detail, _keys(path[:-1])))


def _at(file: Path, environ: Mapping[str, str], path: tuple[str | int, ...], message: str) -> Problem:
    name = secrets.variable((str(path[0]),))
    document = yamlfile.parse(yamlfile.read(file), str(file))
    return Problem(name if name in environ else yamlfile.where(str(file), yamlfile.locate(document, path)), message)


def _keys(path: tuple[str | int, ...]) -> list[str]:
    model: Any = Settings
    for step in path:
        model = model.model_fields[str(step)].annotation
    return list(model.model_fields)


def _unknown_variable(name: str) -> Problem | None:
    if not name.startswith("WEATHERD_") or name == "WEATHERD_CONFIG" or _KUBERNETES.fullmatch(name):
        return None
    known = [secrets.variable((field,)) for field in Settings.model_fields]
    files = [f"{secrets.variable(path)}_FILE" for path in _SECRETS]
    if name in files or name.split("__", maxsplit=1)[0] in known:
        return None
    return Problem(name, f"is not a setting{did_you_mean(name, [*known, *files, 'WEATHERD_CONFIG'])}")
