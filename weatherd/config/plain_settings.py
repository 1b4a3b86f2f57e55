"""The settings as the daemon holds them: frozen values with the attributes of pydantic's models, but without pydantic.

Pydantic and pydantic-settings take 12 MB of memory, and only loading needs them. Type checkers see the models, so that
each setting is defined in one place only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, Self

from weatherd.text.display import Display

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import NoReturn

    from weatherd.text.condition_words import Language
    from weatherd.text.units import ReaderUnits


class DerivedSettings:
    """What follows from several settings."""

    if TYPE_CHECKING:
        units: ReaderUnits
        language: Language

    @property
    def display(self) -> Display:
        """The units and the language of what people read."""
        return Display(self.units, self.language)


class PlainSection(SimpleNamespace):
    """A section of the settings. ``dict(section)`` and ``model_copy`` work as those of its model do."""

    def __setattr__(self, name: str, value: object) -> NoReturn:
        """Raise AttributeError, as settings are frozen."""
        raise AttributeError(f"{name!r} cannot be changed: settings are frozen")

    def __iter__(self) -> Iterator[tuple[str, Any]]:
        """Return the keys and values."""
        return iter(vars(self).items())

    def model_copy(self, *, update: Mapping[str, Any]) -> Self:
        """Return a copy with some values replaced."""
        return type(self)(**{**vars(self), **update})


class PlainSettings(DerivedSettings, PlainSection):
    """All settings."""


@dataclass(frozen=True, slots=True)
class PlainSecret:
    """A secret, which neither ``str()`` nor ``repr()`` shows."""

    text: str = field(repr=False)

    def get_secret_value(self) -> str:
        """Return the secret in plain text."""
        return self.text

    def __len__(self) -> int:
        """Return the number of characters, so that an empty secret is false."""
        return len(self.text)


def collect_secrets(section: Iterable[tuple[str, Any]]) -> list[str]:
    """Return all secrets of a section and its subsections in plain text, to be redacted in the log.

    *section* is a model or a plain section; plain settings have models in the sections of plug-ins.
    """
    return list(_secrets_in(dict(section).values()))


def _secrets_in(values: Iterable[Any]) -> Iterator[str]:
    for value in values:
        if hasattr(value, "get_secret_value"):
            yield value.get_secret_value()
        elif isinstance(value, dict) or hasattr(value, "model_copy"):
            yield from _secrets_in(dict(value).values())
        elif isinstance(value, list | tuple | set | frozenset):
            yield from _secrets_in(value)
