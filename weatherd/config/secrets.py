"""Secrets in files: a file named by a variable (``*_FILE``), or a file in a directory of secrets.

systemd sets ``$CREDENTIALS_DIRECTORY`` (https://systemd.io/CREDENTIALS/); Docker mounts ``/run/secrets``.
pydantic-settings' own sources for secrets directories are not used, because they read every file in the directory
(secrets of other programs may be binary or unreadable), accept only one spelling of a name, and do not report the file
of an invalid value.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from weatherd.config.environment import FoundText
from weatherd.config.paths import read_regular_file
from weatherd.config.setting_fields import PLUGINS, PREFIX
from weatherd.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from weatherd.config.setting_fields import KeyPath, SettingField

DOCKER_SECRETS = Path("/run/secrets")


def list_secret_files(environ: Mapping[str, str], docker: Path = DOCKER_SECRETS) -> list[Path]:
    """Return the files in ``$CREDENTIALS_DIRECTORY`` and, with lower precedence, in *docker*."""
    folders = (environ.get("CREDENTIALS_DIRECTORY"), docker)
    return [file for folder in folders if folder for file in _list_files(Path(folder))]


def is_plugin_secret(file: Path) -> bool:
    """Return whether the name of a file in a directory of secrets is that of a plug-in's setting."""
    return _normalize(file.name).removeprefix(_normalize(PREFIX)).startswith(f"{PLUGINS}_")


def read_secrets(
    secrets: Iterable[SettingField], environ: Mapping[str, str], files: Iterable[Path]
) -> tuple[dict[KeyPath, FoundText], list[Problem]]:
    """Return the secrets in files, and a problem for each file that cannot be read or is empty.

    A file named by a variable takes precedence over the *files*, in which the first file with a name wins.
    """
    found: dict[KeyPath, FoundText] = {}
    problems: list[Problem] = []
    for field in secrets:
        try:
            if secret := _read_named_file(field, environ) or _search(field, files):
                found[field.keys] = secret
        except ConfigError as error:
            problems += error.problems
    return found, problems


def _read_named_file(field: SettingField, environ: Mapping[str, str]) -> FoundText | None:
    for variable in field.variables:
        if file := environ.get(f"{variable}_FILE"):
            return FoundText(_read(Path(file), f"{variable}_FILE"), f"{variable}_FILE")
    return None


def _search(field: SettingField, files: Iterable[Path]) -> FoundText | None:
    """Return the secret in the first file that has the name of a setting.

    Case and the separators ``.``, ``-`` and ``_`` do not matter: ``openweathermap.api-key`` is a file for
    ``openweathermap: {api_key: …}``.
    """
    for file in files:
        if _normalize(file.name) in map(_normalize, (*field.variables, "_".join(field.keys))):
            return FoundText(_read(file, str(file)), str(file))
    return None


def _normalize(name: str) -> str:
    return re.sub("[._-]+", "_", name.lower())


def _list_files(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except (OSError, ValueError):  # no such directory, no permission to read it, or an impossible name
        return []


def _read(file: Path, origin: str) -> str:
    try:
        text = read_regular_file(file).decode().strip()
    except OSError as error:
        raise ConfigError(Problem(origin, f"the secret file {file} cannot be read: {error.strerror}")) from None
    except ValueError:
        raise ConfigError(Problem(origin, f"the secret file {file} cannot be read: it is not UTF-8 text")) from None
    if not text:
        raise ConfigError(Problem(origin, f"the secret file {file} is empty"))
    return text
