"""Where keys may be kept: in a variable, in a file that a variable names, or in a folder of secret files.

systemd sets ``$CREDENTIALS_DIRECTORY`` (https://systemd.io/CREDENTIALS/); Docker mounts ``/run/secrets``.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from pydantic import SecretStr

from weatherd.config.sections import section_in
from weatherd.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import BaseModel

PREFIX = "WEATHERD_"
DOCKER_SECRETS = Path("/run/secrets")
ALIASES = {("openweathermap", "api_key"): "OPEN_WEATHER_API_KEY"}  # the name that other programs use

KeyPath = tuple[str, ...]


def secret_fields(model: type[BaseModel], above: KeyPath = ()) -> Iterator[KeyPath]:
    """Name every SecretStr in a model and in its blocks, by the keys that lead to it."""
    for name, field in model.model_fields.items():
        if block := section_in(field.annotation):
            yield from secret_fields(block, (*above, name))
        elif SecretStr in (field.annotation, *get_args(field.annotation)):
            yield (*above, name)


def variable_name(keys: KeyPath) -> str:
    """Return the environment variable of a setting."""
    return PREFIX + "__".join(keys).upper()


def variable_names(keys: KeyPath) -> list[str]:
    """Return the variables that may hold a secret, the stronger first."""
    return [variable_name(keys), *([ALIASES[keys]] if keys in ALIASES else [])]


def find_secret(keys: KeyPath, environ: Mapping[str, str], docker: Path = DOCKER_SECRETS) -> tuple[str, str] | None:
    """Return a secret and where it was found, or None; ConfigError for a file that cannot be read."""
    for name in variable_names(keys):
        if text := environ.get(name, "").strip():
            return text, name
    for name in variable_names(keys):
        if file := environ.get(f"{name}_FILE"):
            return _read(Path(file), f"{name}_FILE"), f"{name}_FILE"
    names = {_plain(name) for name in (*variable_names(keys), "_".join(keys))}
    for folder in (environ.get("CREDENTIALS_DIRECTORY"), docker):
        for path in _files(Path(folder)) if folder else ():
            if _plain(path.name) in names:
                return _read(path, str(path)), str(path)
    return None


def _plain(name: str) -> str:
    """Return a file's name as words: ``openweathermap.api-key`` is ``openweathermap_api_key``."""
    return re.sub("[._-]+", "_", name.lower())


def _files(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except (OSError, ValueError):
        return []


def _read(file: Path, where: str) -> str:
    try:
        text = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(Problem(where, f"the secret file {file} cannot be read: {error.strerror}")) from None
    except ValueError:
        raise ConfigError(Problem(where, f"the secret file {file} cannot be read: it is not UTF-8 text")) from None
    if not text:
        raise ConfigError(Problem(where, f"the secret file {file} is empty"))
    return text
