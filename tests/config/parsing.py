"""Settings of a text, or the problems for which it is rejected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from weatherd.config.loader import parse_settings
from weatherd.errors import ConfigError

if TYPE_CHECKING:
    from weatherd.config.settings import Settings


PROVIDERS = ["open-meteo", "openweathermap"]


def settings(text: str = "", environ: dict[str, str] | None = None, **flags: Any) -> Settings:
    """Return the settings parsed from a text and variables."""
    return parse_settings(text, "f.yaml", environ or {}, PROVIDERS, **flags)


def get_rejection(text: str = "", environ: dict[str, str] | None = None) -> list[str]:
    """Return the problems of rejected settings."""
    with pytest.raises(ConfigError) as caught:
        settings(text, environ)
    return [str(problem) for problem in caught.value.problems]
