"""Services that lack a setting are not used for warnings and comparison either."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from pydantic import SecretStr

from tests.support.fakes import KIEL
from weatherd.config.loader import Configuration
from weatherd.config.sections import PirateWeatherSection
from weatherd.config.settings import Settings
from weatherd.daemon.wiring import open_providers
from weatherd.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


async def test_rows_with_warnings_of_an_unusable_service_are_quarantined(tmp_path: Path) -> None:
    """A service that lacks a setting has no warnings either; with ``auto`` it is not asked."""
    cities = (
        replace(KIEL, warnings="auto"),
        replace(KIEL, id="ulm", warnings=("nws", "met-norway")),
        replace(KIEL, id="bonn", warnings=("pirate-weather",)),
    )
    configuration = Configuration(tmp_path / "weatherd.yaml", Settings(), cities, ())
    async with open_providers(Settings()) as providers:
        usable = providers.require_usable(configuration)
    assert [city.id for city in usable.cities] == ["kiel"]
    [[norway], [world]] = usable.quarantined
    assert "met-norway needs your e-mail or web address" in norway.message
    assert "pirate_weather.api_key" in world.message


async def test_an_unusable_service_is_not_compared(tmp_path: Path) -> None:
    """A row that names it for comparison is quarantined; the setting is an error."""
    cities = (KIEL, replace(KIEL, id="ulm", compare=("met-norway",)))
    file = tmp_path / "weatherd.yaml"
    async with open_providers(Settings()) as providers:
        usable = providers.require_usable(Configuration(file, Settings(), cities, ()))
        with pytest.raises(ConfigError, match="met-norway needs your e-mail or web address"):
            providers.require_usable(Configuration(file, Settings(compare=("met-norway",)), (), ()))
    assert [city.id for city in usable.cities] == ["kiel"]
    assert "met-norway needs your e-mail or web address" in usable.quarantined[0][0].message


async def test_a_service_of_warnings_alone_has_a_plan() -> None:
    """It has a rate limiter of its own, which is among those of the status, and no weather."""
    async with open_providers(Settings(pirate_weather=PirateWeatherSection(api_key=SecretStr("sesame")))) as providers:
        assert providers.open_resources("pirate-weather").limiter is providers.limiters["pirate-weather"]
        assert providers.limiters["pirate-weather"].usage() == {"month": (0, 10_000)}
        assert "pirate-weather" not in providers.usable
