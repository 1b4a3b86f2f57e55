"""The difference between two city lists."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from tests.support.fakes import BERLIN, KIEL, MUNICH
from weatherd.city import City
from weatherd.config.diff import CityListDiff, diff

CITIES = [
    City(name=name, lat=float(lat), lon=10.0, interval=pace) for name in "AB" for lat in (1, 2) for pace in (9, 10)
]
lists = st.lists(st.sampled_from(CITIES), unique_by=lambda city: city.id)


def test_equal_cities_are_unchanged() -> None:
    """Cities that are equal in every value are not in the diff, even if they are different objects."""
    assert diff([KIEL], [replace(KIEL)]) == CityListDiff((KIEL,), {}, {})
    moved, slower = replace(BERLIN, lat=52.6), replace(KIEL, interval=7200.0)
    found = diff([KIEL, BERLIN], [slower, moved, MUNICH])
    assert (found.added, found.removed, found.changed, found.moved) == (
        {"munchen"},
        set(),
        {"berlin", "kiel"},
        {"berlin"},
    )


@given(lists, lists)
def test_a_diff_leads_from_one_list_to_the_other(before: list[City], after: list[City]) -> None:
    """Applied to the first list, the diff gives the second; each city is added, removed, changed or unchanged."""
    found = diff(before, after)
    kept = [city for city in before if city.id not in found.removed_or_changed]
    assert sorted([*kept, *found.added_or_changed.values()], key=str) == sorted(after, key=str)
    assert found.cities == tuple(sorted(after, key=lambda city: city.id))
    assert len(found.added) + len(found.changed) + found.unchanged == len(after)
    assert len(found.removed) + len(found.changed) + found.unchanged == len(before)
    assert found.moved <= found.changed
