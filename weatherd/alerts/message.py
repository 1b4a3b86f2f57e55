"""The text of an alert, from a template such as ``{name}: {temperature} {unit} at {local_time}``."""

from __future__ import annotations

import string
from typing import TYPE_CHECKING

from weatherd.formatting import TEMPLATE_FIELDS, LineTemplate, validate_template
from weatherd.observation import FetchedObservation
from weatherd.text.control_characters import escape_lines
from weatherd.text.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Mapping

    from weatherd.city import City
    from weatherd.observation import Observation
    from weatherd.text.display import Display

_LOCAL_TIME, _LOCAL_TIME_FORMAT = "local_time", "%H:%M"  # of the observation, on the city's clock
_WORDS = ("rule", "severity")
_KNOWN = (*TEMPLATE_FIELDS, "unit", _LOCAL_TIME, *_WORDS)
_FORMATTER = string.Formatter()


class UnknownFieldError(ValueError):
    """A template has an unknown field; ``text`` is the part of the template that begins it."""

    def __init__(self, name: str) -> None:
        hint = did_you_mean(name, _KNOWN) or f"; the fields are {', '.join(_KNOWN)}"
        super().__init__(f"should not contain {{{name}}}{hint}")
        self.text = f"{{{name}"


class MessageTemplate:
    """A template of the console's kind, with ``local_time``, ``rule`` and ``severity`` beside its fields.

    Nothing in it is executed. Raises ValueError for a mistake.
    """

    def __init__(self, template: str, words: Mapping[str, str], display: Display) -> None:
        try:
            parts = list(_FORMATTER.parse(template))
        except ValueError as error:
            raise ValueError(f"is not a format string: {error}") from None
        translated = "".join(
            _escape(prefix) + ("" if name is None else _translate(name, spec or "", conversion, words))
            for prefix, name, spec, conversion in parts
        )
        self._line = LineTemplate(validate_template(translated), display)

    def format(self, city: City, observation: Observation) -> str:
        """Return the message about an observation, in the reader's units and the city's time.

        Control characters, except for line feeds, are escaped, because a target may print the message on a terminal.
        """
        return escape_lines(self._line.format(FetchedObservation(city, observation)))


def _translate(name: str, spec: str, conversion: str | None, words: Mapping[str, str]) -> str:
    """Return a field as the console's template has it."""
    if name in words:
        return _escape(words[name])
    if name == _LOCAL_TIME:
        name, spec = "observed_at", spec or _LOCAL_TIME_FORMAT
    elif name not in _KNOWN:
        raise UnknownFieldError(name)
    return f"{{{name}{f'!{conversion}' if conversion else ''}{f':{spec}' if spec else ''}}}"


def _escape(text: str) -> str:
    return text.replace("{", "{{").replace("}", "}}")
