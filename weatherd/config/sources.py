"""pydantic-settings' environment source, for texts that weatherd has found and whose origins it knows.

pydantic-settings knows how texts become nested settings: ``__`` between keys, a whole section as JSON, single keys over
that section. It does not know which variable or file a value came from
(https://github.com/pydantic/pydantic-settings/issues/756), which an error message has to name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic_settings import EnvSettingsSource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_settings import BaseSettings

    from weatherd.config.setting_fields import KeyPath


class FoundText(NamedTuple):
    """The text of a setting, and the variable or file in which it was found."""

    text: str
    origin: str


class TextSource(EnvSettingsSource):
    """A source of settings that reads *found* instead of ``os.environ``."""

    def __init__(self, settings_cls: type[BaseSettings], found: Mapping[KeyPath, FoundText]) -> None:
        super().__init__(settings_cls, case_sensitive=True, env_prefix="", env_nested_delimiter="__")
        self.env_vars = {"__".join(keys): value.text for keys, value in found.items()}
        self._found = found

    def find_origin(self, path: tuple[str | int, ...]) -> str | None:
        """Return the variable or file that set the value at *path* or a part of it; None if this source did not."""
        value: Any = self()
        for step in path:
            if isinstance(value, dict):
                if step not in value:
                    return None
                value = value[step]
        if value and isinstance(value, dict):
            return None  # a section, whose values may have come from several sources
        origins = (self._found.get(tuple(map(str, path[:end]))) for end in range(len(path), 0, -1))
        return next((found.origin for found in origins if found), None)
