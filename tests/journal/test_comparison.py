"""Comparison of services: pairs, errors with their interval of confidence, outages, order. Properties."""

from __future__ import annotations

import random
from itertools import pairwise
from math import cos, pi

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weatherd.journal.comparison.agreement import measure_agreement, student_quantile
from weatherd.journal.comparison.outages import ServiceOutage, find_outages
from weatherd.journal.comparison.pairing import PAIR_TOLERANCE, TimedValue, ValuePair, match_times, pair_with_median
from weatherd.journal.comparison.services import ServiceRow, compare_services
from weatherd.observation import BACKFILL, LIVE, OK

DAY, HOUR = 86400, 3600
TIMES = st.lists(st.integers(0, 3 * DAY), unique=True, max_size=30).map(sorted)
NUMBERS = st.integers(-900, 600).map(lambda tenths: tenths / 10)


def make_series(times: list[int], value: float = 10.0) -> list[TimedValue]:
    """Return the values of a service."""
    return [TimedValue(at, value) for at in times]


def make_rows(provider: str, times: range, value: float, origin: str = LIVE) -> list[ServiceRow]:
    """Return the rows of a service."""
    return [(provider, at, value, origin, OK) for at in times]


@given(TIMES, TIMES)
def test_pairs_are_near_unique_and_mutual(times: list[int], others: list[int]) -> None:
    """Partners are within the tolerance, in order, used once, and the same from both sides; same times always pair."""
    values, references = make_series(times), make_series(others)
    pairs = list(match_times(values, references))
    assert all(abs(times[index] - others[partner]) <= PAIR_TOLERANCE for index, partner in pairs)
    assert all(first < second and partner < other for (first, partner), (second, other) in pairwise(pairs))
    assert {times[index] for index, _ in pairs} >= {*times} & {*others}
    assert {(index, partner) for partner, index in match_times(references, values)} == {*pairs}


@given(TIMES, st.lists(NUMBERS, min_size=1, max_size=5))
def test_reference_is_the_median(times: list[int], references: list[float]) -> None:
    """Each value is compared with the median of the references, one of which may be far off."""
    pairs = pair_with_median(make_series(times), [make_series(times, value) for value in references])
    ordered, middle = sorted(references), len(references) // 2
    assert [pair.at for pair in pairs] == times
    assert all(ordered[(len(references) - 1) // 2] <= pair.reference <= ordered[middle] for pair in pairs)


@given(st.lists(st.tuples(st.integers(0, 20 * DAY), NUMBERS, NUMBERS), min_size=1), NUMBERS)
def test_errors_follow_their_definition(found: list[tuple[int, float, float]], shift: float) -> None:
    """A constant added to a service moves its bias and both ends by it; |bias| <= error; the interval holds the bias.

    Exchanging service and reference changes the sign only.
    """
    pairs = [ValuePair(*values) for values in found]
    first = measure_agreement(pairs)
    moved = measure_agreement([pair._replace(value=pair.value + shift) for pair in pairs])
    exchanged = measure_agreement([ValuePair(pair.at, pair.reference, pair.value) for pair in pairs])
    assert first is not None
    assert moved is not None
    assert exchanged is not None
    assert moved.bias == pytest.approx(first.bias + shift, abs=1e-9)
    assert exchanged.bias == pytest.approx(-first.bias, abs=1e-9)
    assert exchanged.mean_absolute_error == pytest.approx(first.mean_absolute_error, abs=1e-9)
    assert abs(first.bias) <= first.mean_absolute_error + 1e-9
    assert (first.interval is None) == (moved.interval is None) == (exchanged.interval is None)
    if first.interval and moved.interval:
        low, high = first.interval
        assert low <= first.bias <= high
        assert moved.interval == pytest.approx((low + shift, high + shift), abs=1e-6)


def test_interval_needs_three_days() -> None:
    """Two days of pairs, however many, give no interval; three do."""
    pairs = [ValuePair(at, at % 7, 0.0) for at in range(0, 3 * DAY, 600)]
    short, long = measure_agreement([pair for pair in pairs if pair.at < 2 * DAY]), measure_agreement(pairs)
    assert short is not None
    assert short.interval is None
    assert long is not None
    assert long.interval is not None
    assert measure_agreement([]) is None


@pytest.mark.parametrize(("memory", "share"), [(0.0, 0.9), (0.96, 0.88)])
def test_interval_holds_the_bias(memory: float, share: float) -> None:
    """The interval holds the true bias nearly as often as it says, also for errors that last and have a daily course.

    With the pairs as the sample, it would hold it in less than half of the months.
    """
    randomness, months, held = random.Random(23), 150, 0
    for _ in range(months):
        pairs, error = [], 0.0
        for step in range(30 * 24):
            error = memory * error + randomness.gauss(0, 1)
            pairs.append(ValuePair(step * 3600, 0.7 + error + 2 * cos(step * pi / 12), 0.0))
        agreement = measure_agreement(pairs)
        assert agreement is not None
        assert agreement.interval is not None
        held += agreement.interval[0] <= 0.7 <= agreement.interval[1]
    assert share <= held / months <= 1.0


@pytest.mark.parametrize(
    ("freedom", "quantile"), [(2, 4.3027), (3, 3.1824), (5, 2.5706), (10, 2.2281), (29, 2.0452), (1e9, 1.9600)]
)
def test_student_quantiles(freedom: float, quantile: float) -> None:
    """The quantiles are those of the tables, to within 1 %."""
    assert student_quantile(0.975, freedom) == pytest.approx(quantile, rel=0.01)


def test_outages() -> None:
    """A gap is an outage if it is long and another service reported in it; else weatherd did not run."""
    times = [*range(0, 10 * HOUR, 900), *range(20 * HOUR, 30 * HOUR, 900), *range(50 * HOUR, 60 * HOUR, 900)]
    others = [15 * HOUR]
    assert find_outages(times, others) == [ServiceOutage(10 * HOUR - 900, 20 * HOUR)]
    assert find_outages([0, HOUR, 2 * HOUR, 4 * HOUR], range(0, DAY, 60)) == []  # hourly, one was missed
    assert find_outages([], others) == find_outages([HOUR], others) == []


def test_station_is_the_reference() -> None:
    """The measuring service is first, the others follow by their error; suspect and missing values do not count."""
    times = range(0, 5 * DAY, HOUR)
    rows = [
        *make_rows("model", times, 11.0),
        *make_rows("coarse", times, 7.0),
        *make_rows("station", times, 10.0),
        ("model", 5 * DAY, 99.0, LIVE, "suspect: temperature range"),
        ("model", 6 * DAY, None, LIVE, OK),
    ]
    found = compare_services(rows, "temperature", {"station"}, {"model"})
    assert (found.reference, found.preferred) == ("station", "station")
    assert [service.provider for service in found.services] == ["station", "model", "coarse"]
    station, model, coarse = found.services
    assert station.agreement is None
    assert model.agreement == (120, 1.0, 1.0, (1.0, 1.0))
    assert coarse.agreement is not None
    assert coarse.agreement.bias == -3.0
    assert (station.outages, model.outages, coarse.outages) == (None, [], None)


def test_differences_from_other_services_count() -> None:
    """A value that is suspect only because it is far from other services is what is measured."""
    rows = [*make_rows("first", range(0, DAY, HOUR), 10.0), *make_rows("second", range(0, DAY, HOUR), 40.0)]
    rows[30:] = [(*row[:4], "suspect: temperature services, wind_gust range") for row in rows[30:]]
    rows[-1] = (*rows[-1][:4], "suspect: temperature step, temperature services")
    _, second = compare_services(rows, "temperature", {"first"}, set()).services
    assert (second.provider, second.observations) == ("second", 23)


def test_two_services_without_a_station_are_not_judged() -> None:
    """They differ from each other alike, so neither is preferred; a third one decides."""
    times = range(0, 5 * DAY, HOUR)
    rows = [*make_rows("first", times, 10.0), *make_rows("second", times, 12.0)]
    found = compare_services(rows, "temperature", set(), set())
    assert [service.agreement and service.agreement.bias for service in found.services] == [-2.0, 2.0]
    assert found.preferred is None
    rows += make_rows("third", times, 12.5)
    found = compare_services(rows, "temperature", set(), set())
    assert (found.reference, found.preferred) == (None, "second")
    assert compare_services([], "temperature", set(), set()).services == []


def test_backfill_hides_no_outage() -> None:
    """What a service was asked for afterwards counts as a value, and its outage still counts."""
    rows = [
        *make_rows("model", range(0, DAY, HOUR), 10.0),
        *make_rows("model", range(DAY, 2 * DAY, HOUR), 10.0, BACKFILL),
        *make_rows("model", range(2 * DAY, 3 * DAY, HOUR), 10.0),
        *make_rows("other", range(0, 3 * DAY, HOUR), 10.0),
    ]
    model, _ = compare_services(rows, "temperature", set(), {"model"}).services
    assert model.observations == 72
    assert model.outages == [ServiceOutage(DAY - HOUR, 2 * DAY)]
