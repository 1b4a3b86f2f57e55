"""The settings of the checks of observations: limits for each field. Their sources are in docs/quality.md."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field, model_validator

from weatherd.config.sections import Section
from weatherd.config.sections.value_types import Persistence


def _reject_truth(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError(f"should be a number, not {str(value).lower()}")  # noqa: TRY004 - pydantic reports ValueError only
    return value


_Limit = Annotated[float, BeforeValidator(_reject_truth), Field(allow_inf_nan=False)]
_Amount = Annotated[float, BeforeValidator(_reject_truth), Field(ge=0, allow_inf_nan=False)]
_Low = Annotated[_Limit | None, Field(description="Lowest plausible value; null: any")]
_High = Annotated[_Limit | None, Field(description="Highest plausible value; null: any")]
_Step = Annotated[_Amount | None, Field(description="Largest plausible change within an hour; null: any")]
_Services = Annotated[
    _Amount | None, Field(description="Largest plausible difference from the city's other services; null: any")
]
_Persistence = Annotated[
    Persistence | None, Field(description="How long a value may stay the same, a whole number 5/3 as long; null: ever")
]


class _RangeSection(Section):
    low: _Low = None
    high: _High = None

    @model_validator(mode="after")
    def _check_order(self) -> _RangeSection:
        if self.low is not None and self.high is not None and self.low > self.high:
            raise ValueError(f"should have a 'low' of at most 'high', which is {self.high:g}")
        return self


class TemperatureLimits(_RangeSection):
    """Limits of temperatures in °C."""

    low: _Low = -90.0
    high: _High = 57.0
    step: _Step = 15.0
    services: _Services = 20.0
    persistence: _Persistence = 24 * 3600.0


class HumidityLimits(_RangeSection):
    """Limits of relative humidities in %."""

    low: _Low = 0.0
    high: _High = 104.0
    persistence: _Persistence = 48 * 3600.0


class PressureLimits(_RangeSection):
    """Limits of pressures at mean sea level in hPa."""

    low: _Low = 870.0
    high: _High = 1090.0
    step: _Step = 25.0
    services: _Services = 50.0
    persistence: _Persistence = 72 * 3600.0


class WindSpeedLimits(_RangeSection):
    """Limits of wind speeds in m/s."""

    low: _Low = 0.0
    high: _High = 75.0
    step: _Step = 30.0
    services: _Services = 40.0
    persistence: _Persistence = 40 * 3600.0


class WindDirectionLimits(Section):
    """Limits of wind directions."""

    persistence: _Persistence = 48 * 3600.0


class WindGustLimits(_RangeSection):
    """Limits of wind gusts in m/s."""

    low: _Low = 0.0
    high: _High = 114.0
    services: _Services = 60.0
    consistency: Annotated[
        _Amount | None, Field(description="How much a gust may be below the wind speed, in m/s; null: any")
    ] = 2.0


class PrecipitationLimits(_RangeSection):
    """Limits of precipitation in mm an hour."""

    low: _Low = 0.0
    high: _High = 305.0
    persistence: _Persistence = 24 * 3600.0


class QualitySection(Section):
    """Checks of observations, which mark suspect values. They never drop any."""

    enabled: Annotated[bool, Field(description="Check each observation")] = True
    alert_on_suspect: Annotated[bool, Field(description="Whether alert rules see suspect values")] = False
    temperature: TemperatureLimits = TemperatureLimits()
    relative_humidity: HumidityLimits = HumidityLimits()
    pressure_msl: PressureLimits = PressureLimits()
    wind_speed: WindSpeedLimits = WindSpeedLimits()
    wind_direction: WindDirectionLimits = WindDirectionLimits()
    wind_gust: WindGustLimits = WindGustLimits()
    precipitation: PrecipitationLimits = PrecipitationLimits()
