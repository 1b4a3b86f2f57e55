"""Descriptions and WMO codes for the present weather and the clouds of a METAR.

Source: WMO-No. 306, Manual on Codes, Volume I.1: FM 15 with code table 4678 for the groups; code table 4677, with its
rule that the highest code is reported, and a thunderstorm (17) before 20 to 49.
"""

from __future__ import annotations

import functools
import re
from types import MappingProxyType
from typing import NamedTuple

_DESCRIPTORS = MappingProxyType(  # before what they describe
    {"MI": "shallow", "BC": "patches of", "PR": "partial", "DR": "low drifting", "BL": "blowing", "FZ": "freezing"}
)
_PHENOMENA = MappingProxyType(
    {
        "DZ": "drizzle",
        "RA": "rain",
        "SN": "snow",
        "SG": "snow grains",
        "IC": "ice crystals",
        "PL": "ice pellets",
        "GR": "hail",
        "GS": "small hail",
        "UP": "precipitation",
        "BR": "mist",
        "FG": "fog",
        "FU": "smoke",
        "VA": "volcanic ash",
        "DU": "dust",
        "SA": "sand",
        "HZ": "haze",
        "PY": "spray",
        "PO": "dust whirls",
        "SQ": "squalls",
        "FC": "funnel cloud",
        "SS": "sandstorm",
        "DS": "dust storm",
    }
)
# By descriptor and phenomenon: the code for light, moderate and heavy. None: there is weather, but no code for it here
_CODES = MappingProxyType(
    {
        "RA": (61, 63, 65),
        "SHRA": (80, 81, 81),  # 81 is moderate or heavy, 82 violent
        "FZRA": (66, 67, 67),
        "DZ": (51, 53, 55),
        "FZDZ": (56, 57, 57),
        "SN": (71, 73, 75),
        "SHSN": (85, 86, 86),
        "RASN": (68, 69, 69),
        "SHRASN": (83, 84, 84),
        "BLSN": (38, 38, 38),
        **dict.fromkeys(("SG", "SHSG"), (77, 77, 77)),
        **dict.fromkeys(("PL", "SHPL", "FZPL"), (79, 79, 79)),
        **dict.fromkeys(("GR", "SHGR"), (89, 89, 89)),
        "FG": (45, 45, 45),
        "FZFG": (48, 48, 48),
        **dict.fromkeys(("MIFG", "BCFG", "PRFG"), (41, 41, 41)),
        "BR": (10, 10, 10),
        "HZ": (5, 5, 5),
        **dict.fromkeys(("FU", "VA"), (4, 4, 4)),
        "DU": (6, 6, 6),
        **dict.fromkeys(("SA", "BLSA", "DRSA", "BLDU", "DRDU", "SS", "DS"), (7, 7, 7)),
        "PO": (8, 8, 8),
        "SQ": (18, 18, 18),
        "FC": (19, 19, 19),
    }
)
_THUNDER, _HAIL = (95, 95, 97), (96, 96, 99)  # with precipitation, with hail
_DRY_THUNDER = 17
_PRECIPITATION = range(50, 95)
_OVERRULED = range(20, 50)  # by a thunderstorm
_HAILSTONES, _MIXED = {"GR", "GS", "PL"}, ({"RA", "SN"}, {"DZ", "SN"})
_STRENGTHS = MappingProxyType({"-": (0, "light "), "": (1, ""), "+": (2, "heavy ")})
_CLOUDS = MappingProxyType(  # in ascending order
    {
        **dict.fromkeys(("SKC", "CLR", "NCD"), (0, "clear")),
        **dict.fromkeys(("CAVOK", "NSC"), (1, "no significant clouds")),  # there may be some above 1,500 m
        "FEW": (1, "few clouds"),
        "SCT": (2, "scattered clouds"),
        "BKN": (3, "broken clouds"),
        "OVC": (3, "overcast"),
        **dict.fromkeys(("OVX", "VV"), (3, "sky obscured")),
    }
)
CLOUD_AMOUNTS = tuple(_CLOUDS)
_group = re.compile(rf"(VC|[+-]?)(MI|BC|PR|DR|BL|SH|TS|FZ)?((?:{'|'.join(_PHENOMENA)}){{0,3}})", re.ASCII).fullmatch


class _Group(NamedTuple):
    """A group of present weather."""

    proximity: str  # "VC", "+", "-" or ""
    descriptor: str  # "" for none
    phenomena: tuple[str, ...]


@functools.lru_cache(maxsize=256)  # because few differ
def describe_report(weather: str, cover: str) -> tuple[int | None, str]:
    """Return the WMO code and the description of present weather such as ``-RA BR``, else of the *cover* of clouds.

    Weather in the vicinity is described, and only a thunderstorm has a code there. A group that is unknown, recent
    weather (``RETS``) and slashes are ignored. The code is None if it is unknown.
    """
    groups = [group for text in weather.split() if (group := parse_group(text))]
    cloud_code, clouds = _CLOUDS.get(cover, (None, ""))
    words = ", ".join(map(_describe_group, groups))[:200]
    here = [group for group in groups if group.proximity != "VC" or group.descriptor == "TS"]
    return (_choose_code(here) if here else cloud_code), words or clouds or "unknown"


def parse_group(text: str) -> _Group | None:
    """Return a group of present weather, or None for anything else."""
    match = _group(text)
    if not match or not (match[3] or match[2] in {"TS", "SH"}):
        return None
    return _Group(match[1], match[2] or "", tuple(re.findall("..", match[3])))


def _choose_code(groups: list[_Group]) -> int | None:
    codes = [code for code in map(_find_code, groups) if code is not None]
    highest = max(codes, default=None)
    if highest is None or _DRY_THUNDER not in codes:
        return highest
    if highest in _PRECIPITATION and any(group.descriptor == "TS" and group.proximity != "VC" for group in groups):
        return _THUNDER[0]  # thunder and precipitation, as groups of their own
    return _DRY_THUNDER if highest in _OVERRULED else highest


def _find_code(group: _Group) -> int | None:
    strength = _STRENGTHS.get(group.proximity, (1, ""))[0]
    if group.descriptor == "TS":
        if not group.phenomena or group.proximity == "VC":
            return _DRY_THUNDER
        return (_THUNDER if _HAILSTONES.isdisjoint(group.phenomena) else _HAIL)[strength]
    showers = "SH" if group.descriptor == "SH" else ""
    if any(mixed <= set(group.phenomena) for mixed in _MIXED):
        return _CODES[f"{showers}RASN"][strength]
    # The strongest of several: drizzle and rain is rain
    found = (_CODES.get(group.descriptor + name) for name in group.phenomena)
    return max((codes[strength] for codes in found if codes), default=None)


def _describe_group(group: _Group) -> str:
    names = " and ".join(_PHENOMENA[name] for name in group.phenomena)
    strength = _STRENGTHS.get(group.proximity, (1, ""))[1]
    match group.descriptor:
        case "TS":
            text = "thunderstorm" + (f" with {strength}{names}" if names else "")
        case "SH":
            text = f"{strength}{names} showers".replace("  ", " ").strip()
        case _ if group.proximity == "+" and group.phenomena == ("FC",):
            text = "tornado"
        case descriptor:
            text = f"{strength}{_DESCRIPTORS.get(descriptor, '')} {names}".replace("  ", " ").strip()
    return f"{text} in the vicinity" if group.proximity == "VC" else text
