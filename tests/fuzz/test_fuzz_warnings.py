"""Corrupted warnings of every service: the result is valid warnings and explained problems, or a ProviderError."""

from __future__ import annotations

import contextlib
import functools
import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fuzz.corruption import assert_explained, count_found
from tests.providers.bright_sky.test_warnings import ALERT
from tests.providers.met_norway.test_warnings import FEATURE
from tests.providers.nws.test_warnings import PROPERTIES
from weatherd.errors import ProviderError
from weatherd.http.response import parse_json
from weatherd.official_warning import Certainty, OfficialWarning, Severity, Urgency
from weatherd.providers.bright_sky.warnings import parse_bright_sky_warnings
from weatherd.providers.met_norway.warnings import parse_met_norway_warnings
from weatherd.providers.nws.warnings import parse_nws_warnings
from weatherd.providers.warning_areas import Place, match_places
from weatherd.warnings.difference import compare_warnings

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from weatherd.providers.warning_areas import ParsedWarnings

pytestmark = pytest.mark.once

BODIES = 10_000  # for each parser and each set of seeds
NOW = datetime.fromisoformat("2026-01-01T00:00:00+00:00")
PLACES = [Place("oslo", 60.0, 10.0, frozenset({"forecast/SDZ006"})), Place("none", 0.0, 0.0)]
PARSERS: dict[str, Callable[[Any], ParsedWarnings]] = {
    "nws": parse_nws_warnings,
    "brightsky": functools.partial(parse_bright_sky_warnings, language="de"),
    "metno": functools.partial(parse_met_norway_warnings, language="en"),
}
SEEDS: dict[str, Any] = {
    "nws": {"features": [{"id": "https://x/1", "properties": PROPERTIES, "geometry": FEATURE["geometry"]}]},
    "brightsky": {"alerts": [ALERT], "location": {"warn_cell_id": 801, "name": "Kiel"}},
    "metno": {"features": [FEATURE], "lang": "en"},
}
FILES = {"nws": "nws/*alerts*", "brightsky": "brightsky/*alerts*", "metno": "metno/metalerts*"}


def parse(name: str, body: bytes) -> int:
    """Return the number of warnings in a body; every warning has to be valid, and every failure explained."""
    try:
        parsed = PARSERS[name](parse_json(body))
    except ProviderError as error:
        assert_explained(error)
        return 0
    for warning in parsed.warnings:
        assert_valid_warning(warning)
    assert all(problem.isprintable() and len(problem) < 500 for problem in parsed.problems)
    known = compare_warnings(None, parsed.warnings, NOW).known
    assert not compare_warnings(known, parsed.warnings, NOW).changes
    assert set(match_places(parsed.found, PLACES)) == {"oslo", "none"}
    return len(parsed.found)


def assert_valid_warning(warning: OfficialWarning) -> None:
    """Fail unless all values have their types, times are in UTC, and texts are printable and not too long."""
    assert isinstance(warning.severity, Severity)
    assert isinstance(warning.urgency, Urgency)
    assert isinstance(warning.certainty, Certainty)
    for moment in (warning.sent, warning.onset, warning.ends):
        assert moment is None or moment.utcoffset() is not None
    for line in (warning.event_key, warning.message_id, warning.event, warning.headline, warning.area, warning.url):
        assert line.isprintable()
        assert len(line) <= 1600
    assert warning.event_key
    assert warning.message_id
    assert warning.event
    for text in (warning.description, warning.instruction):
        assert text.replace("\n", "").isprintable()
        assert len(text) <= 10_000
    (warning.event_key + warning.description).encode()


def count_with_warnings(name: str, documents: list[Any]) -> int:
    """Return how many of BODIES corrupted documents have a warning."""
    bodies = [json.dumps(document).encode() for document in documents]
    return count_found(lambda _, body: parse(name, body) > 0, bodies, name, BODIES)


@pytest.mark.parametrize("name", PARSERS)
@given(body=st.binary())
def test_any_bytes(name: str, body: bytes) -> None:
    """Bytes that are no response of the service are an explained failure."""
    assert parse(name, body) == 0


@pytest.mark.parametrize("name", PARSERS)
def test_corrupted_seeds(name: str) -> None:
    """A corrupted response has valid warnings or is an explained failure."""
    assert parse(name, json.dumps(SEEDS[name]).encode()) == 1
    assert count_with_warnings(name, [SEEDS[name]]) > BODIES / 20


@pytest.mark.parametrize("name", PARSERS)
def test_corrupted_recordings(name: str, recorded: Path) -> None:
    """A corrupted recorded response has valid warnings or is an explained failure."""
    documents = []
    for file in sorted(recorded.glob(FILES[name])):
        with contextlib.suppress(ValueError):
            document = json.loads(file.read_bytes())
            documents.append(document.get("data", document))
    assert count_with_warnings(name, documents) > BODIES / 20
