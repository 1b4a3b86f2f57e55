"""The colours of the page: text and marks can be read in both themes, by WCAG's contrast ratio."""

from __future__ import annotations

import re

import pytest

from weatherd.web.page.assets import load_assets

_CSS = load_assets().files["page.css"].decode()
_PAIRS = {
    name: (light, dark) for name, light, dark in re.findall(r"--([\w-]+): light-dark\((#\w{6}), (#\w{6})\)", _CSS)
}
_TEXT = ("ink", "ink-2", "ink-3", "accent", "fresh", "stale", "down", "waiting")
_GROUNDS = ("bg", "surface", "inset")
_MARKS = ("rain", "snow", "wind", "pressure", "humidity", "sun", "bolt", "moon", "cloud-line")


def _luminance(colour: str) -> float:
    """Return the relative luminance of WCAG 2.2."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _contrast(one: str, other: str) -> float:
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", [0, 1], ids=["light", "dark"])
def test_text_and_marks_can_be_read(theme: int) -> None:
    """Text has a contrast of 4.5 on every ground that it lies on, and a mark without text 3 on a card."""
    ratios = {
        (text, ground): _contrast(_PAIRS[text][theme], _PAIRS[ground][theme]) for text in _TEXT for ground in _GROUNDS
    }
    ratios |= {
        (text, ground): _contrast(_PAIRS[text][theme], _PAIRS[ground][theme])
        for text, ground in (("ink", "stale-bg"), ("stale", "stale-bg"), ("down", "down-bg"), ("accent", "accent-bg"))
    }
    ratios["surface", "accent"] = _contrast(_PAIRS["surface"][theme], _PAIRS["accent"][theme])
    assert {pair: round(ratio, 2) for pair, ratio in ratios.items() if ratio < 4.5} == {}
    marks = {mark: _contrast(_PAIRS[mark][theme], _PAIRS["surface"][theme]) for mark in _MARKS}
    assert {mark: round(ratio, 2) for mark, ratio in marks.items() if ratio < 3} == {}


def test_numbers_on_the_scale_can_be_read() -> None:
    """The number on each of the 18 fills has a contrast of 4.5; lightness rises to 10 °C and falls from there."""
    fills = re.findall(r"\.t(\d+)\{--t:(#\w{6});--on:(#\w{3,6})\}", _CSS)
    assert [int(number) for number, _, _ in fills] == list(range(18))
    ratios = [_contrast(fill, "#ffffff" if ink == "#fff" else ink) for _, fill, ink in fills]
    assert min(ratios) >= 4.5
    lights = [_luminance(fill) for _, fill, _ in fills]
    assert lights[:11] == sorted(lights[:11])
    assert lights[10:] == sorted(lights[10:], reverse=True)
