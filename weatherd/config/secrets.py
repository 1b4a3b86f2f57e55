"""Secrets in files: one that a variable names (``*_FILE``), or one in a directory of secret files.

systemd sets ``$CREDENTIALS_DIRECTORY`` (https://systemd.io/CREDENTIALS/); Docker mounts ``/run/secrets``.
pydantic-settings' own sources for a secrets directory are not used, because they read every file in it (others' secrets
may be binary or unreadable), know one spelling of a name, and do not report the file of a wrong value.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from weatherd.config.setting_paths import variable_names
from weatherd.config.sources import FoundText
from weatherd.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from weatherd.config.setting_paths import KeyPath

DOCKER_SECRETS = Path("/run/secrets")


def read_secrets(
    secrets: Iterable[KeyPath], environ: Mapping[str, str]
) -> tuple[dict[KeyPath, FoundText], list[Problem]]:
    """Return the secrets that stand in files, and every problem with those files."""
    found: dict[KeyPath, FoundText] = {}
    problems: list[Problem] = []
    for keys in secrets:
        try:
            if secret := find_secret(keys, environ):
                found[keys] = secret
        except ConfigError as error:
            problems += error.problems
    return found, problems


def find_secret(keys: KeyPath, environ: Mapping[str, str], docker: Path = DOCKER_SECRETS) -> FoundText | None:
    """Return the secret of a setting from the first file that has it, or None.

    In a directory, case and the separators ``.``, ``-`` and ``_`` do not matter: ``openweathermap.api-key`` is the file
    for ``openweathermap: {api_key: …}``. Raises ConfigError for a file that cannot be read or is empty.
    """
    for name in variable_names(keys):
        if file := environ.get(f"{name}_FILE"):
            return FoundText(_read(Path(file), f"{name}_FILE"), f"{name}_FILE")
    names = {_normalize(name) for name in (*variable_names(keys), "_".join(keys))}
    for folder in (environ.get("CREDENTIALS_DIRECTORY"), docker):
        for path in _list_files(Path(folder)) if folder else ():
            if _normalize(path.name) in names:
                return FoundText(_read(path, str(path)), str(path))
    return None


def _normalize(name: str) -> str:
    return re.sub("[._-]+", "_", name.lower())


def _list_files(folder: Path) -> list[Path]:
    try:
        return sorted(folder.iterdir())
    except (OSError, ValueError):  # no such directory, no right to read it, or a name that no file can have
        return []


def _read(file: Path, origin: str) -> str:
    try:
        text = file.read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ConfigError(Problem(origin, f"the secret file {file} cannot be read: {error.strerror}")) from None
    except ValueError:
        raise ConfigError(Problem(origin, f"the secret file {file} cannot be read: it is not UTF-8 text")) from None
    if not text:
        raise ConfigError(Problem(origin, f"the secret file {file} is empty"))
    return text
