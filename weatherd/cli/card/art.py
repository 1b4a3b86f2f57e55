"""Pictures of the weather in plain characters: layers of sun or moon, cloud, and what falls from it."""

from __future__ import annotations

import itertools
import operator
from types import MappingProxyType
from typing import TYPE_CHECKING

from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ART_WIDTH, _HEIGHT = 13, 5  # cells
# Colors of medium brightness, because the background of a terminal may be black or white
_SUN, _MOON, _CLOUD, _RAIN, _SNOW, _BOLT = "#d08a00", "#7f8fb0", "", "#3b82d0", "#4f9cc4", "#c98f00"

_Layer = tuple[str, tuple[str, ...]]  # a style, and rows in which spaces are transparent

_SUN_ROWS = (r"   \  |  /   ", r"    .---.    ", r"-- (     ) --", r"    '---'    ", r"   /  |  \   ")
_MOON_ROWS = (r"    .--.   * ", r"  .' .'      ", r"  | |     .  ", r"  '. '.      ", r"    '--'  *  ")
_CLOUD_ROWS = (r"    .---.    ", r" .-'     '-. ", r"(___________)")
_FOG_ROWS = ("", " - - - - - - ", "- - - - - - -", " - - - - - - ", "- - - - - - -")
_DUST_ROWS = ("", " .  :  .  :  ", ":  .  :  .  :", " :  .  :  .  ", ".  :  .  :  .")
_WIND_ROWS = ("", "   .--.      ", " ------'  .  ", " ---------'  ", "   ----.     ")
_FUNNEL_ROWS = (" .---------. ", "  '-------'  ", "   '-----'   ", "     '-'     ", "      '      ")
_FALLS: Mapping[str, Sequence[_Layer]] = MappingProxyType(
    {
        "drizzle": [(_RAIN, ("", "", "", "   '  '  '  ", "  '  '  '    "))],
        "rain": [(_RAIN, ("", "", "", "   / / / /   ", "  / / / /    "))],
        "heavy rain": [(_RAIN, ("", "", "", "  ////////// ", " //////////  "))],
        "sleet": [
            (_RAIN, ("", "", "", "   /   /   / ", "    /   /    ")),
            (_SNOW, ("", "", "", "     *   *   ", "  *   *   *  ")),
        ],
        "snow": [(_SNOW, ("", "", "", "   *   *   * ", "  *   *   *  "))],
        "thunder": [
            (_BOLT, ("", "", "", "    _/   _/  ", "    /    /   ")),
            (_RAIN, ("", "", "", "  /    /    /", " /    /    / ")),
        ],
    }
)
# What falls, by WMO code; showers come from a cloud beside the sun or the moon
_FALL_OF_CODE = MappingProxyType(
    dict.fromkeys((51, 53, 55, 56, 57), "drizzle")
    | dict.fromkeys((61, 63, 66, 80, 81), "rain")
    | dict.fromkeys((65, 67, 82), "heavy rain")
    | dict.fromkeys((68, 69, 79, 83, 84, 89), "sleet")
    | dict.fromkeys((38, 71, 73, 75, 77, 85, 86), "snow")
    | dict.fromkeys((17, 95, 96, 97, 99), "thunder")
)
_SHOWERS = range(80, 87)
_PLAIN: Mapping[int, tuple[str, ...]] = MappingProxyType(
    {3: ("", *_CLOUD_ROWS), 18: _WIND_ROWS, 19: _FUNNEL_ROWS}
    | dict.fromkeys((10, 41, 45, 48), _FOG_ROWS)
    | dict.fromkeys((4, 5, 6, 7, 8), _DUST_ROWS)
)


def draw_weather(code: int | None, *, is_day: bool) -> list[Text]:
    """Return the five lines of a picture for a WMO code, each of 13 cells; [] for a code without a picture."""
    layers = _choose_layers(code, is_day=is_day)
    return [_draw_row(layers, row) for row in range(_HEIGHT)] if layers else []


def _choose_layers(code: int | None, *, is_day: bool) -> Sequence[_Layer]:
    match code:
        case 0:
            return [(_SUN, _SUN_ROWS) if is_day else (_MOON, _MOON_ROWS)]
        case 1 | 2:
            return [_draw_light(0, is_day=is_day), (_CLOUD, ("", *_CLOUD_ROWS))]
        case int() if code in _FALL_OF_CODE:
            light = [_draw_light(-1, is_day=is_day)] if code in _SHOWERS else []
            return [*light, (_CLOUD, _CLOUD_ROWS), *_FALLS[_FALL_OF_CODE[code]]]
        case int():
            return [(_CLOUD, _PLAIN[code])] if code in _PLAIN else ()
    return ()


def _draw_light(top: int, *, is_day: bool) -> _Layer:
    """Return the sun or the moon behind a cloud whose first row is below row *top*; -1 leaves out the first row."""
    style, rows = (_SUN, (r"  \ | /      ", "- (          ")) if is_day else (_MOON, ("  .-.    *   ", " (         . "))
    return style, rows[-top:]


def _draw_row(layers: Sequence[_Layer], row: int) -> Text:
    """Return one line of a picture. Of two layers with a character in the same cell, the later one is in front."""
    cells = [(" ", "")] * ART_WIDTH
    for style, rows in layers:
        for cell, character in enumerate(rows[row] if row < len(rows) else ""):
            if character != " ":
                cells[cell] = character, style
    runs = itertools.groupby(cells, key=operator.itemgetter(1))
    return Text.assemble(*(("".join(character for character, _ in run), style) for style, run in runs))
