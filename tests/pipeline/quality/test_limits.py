"""The limits: their documentation, and their validation."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from weatherd.config.sections.quality import QualitySection
from weatherd.config.setting_fields import walk_settings
from weatherd.providers import values
from weatherd.text.duration import parse_duration

DOCUMENT = Path(__file__).parents[3] / "docs" / "quality.md"


def _list_limits() -> dict[str, float]:
    section = QualitySection()
    limits = {}
    for field in walk_settings(QualitySection):
        if len(field.keys) == 2:
            limits[".".join(("quality", *field.keys))] = getattr(getattr(section, field.keys[0]), field.keys[1])
    return limits


def test_every_limit_has_a_source() -> None:
    """The table in docs/quality.md has exactly the limits, with their defaults and a source or a reason."""
    rows = re.findall(
        r"^\| `(quality\.[\w.]+)` \| `([^`]+)`[^|]* \| (.+) \|$", DOCUMENT.read_text("utf-8"), re.MULTILINE
    )
    documented = {name: parse_duration(default) if default[-1] == "h" else float(default) for name, default, _ in rows}
    assert documented == _list_limits()
    assert all(re.match(r"WMO|HadISD|Zahumenský|limit of|ours\b.*(because|as|:)", source) for _, _, source in rows)


@pytest.mark.parametrize(
    ("field", "bounds"),
    [
        ("temperature", values.TEMPERATURE),
        ("relative_humidity", values.RELATIVE_HUMIDITY),
        ("pressure_msl", values.PRESSURE_MSL),
        ("wind_speed", values.WIND_SPEED),
        ("wind_gust", values.WIND_SPEED),
        ("precipitation", values.PRECIPITATION),
    ],
)
def test_ranges_are_within_what_is_stored(field: str, bounds: tuple[float, float]) -> None:
    """A value outside the provider's bounds is never stored: a range beyond them would find nothing."""
    limits = getattr(QualitySection(), field)
    assert bounds[0] <= limits.low < limits.high < bounds[1]


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"temperature": {"low": 60}}, "should have a 'low' of at most 'high', which is 57"),
        ({"temperature": {"persistence": "30m"}}, "should be 1h or more"),
        ({"temperature": {"step": -1}}, "greater than or equal to 0"),
        ({"temperature": {"high": "nan"}}, "finite number"),
        ({"temperature": {"high": True}}, "should be a number, not true"),
        ({"wind_gust": {"step": 3}}, "Extra inputs are not permitted"),
    ],
)
def test_mistakes(section: dict[str, object], message: str) -> None:
    """A limit that cannot be meant is an error."""
    with pytest.raises(ValidationError, match=re.escape(message)):
        QualitySection.model_validate(section)
