"""Open-Meteo's variables of a moment: their names, their units, and how they are computed from the weather."""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from weatherd.simulator.sky.weather import Weather


@dataclass(frozen=True, slots=True)
class Variable:
    """Variable with its kind of unit, computed from the weather and the length of the interval in hours."""

    kind: str
    value_of: Callable[[Weather, float], float]  # the interval is for sums such as precipitation


_VARIABLES = {
    "temperature_2m": Variable("temperature", lambda weather, _: weather.temperature),
    "relative_humidity_2m": Variable("percent", lambda weather, _: weather.relative_humidity),
    "dew_point_2m": Variable("temperature", lambda weather, _: weather.dew_point),
    "apparent_temperature": Variable("temperature", lambda weather, _: weather.apparent_temperature),
    "is_day": Variable("flag", lambda weather, _: weather.is_day),
    "precipitation": Variable("water", lambda weather, hours: weather.precipitation.total * hours),
    "precipitation_probability": Variable(
        "percent", lambda weather, _: 90 if weather.precipitation.total else weather.cloud_cover / 4
    ),
    "rain": Variable("water", lambda weather, hours: weather.precipitation.rain * hours),
    "showers": Variable("water", lambda weather, hours: weather.precipitation.showers * hours),
    "snowfall": Variable("snow", lambda weather, hours: weather.precipitation.snowfall * hours),
    "weather_code": Variable("code", lambda weather, _: weather.code),
    "cloud_cover": Variable("percent", lambda weather, _: weather.cloud_cover),
    "pressure_msl": Variable("pressure", lambda weather, _: weather.pressure_msl),
    "surface_pressure": Variable("pressure", lambda weather, _: weather.surface_pressure),
    "wind_speed_10m": Variable("speed", lambda weather, _: weather.wind_speed),
    "wind_direction_10m": Variable("direction", lambda weather, _: weather.wind_direction),
    "wind_gusts_10m": Variable("speed", lambda weather, _: weather.wind_gust),
    "visibility": Variable("distance", lambda weather, _: weather.visibility),
}
_LEGACY = {  # names used before 2023, which the service still accepts
    "relativehumidity_2m": "relative_humidity_2m",
    "dewpoint_2m": "dew_point_2m",
    "weathercode": "weather_code",
    "cloudcover": "cloud_cover",
    "windspeed_10m": "wind_speed_10m",
    "winddirection_10m": "wind_direction_10m",
    "windgusts_10m": "wind_gusts_10m",
}
INSTANT_VARIABLES = MappingProxyType(_VARIABLES | {old: _VARIABLES[new] for old, new in _LEGACY.items()})

# Patterns, because each of these variables is null here: a client only has to see that the service has it.
_NOT_SIMULATED = re.compile(
    r"""(temperature|relative_?humidity|dew_?point|cloud_?cover|wind_?speed|wind_?direction
        |vertical_velocity|geopotential_height|mass_density|air_density)_\d+(m|hPa)
    |(soil|snow|sea|ocean_current|wave|wet_bulb|lightning|growing_degree_days|weather_code)_\w+
    |(convective_)?cloud_(base|top) | cloud_?cover_(low|mid|high) | snowfall_(height|water_equivalent)
    |(shortwave|direct|diffuse|terrestrial)_radiation(_clear_sky)?(_instant)? | sunshine_duration
    |(direct_normal|global_tilted)_irradiance(_instant)? | uv_index(_clear_sky)? | albedo | updraft
    |cape | k_index | lifted_index | convective_inhibition | freezing_level_height | boundary_layer_height
    |\w+_probability | precipitation_type | hail | runoff | roughness_length
    |(potential_)?evapotranspiration | et0_fao_evapotranspiration | vapou?r_pressure_deficit
    |(latent|sensible)_heat_flux | total_column_\w+ | surface_temperature | temperature_2m_(max|min)""",
    re.VERBOSE,
)


def is_known_variable(name: str) -> bool:
    """Return whether the service has a variable of a moment, simulated or not."""
    return name in INSTANT_VARIABLES or _NOT_SIMULATED.fullmatch(name) is not None
