"""Settings in environment variables: ``WEATHERD_INTERVAL=5m``, ``WEATHERD_LOG__LEVEL=debug``, or a section as JSON.

This module adds to pydantic-settings: it rejects unknown variables with a hint, ignores those that Kubernetes sets, and
records the origin of each value. Names are in upper case and the prefix is required, so ``weatherd_interval`` is not a
setting.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic_settings import EnvSettingsSource

from weatherd.config.setting_fields import CONFIG_VARIABLE, PREFIX
from weatherd.errors import Problem
from weatherd.text.suggestions import closest_match

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pydantic_settings import BaseSettings

    from weatherd.config.setting_fields import KeyPath, SettingField

# Kubernetes sets these for each service in the namespace, for example one called "weatherd" or "weatherd-web":
# https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
_KUBERNETES = re.compile(
    r"WEATHERD_([A-Z0-9]+_)*(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9]+)*|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
_KUBERNETES_PORT = re.compile(r"WEATHERD_([A-Z0-9]+_)*PORT")  # its value is an address: tcp://10.0.0.1:80


class FoundText(NamedTuple):
    """The text of a setting, and the variable or file that it comes from."""

    text: str
    origin: str


class TextSource(EnvSettingsSource):
    """A variant of pydantic-settings' environment source that reads *found* and records the origin of each value.

    pydantic-settings converts texts to nested settings: ``__`` separates keys, a whole section can be JSON, and single
    keys override those of the JSON section. But it does not record which variable or file a value came from
    (https://github.com/pydantic/pydantic-settings/issues/756), which error messages need.
    """

    def __init__(self, settings_cls: type[BaseSettings], found: Mapping[KeyPath, FoundText]) -> None:
        super().__init__(settings_cls, case_sensitive=True, env_prefix="", env_nested_delimiter="__")
        self.env_vars = {"__".join(keys): value.text for keys, value in found.items()}
        self._found = found

    def find_origin(self, path: tuple[str | int, ...]) -> str | None:
        """Return the variable or file of the value at *path* or of a part of it; None if it is not from this source."""
        value: Any = self()
        for step in path:
            if isinstance(value, dict):
                if step not in value:
                    return None
                value = value[step]
        if value and isinstance(value, dict):
            return None  # a section, whose values may come from several sources
        origins = (self._found.get(tuple(map(str, path[:end]))) for end in range(len(path), 0, -1))
        return next((found.origin for found in origins if found), None)


def read_environment(
    fields: Sequence[SettingField], environ: Mapping[str, str]
) -> tuple[dict[KeyPath, FoundText], list[Problem]]:
    """Return the settings in environment variables and all problems with the variables. Empty ones are ignored."""
    found: dict[KeyPath, FoundText] = {}
    problems = _find_unknown(fields, environ)
    for field in fields:
        for name in field.variables:
            if name in environ and field.keys not in found and (text := environ[name].strip()):
                if message := _find_problem(text, name, is_json=field.is_section):
                    problems.append(Problem(name, message))
                else:
                    found[field.keys] = FoundText(text, name)
    return found, problems


def _find_unknown(fields: Sequence[SettingField], environ: Mapping[str, str]) -> list[Problem]:
    known = [name for field in fields for name in field.variables]
    known += [f"{name}_FILE" for field in fields if field.is_secret for name in field.variables]
    known.append(CONFIG_VARIABLE)
    return [
        Problem(name, f"is not a setting{_hint(name, known)}")
        for name, value in sorted(environ.items())
        if name.startswith(PREFIX) and name not in known and not _is_kubernetes(name, value)
    ]


def _find_problem(text: str, name: str, *, is_json: bool) -> str:
    """Return the problem with a variable, or "". pydantic-settings would raise at the first problem."""
    try:
        text.encode()
        if not is_json or isinstance(json.loads(text), dict):
            return ""
    except UnicodeEncodeError:
        return "is not UTF-8 text"
    except (ValueError, RecursionError):
        pass
    return f"should be a JSON object; or set each key in its own variable, such as {name}__KEY"


def _is_kubernetes(name: str, value: str) -> bool:
    return bool(_KUBERNETES.fullmatch(name) or (_KUBERNETES_PORT.fullmatch(name) and "://" in value))


def _hint(name: str, known: Iterable[str]) -> str:
    """Return a hint. Names are compared without the prefix, because it makes them all similar."""
    guess = closest_match(name.removeprefix(PREFIX), [candidate.removeprefix(PREFIX) for candidate in known])
    return f"; did you mean '{PREFIX}{guess}'?" if guess else ""
