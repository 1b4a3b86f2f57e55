"""The names of the countries in the gazetteer, by ISO 3166 code."""

from __future__ import annotations

from types import MappingProxyType

_COUNTRIES = """
AE United Arab Emirates|AQ Antarctica|AR Argentina|AT Austria|AU Australia|BE Belgium|BG Bulgaria|BR Brazil
CA Canada|CH Switzerland|CL Chile|CN China|CO Colombia|CU Cuba|CZ Czechia|DE Germany|DK Denmark|EE Estonia
EG Egypt|ES Spain|FI Finland|FR France|GB United Kingdom|GR Greece|HK Hong Kong|HR Croatia|HU Hungary
ID Indonesia|IE Ireland|IL Israel|IN India|IR Iran|IS Iceland|IT Italy|JP Japan|KE Kenya|KR South Korea
LT Lithuania|LU Luxembourg|LV Latvia|MA Morocco|MN Mongolia|MX Mexico|NG Nigeria|NL The Netherlands|NO Norway
NP Nepal|NZ New Zealand|PE Peru|PH Philippines|PK Pakistan|PL Poland|PT Portugal|RO Romania|RS Serbia
RU Russia|SE Sweden|SG Singapore|SI Slovenia|SJ Svalbard and Jan Mayen|SK Slovakia|TH Thailand|TR Türkiye
UA Ukraine|US United States|ZA South Africa
"""
COUNTRIES = MappingProxyType(
    {entry[:2]: entry[3:] for line in _COUNTRIES.split("\n") for entry in line.split("|") if entry}
)
