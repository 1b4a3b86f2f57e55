"""What providers have in common: tables of numbers, units and errors, and requests within the quota.

docs/plugins.md has an example. The names in ``__all__`` are stable; typed decoding, which makes long lists fast, is in
:mod:`weatherd.providers.kit.typed_numbers` and may change.
"""

from __future__ import annotations

from weatherd.providers.kit.client import ServiceClient
from weatherd.providers.kit.errors import ErrorRow, ErrorTable
from weatherd.providers.kit.numbers import (
    BASE,
    FAHRENHEIT,
    FEET,
    INCHES,
    KELVIN,
    KILOMETERS_PER_HOUR,
    KNOTS,
    MILES,
    MILES_PER_HOUR,
    Number,
    NumberTable,
    ServiceUnit,
)
from weatherd.providers.values import as_mapping, clean_text, parse_integer, parse_iso_time, parse_posix_time

__all__ = [
    "BASE",
    "FAHRENHEIT",
    "FEET",
    "INCHES",
    "KELVIN",
    "KILOMETERS_PER_HOUR",
    "KNOTS",
    "MILES",
    "MILES_PER_HOUR",
    "ErrorRow",
    "ErrorTable",
    "Number",
    "NumberTable",
    "ServiceClient",
    "ServiceUnit",
    "as_mapping",
    "clean_text",
    "parse_integer",
    "parse_iso_time",
    "parse_posix_time",
]
