"""The color of a temperature: the same scale as on the web page, a step for each 5 °C."""

from __future__ import annotations

from typing import NamedTuple

_LOWEST, _STEP = -40.0, 5.0  # °C
_DARK, _LIGHT = "#0b1220", "#ffffff"


class TemperatureColor(NamedTuple):
    """A color as a background, the color of text on it, and a color of bars that black and white show."""

    fill: str
    text: str
    bar: str

    @property
    def chip(self) -> str:
        """The style of text on the background."""
        return f"bold {self.text} on {self.fill}"


_SCALE = (
    TemperatureColor("#400866", _LIGHT, "#8c5ebb"),
    TemperatureColor("#491a82", _LIGHT, "#845dc8"),
    TemperatureColor("#4b2f9f", _LIGHT, "#7561d4"),
    TemperatureColor("#4548ba", _LIGHT, "#5d66da"),
    TemperatureColor("#3b65ce", _LIGHT, "#426dd7"),
    TemperatureColor("#3e82d9", _DARK, "#3e82d9"),
    TemperatureColor("#539ee1", _DARK, "#438ed1"),
    TemperatureColor("#75bae7", _DARK, "#4690bd"),
    TemperatureColor("#9dd4eb", _DARK, "#3494b5"),
    TemperatureColor("#c1e7e4", _DARK, "#209993"),
    TemperatureColor("#edf1cb", _DARK, "#898e41"),
    TemperatureColor("#f3e49a", _DARK, "#998a3c"),
    TemperatureColor("#f8ca5f", _DARK, "#ad8405"),
    TemperatureColor("#f7a531", _DARK, "#c07b07"),
    TemperatureColor("#eb7d20", _DARK, "#d66d02"),
    TemperatureColor("#d75427", _DARK, "#d75427"),
    TemperatureColor("#b12d26", _LIGHT, "#ca453b"),
    TemperatureColor("#831922", _LIGHT, "#bc5051"),
)


def choose_color(temperature: float) -> TemperatureColor:
    """Return the color of the step that is nearest to a temperature in °C."""
    step = round((temperature - _LOWEST) / _STEP)
    return _SCALE[max(0, min(step, len(_SCALE) - 1))]
