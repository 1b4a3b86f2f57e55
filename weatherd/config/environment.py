"""Settings from environment variables: ``WEATHERD_INTERVAL=5m``, ``WEATHERD_LOG__LEVEL=debug``, or a block as JSON.

Variables that Kubernetes sets for services whose name begins with ours are left alone; any other that begins with
``WEATHERD_`` and is no setting is a mistake, and said to be one.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from weatherd.config import secrets
from weatherd.config.sections import section_in
from weatherd.errors import Problem, closest_match

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pydantic import BaseModel

    from weatherd.config.secrets import KeyPath

CONFIG_VARIABLE = "WEATHERD_CONFIG"
_KUBERNETES = re.compile(
    r"WEATHERD_([A-Z0-9]+_)*(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9]+)*|PORT_\d+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)"
)
_KUBERNETES_PORT = re.compile(r"WEATHERD_([A-Z0-9]+_)*PORT")  # its value is an address, as tcp://10.0.0.1:80


@dataclass(frozen=True, slots=True)
class Layer:
    """Settings from one kind of place, nested; for each value where it came from, and what is wrong with them."""

    values: dict[str, Any] = field(default_factory=dict)
    origins: dict[KeyPath, str] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    def put(self, keys: KeyPath, value: Any, origin: str) -> None:
        """Set one value; a mapping is taken apart, so that a later layer may change a part of it."""
        if isinstance(value, dict) and value:
            for key, part in value.items():
                self.put((*keys, key), part, origin)
            return
        block = self.values
        for key in keys[:-1]:
            block = block.setdefault(key, {})
        block[keys[-1]] = value
        self.origins[keys] = origin

    def origin(self, path: tuple[str | int, ...]) -> str | None:
        """Return where the value at *path* came from, or the value that it is a part of."""
        places = (self.origins.get(tuple(map(str, path[:end]))) for end in range(len(path), 0, -1))
        return next((place for place in places if place), None)


def read_environment(model: type[BaseModel], environ: Mapping[str, str]) -> Layer:
    """Return the settings of *model* that variables set, but for secrets; empty variables are ignored."""
    fields = {secrets.variable_name(keys): (keys, is_block) for keys, is_block in _fields(model)}
    secret = [name for keys in secrets.secret_fields(model) for name in secrets.variable_names(keys)]
    known = [*fields, *secret, *(f"{name}_FILE" for name in secret), CONFIG_VARIABLE]
    layer = Layer()
    for name in sorted(environ):
        if name.startswith(secrets.PREFIX) and name not in known and not _is_kubernetes(name, environ[name]):
            layer.problems.append(Problem(name, f"is not a setting{_meant(name, known)}"))
    for name, (keys, is_block) in fields.items():  # a block stands before its keys, which are the stronger
        if (text := environ.get(name, "").strip()) and name not in secret:
            _take(layer, keys, text, name, is_block=is_block)
    return layer


def _take(layer: Layer, keys: KeyPath, text: str, name: str, *, is_block: bool) -> None:
    try:
        text.encode()
        value = _object(text) if is_block else text
    except UnicodeEncodeError:
        layer.problems.append(Problem(name, "is not UTF-8 text"))
    except (TypeError, ValueError, RecursionError):
        layer.problems.append(Problem(name, f"should be a JSON object; or set its keys one by one, as in {name}__KEY"))
    else:
        layer.put(keys, value, name)


def _object(text: str) -> dict[str, Any]:
    value = json.loads(text)
    if not isinstance(value, dict):
        raise TypeError
    return value


def _fields(model: type[BaseModel], above: KeyPath = ()) -> Iterator[tuple[KeyPath, bool]]:
    """Name every setting by the keys that lead to it, and tell whether it is a block."""
    for name, info in model.model_fields.items():
        block = section_in(info.annotation)
        yield (*above, name), block is not None
        if block:
            yield from _fields(block, (*above, name))


def _is_kubernetes(name: str, value: str) -> bool:
    return bool(_KUBERNETES.fullmatch(name) or (_KUBERNETES_PORT.fullmatch(name) and "://" in value))


def _meant(name: str, known: list[str]) -> str:
    """Compare what stands behind the prefix, as that makes all of them alike."""
    guess = closest_match(name.removeprefix(secrets.PREFIX), [each.removeprefix(secrets.PREFIX) for each in known])
    return f"; did you mean '{secrets.PREFIX}{guess}'?" if guess else ""
