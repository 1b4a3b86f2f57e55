"""Corrupted responses about the past: the result is a list of valid observations or a ProviderError."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from tests.fuzz.corruption import BODIES, assert_explained, count_found
from tests.fuzz.test_fuzz_parsers import NOW, assert_valid
from tests.support.fakes import KIEL
from weatherd.errors import ProviderError
from weatherd.http.response import parse_json
from weatherd.providers.bright_sky.past import build_bright_sky_past_query, parse_bright_sky_past
from weatherd.providers.nws.past import build_nws_past_query, parse_nws_past
from weatherd.providers.open_meteo.client import COMMON_QUERY
from weatherd.providers.open_meteo.past import (
    build_open_meteo_past_query,
    build_open_meteo_places,
    parse_open_meteo_past,
)
from weatherd.simulator.bright_sky_hours import handle_hours
from weatherd.simulator.nws.endpoints import handle_observations
from weatherd.simulator.open_meteo.forecast import handle_forecast
from weatherd.simulator.query import ServiceRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from weatherd.city import City
    from weatherd.observation import Observation

    ParsePast = Callable[[City, Any, datetime], Sequence[Observation]]

pytestmark = pytest.mark.once

SINCE, UNTIL = NOW - timedelta(hours=3), NOW
STATION = {"station": "S0340520"}


def _as_server_reads(query: Mapping[str, str] | None) -> dict[str, list[str]]:
    return {name: [text] for name, text in (query or {}).items()}


def _make_seeds() -> dict[str, Any]:
    """Return a response of each simulated service; in the list of hours, one has a value from a forecast."""
    variables = COMMON_QUERY["current"].split(",")
    times = build_open_meteo_past_query(variables, SINCE, UNTIL) or {}
    quarters = _as_server_reads(build_open_meteo_places([KIEL]) | times)
    hours = handle_hours(_as_server_reads(build_bright_sky_past_query(KIEL, SINCE, UNTIL)), UNTIL)[1]
    hours["weather"][0]["fallback_source_ids"] = {"visibility": hours["sources"][-1]["id"]}
    request = ServiceRequest(_as_server_reads(build_nws_past_query(SINCE, UNTIL)), STATION, {"User-Agent": "x"})
    return {
        "open-meteo": handle_forecast(quarters, UNTIL)[1],
        "bright-sky": hours,
        "nws": handle_observations(request, UNTIL).body,
    }


SEEDS = _make_seeds()
PARSERS: dict[str, ParsePast] = {
    "open-meteo": parse_open_meteo_past,
    "bright-sky": parse_bright_sky_past,
    "nws": parse_nws_past,
}


@pytest.mark.parametrize("name", SEEDS)
def test_corrupted_past(name: str) -> None:
    """A corrupted response has valid observations or is an explained failure."""

    def parse(_: int, body: bytes) -> int:
        try:
            found = PARSERS[name](KIEL, parse_json(body), NOW)
        except ProviderError as error:
            assert_explained(error)
            return 0
        for row in found:
            assert row.find_problem() is None
            assert row.observed_at.tzinfo is UTC
            assert_valid(row)
        return bool(found)

    assert count_found(parse, [json.dumps(SEEDS[name]).encode()], f"past {name}", BODIES // 4) > BODIES / 80
