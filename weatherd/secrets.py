"""Where keys may be kept: in a variable, in a file that a variable names, or in a folder of secret files.

systemd sets ``$CREDENTIALS_DIRECTORY`` (https://systemd.io/CREDENTIALS/); Docker mounts ``/run/secrets``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, SecretStr

from weatherd.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

DOCKER_SECRETS = Path("/run/secrets")
ALIASES = {("openweathermap", "api_key"): "OPEN_WEATHER_API_KEY"}  # the name that other programs use

Path_ = tuple[str, ...]


def secret_fields(model: type[BaseModel], above: Path_ = ()) -> Iterator[Path_]:
    """Name every SecretStr in a model and in its blocks, by the keys that lead to it."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from secret_fields(kind, (*above, name))
        elif "SecretStr" in str(kind) or kind is SecretStr:
            yield (*above, name)


def variable(path: Path_) -> str:
    """Return the environment variable of a setting."""
    return "WEATHERD_" + "__".join(path).upper()


def variables(path: Path_) -> list[str]:
    """Return the variables that may hold a secret, the stronger first."""
    return [variable(path), *([ALIASES[path]] if path in ALIASES else [])]


def find(fields: list[Path_], environ: Mapping[str, str]) -> dict[str, Any]:
    """Return the secrets there are, nested like the settings; ConfigError for a file that cannot be read."""
    found: dict[str, Any] = {}
    for path in fields:
        value = _find_one(path, environ)
        if value:
            block = found
            for key in path[:-1]:
                block = block.setdefault(key, {})
            block[path[-1]] = value
    return found


def _find_one(path: Path_, environ: Mapping[str, str]) -> str | None:
    for name in variables(path):
        if environ.get(name):
            return environ[name].strip()
        if environ.get(f"{name}_FILE"):
            return _read(Path(environ[f"{name}_FILE"]), f"{name}_FILE")
    names = [name.lower() for name in (variable(path), "__".join(path), "_".join(path), *variables(path)[1:])]
    for folder in (environ.get("CREDENTIALS_DIRECTORY"), DOCKER_SECRETS):
        for file in sorted(Path(folder).iterdir()) if folder and Path(folder).is_dir() else ():
            if file.name.lower().replace(".", "__") in names:
                return _read(file, str(file))
    return None


def _read(file: Path, where: str) -> str:
    try:
        text = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "is not UTF-8 text"
        raise ConfigError(Problem(where, f"the secret file {file} cannot be read: {reason}")) from None
    if not text:
        raise ConfigError(Problem(where, f"the secret file {file} is empty"))
    return text
