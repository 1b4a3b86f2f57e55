"""The gazetteer of the simulated services."""

from __future__ import annotations

import pytest

from weatherd.simulator.places.gazetteer import find_by_name


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("Москва", "Moscow"), ("москва", "Moscow"), ("東京", "Tokyo"), ("서울", "Seoul"), ("القاهرة", "Cairo"),
        ("Αθήνα", "Athens"), ("αθηνα", "Athens"), ("תל אביב", "Tel Aviv"), ("दिल्ली", "Delhi"), ("München", "Munich"),
    ],
)  # fmt: skip
def test_a_place_has_the_name_of_its_own_language(name: str, found: str) -> None:
    """As in Open-Meteo's geocoding, a place is found by it in its own script, without regard to case and accents."""
    assert find_by_name(name)[0].name == found
