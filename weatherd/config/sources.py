"""A variant of pydantic-settings' environment source that records the origin of each value.

pydantic-settings converts texts to nested settings: ``__`` separates keys, a whole section can be JSON, and single keys
override those of the JSON section. But it does not record which variable or file a value came from
(https://github.com/pydantic/pydantic-settings/issues/756), which error messages need.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from pydantic_settings import EnvSettingsSource

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic_settings import BaseSettings

    from weatherd.config.setting_fields import KeyPath


class FoundText(NamedTuple):
    """The text of a setting, and the variable or file that it comes from."""

    text: str
    origin: str


class TextSource(EnvSettingsSource):
    """A source of settings that reads *found* instead of ``os.environ``."""

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
