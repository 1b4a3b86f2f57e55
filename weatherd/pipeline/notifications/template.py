"""Bodies of webhooks from Jinja2 templates, in the sandbox, without access to files or to anything but the message."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NoReturn

from weatherd.config.yaml.reader import read_text
from weatherd.errors import ConfigError, Problem, RejectedError
from weatherd.plugins import explain_missing_library

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from jinja2 import Template, TemplateError

_JSON = "application/json"
_TIME = "2026-01-31T06:00:00Z"
# Texts that a template has to encode: quotes, a backslash, a line break, and a tag
_ODD = 'Kiel "A" \\ <b>\nÅ'
_NOTICE = dict.fromkeys(("city", "rule", "event", "severity"), "frost") | {"began": _TIME, "time": _TIME}
_NOTICES = [_NOTICE | {"name": _ODD, "text": _ODD}] * 3
_SAMPLES: tuple[dict[str, Any], ...] = tuple(
    {
        "key": "key",
        "title": _ODD,
        "text": _ODD,
        "event": event,
        "rule": rule,
        "severity": severity,
        "alerts": _NOTICES[:count],
    }
    for event, rule, severity, count in (
        ("firing", "frost", "warning", 1),
        ("resolved", "frost", "critical", 3),
        ("digest", "frost, rain", "error", 3),
        ("test", "test", "info", 1),
    )
)


class BodyTemplate:
    """A compiled template; its body has to be JSON if the file's name ends in ``.json`` or ``.json.j2``."""

    def __init__(self, template: Template, media_type: str) -> None:
        self._template, self.media_type = template, media_type

    def render(self, message: Mapping[str, Any]) -> str:
        """Return the body for a message. Raises RejectedError: the same message would fail again."""
        try:
            text = self._template.render(message)
            if self.media_type == _JSON:
                json.loads(text, parse_constant=_reject_constant)
        except Exception as error:  # noqa: BLE001 - a template may fail in any way, as Python does
            raise RejectedError(f"the template failed: {type(error).__name__}: {error}") from None
        return text


def _reject_constant(name: str) -> None:
    raise ValueError(f"{name} is not JSON")


def _reject_value(value: object) -> NoReturn:
    """Raise the error of a value that ``tojson`` cannot encode; that of an unknown variable has its name."""
    str(value)  # raises UndefinedError if there is no such variable, as in {{ titel | tojson }}
    raise TypeError(f"{type(value).__name__} is not JSON serializable")


def load_template(file: Path, origin: str) -> BodyTemplate:
    """Load a template, and render it with sample messages. Raises ConfigError with file and line, and with *origin*."""
    try:
        from jinja2 import StrictUndefined, TemplateError  # noqa: PLC0415 - only for webhooks with a template
        from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415
    except ImportError:
        raise ConfigError(Problem(origin, explain_missing_library("notify"))) from None
    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False)
    environment.policies["json.dumps_kwargs"] = {"sort_keys": True, "default": _reject_value}
    try:
        compiled = environment.from_string(read_text(file))
    except TemplateError as error:
        raise ConfigError(Problem(f"{file}:{_find_line(error)}", f"is not a Jinja2 template: {error}")) from None
    is_json = file.name.removesuffix(".j2").endswith(".json")
    template = BodyTemplate(compiled, _JSON if is_json else "text/plain; charset=utf-8")
    for sample in _SAMPLES:
        try:
            template.render(sample)
        except RejectedError as error:
            hint = "; write {{ text | tojson }} for a text in JSON" if is_json and "JSON" in str(error) else ""
            raise ConfigError(Problem(str(file), f"{error}{hint}")) from None
    return template


def _find_line(error: TemplateError) -> int:
    return getattr(error, "lineno", None) or 1
