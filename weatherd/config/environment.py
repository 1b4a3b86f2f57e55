"""Settings in environment variables: ``WEATHERD_INTERVAL=5m``, ``WEATHERD_LOG__LEVEL=debug``, or a section as JSON.

This module adds to pydantic-settings: it rejects unknown variables with a hint, and ignores those that Kubernetes sets.
Names are in upper case and the prefix is required, so ``weatherd_interval`` is not a setting.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from weatherd.config.setting_fields import CONFIG_VARIABLE, PREFIX
from weatherd.config.sources import FoundText
from weatherd.errors import Problem, closest_match

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from weatherd.config.setting_fields import KeyPath, SettingField

# Kubernetes sets these for each service in the namespace, for example one called "weatherd" or "weatherd-web":
# https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
_KUBERNETES = re.compile(
    r"WEATHERD_([A-Z0-9]+_)*(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9]+)*|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
_KUBERNETES_PORT = re.compile(r"WEATHERD_([A-Z0-9]+_)*PORT")  # its value is an address: tcp://10.0.0.1:80


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
