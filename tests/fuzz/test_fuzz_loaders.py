"""Corrupted configuration files: the result of loading is a value or a ConfigError."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from weatherd.config.city_list import parse_cities
from weatherd.config.loader import SHIPPED_SETTINGS, parse_settings
from weatherd.config.yaml import reader
from weatherd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.once

COUNT = 3_000  # files for each loader
SEED = 20260101
PROVIDERS = ["open-meteo", "openweathermap"]
CITIES = """\
cities:
  - {name: Kiel, lat: 54.305902, lon: 10.123282}  # by the sea
  - name: "M\\u00fcnchen"
    lat: &north 48.144049
    lon: 11.575928
    interval: 1h30m
    providers: [openweathermap, open-meteo]
  - {name: São Paulo, lat: -23.5, lon: -46.6, id: sampa, timezone: America/Sao_Paulo}
"""
SETTINGS = """\
interval: 90s
providers: [open-meteo]
console: {enabled: no, format: "{name:>10}: {temperature:+.1f} {observed_at:%H:%M}"}
log:
  level: debug
  format: json
openweathermap: {api_key: 'k', base_url: http://localhost:8080, concurrency: 3, language: pt_br}
"""
ODD = """\
%YAML 1.2
---
? a
: - |
    text
  - >-
    folded
b: &x {c: [1, 2.5e3, .inf, 0x1F, 0o17, ~, true]}
d: [*x, !!str 5, 'it''s', "\\t\\x41", {}]
...
"""
TOKENS = [
    *"{}[],:&*!|>'\"%@`#?-~\n\t \r\0\x85\u2028\ufeffü🌧",
    ": ", "- ", "---\n", "...\n", "*x", "&x ", "!!int ", "<<: ", "null", "true", "no", ".nan", "-.inf", "1e999",
    "9" * 50, "0x", "1:30", "10m", "{name:99999}", "{name", "cities:", "\\ud800", "http://[", "~/x", "../", "[" * 60,
    "{a: " * 60,
]  # fmt: skip


def mutations(seeds: list[str], rng: random.Random) -> Iterator[str]:
    """Yield COUNT texts, each a seed with a few corruptions."""
    for _ in range(COUNT):
        data = rng.choice(seeds).encode()
        for _ in range(rng.randint(1, 4)):
            data = rng.choice(DAMAGES)(data, rng)
        yield data.decode(errors=rng.choice(["replace", "ignore"]))


def _byte(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + bytes([rng.randrange(256)]) + data[at + rng.randint(0, 1) :]


def _token(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    token: str = rng.choice(TOKENS)
    return data[:at] + token.encode() + data[at + rng.choice([0, 0, 1, 5]) :]


def _cut(data: bytes, rng: random.Random) -> bytes:
    at = rng.randrange(len(data) + 1)
    return data[:at] + data[at + rng.randint(1, 20) :]


def _line(data: bytes, rng: random.Random) -> bytes:
    """Remove, repeat, swap or indent a line."""
    lines = data.split(b"\n")
    one, other = rng.randrange(len(lines)), rng.randrange(len(lines))
    match rng.randrange(4):
        case 0:
            del lines[one]
        case 1:
            lines.insert(other, lines[one])
        case 2:
            lines[one], lines[other] = lines[other], lines[one]
        case _:
            lines[one] = b" " * rng.randint(1, 4) + lines[one]
    return b"\n".join(lines)


def _value(data: bytes, rng: random.Random) -> bytes:
    """Replace a value with a token."""
    starts = [at + 2 for at in range(len(data)) if data[at : at + 2] == b": "]
    if not starts:
        return data
    at = rng.choice(starts)
    length = next((n for n, letter in enumerate(data[at:]) if letter in b",}\n"), 0)
    token: str = rng.choice(TOKENS)
    return data[:at] + token.encode() + data[at + length :]


DAMAGES: list[Callable[[bytes, random.Random], bytes]] = [_byte, _token, _cut, _line, _value]


def _parse(text: str) -> object:
    return reader.parse_yaml(text, "f.yaml")


def _load_cities(text: str) -> object:
    return parse_cities([("f.yaml", text)], PROVIDERS)


def _load_settings(text: str) -> object:
    return parse_settings(text, "f.yaml", {}, PROVIDERS)


SHIPPED_TEXTS = [reader.read_text(SHIPPED_SETTINGS), reader.read_text(SHIPPED_SETTINGS.parent / "cities.yaml")]


@pytest.mark.timeout(300)
@pytest.mark.parametrize(
    ("load", "seeds"),
    [
        (_parse, [ODD, CITIES, SETTINGS, *SHIPPED_TEXTS]),
        (_load_cities, [CITIES, SHIPPED_TEXTS[1]]),
        (_load_settings, [SETTINGS, SHIPPED_TEXTS[0]]),
    ],
    ids=["yamlfile.parse", "cities.collect", "configuration.parse_settings"],
)
def test_a_damaged_file_is_a_value_or_a_config_error(load: Callable[[str], object], seeds: list[str]) -> None:
    """No other exception, no warning and no hang; both results occur, and each problem names file and position."""
    loaded = 0
    for text in mutations(seeds, random.Random(SEED)):
        try:
            load(text)
        except ConfigError as error:
            assert all(problem.where.startswith("f.yaml:") for problem in error.problems), text  # noqa: PT017
        except Exception as error:
            raise AssertionError(repr(text)) from error
        else:
            loaded += 1
    assert COUNT / 50 < loaded < COUNT
