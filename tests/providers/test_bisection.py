"""The bisection of a batch, without a loop of its own: which items it sends, and the outcome of each."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support import virtual_time
from weatherd.errors import Failure, ProviderError
from weatherd.providers.bisection import Bisected, IsolatingSender, bisect

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

Outcomes = list[str | ProviderError]
ITEM_FAILURES = (Failure.REJECTED, Failure.MALFORMED, Failure.BROKEN)


class Service:
    """Responds to *n* with ``"n"``, unless a request holds a bad item; records its requests."""

    def __init__(self, bad: Collection[int] = (), failure: Failure = Failure.REJECTED) -> None:
        self.requests: list[list[int]] = []
        self.bad = bad
        self._failure = failure

    async def send(self, items: Sequence[int]) -> Outcomes:
        """Fail if one of *items* is bad."""
        self.requests.append(list(items))
        if culprits := set(items) & set(self.bad):
            raise ProviderError(f"no {min(culprits)}", self._failure)
        return [str(item) for item in items]

    def bisect(self, items: Sequence[int], max_requests: int = 1_000_000) -> Bisected[int, str]:
        """Run a bisection on a loop of its own, which hypothesis needs."""
        bisected: Bisected[int, str] = virtual_time.run(bisect(self.send, items, max_requests=max_requests))
        return bisected


def is_failed(outcome: str | ProviderError) -> bool:
    """Return whether an item has no result."""
    return isinstance(outcome, ProviderError)


@given(st.integers(1, 200), st.sets(st.integers(0, 199), max_size=12), st.sampled_from(ITEM_FAILURES[:2]))
def test_good_items_succeed_and_culprits_are_named(count: int, bad: set[int], failure: Failure) -> None:
    """Each good item has its own result in its place, and exactly the bad ones have an error and are the culprits."""
    bad = {item for item in bad if item < count}
    outcomes, culprits = Service(bad, failure).bisect(range(count))
    assert culprits == bad
    assert [str(outcome) for outcome in outcomes] == [f"no {n}" if n in bad else str(n) for n in range(count)]
    assert [is_failed(outcome) for outcome in outcomes] == [n in bad for n in range(count)]


@given(st.integers(1, 1000), st.sets(st.integers(0, 999), max_size=12))
def test_the_number_of_requests(count: int, bad: set[int]) -> None:
    """For k culprits in n items there are at most 1 + 2 * k * ceil(log2(n)) requests, and one when all are good."""
    service = Service(bad)
    service.bisect(range(count))
    found = sum(item < count for item in bad)
    assert len(service.requests) <= 1 + 2 * found * math.ceil(math.log2(count))
    assert service.requests[0] == list(range(count))


@given(st.integers(2, 200), st.integers(0, 199))
def test_no_request_is_sent_that_has_to_fail(count: int, bad: int) -> None:
    """The items sent are those that succeed, each once, and the search: at most twice as many, for a culprit in front.

    A culprit at the end costs half of that, because a half is not sent if the other one has succeeded.
    """
    bad %= count
    service = Service([bad])
    service.bisect(range(count))
    good = [request for request in service.requests if bad not in request]
    assert sorted(item for request in good for item in request) == [item for item in range(count) if item != bad]
    assert sum(map(len, service.requests)) <= 3 * count + 2
    at_end = Service([count - 1])
    at_end.bisect(range(count))
    assert sum(map(len, at_end.requests)) <= 2 * count


@given(st.integers(1, 200), st.integers(0, 199))
def test_one_culprit_of_an_uncertain_failure(count: int, bad: int) -> None:
    """A failure that may be the service's is bisected as long as one of the halves succeeds."""
    bad %= count
    outcomes, culprits = Service([bad], Failure.BROKEN).bisect(range(count))
    assert culprits == {bad}
    assert [is_failed(outcome) for outcome in outcomes] == [n == bad for n in range(count)]


@pytest.mark.parametrize("count", [2, 3, 100])
def test_a_service_that_always_fails_has_no_culprits(count: int) -> None:
    """When both halves fail as the whole did, the service is the cause: after three requests no item is blamed."""
    service = Service(range(count), Failure.BROKEN)
    outcomes, culprits = service.bisect(range(count))
    assert (len(service.requests), culprits) == (3, set())
    assert all(map(is_failed, outcomes))


@pytest.mark.parametrize("failure", [failure for failure in Failure if failure not in ITEM_FAILURES])
def test_a_failure_that_no_item_can_cause(failure: Failure) -> None:
    """Other failures cost one request, and each item gets an error object of its own."""
    service = Service([3], failure)
    outcomes, culprits = service.bisect(range(8))
    assert (service.requests, culprits) == ([list(range(8))], set())
    assert {outcome.failure for outcome in outcomes if isinstance(outcome, ProviderError)} == {failure}
    assert len({id(outcome) for outcome in outcomes}) == 8


@given(st.integers(1, 200), st.sets(st.integers(0, 199)), st.integers(1, 60))
def test_the_requests_are_limited(count: int, bad: set[int], max_requests: int) -> None:
    """Never more requests than allowed; each item has an outcome, and no bad one a result."""
    service = Service(bad)
    outcomes, culprits = service.bisect(range(count), max_requests)
    assert len(service.requests) <= max_requests
    assert len(outcomes) == count
    assert all(is_failed(outcomes[n]) for n in bad if n < count)
    assert all(is_failed(outcome) or outcome == str(n) for n, outcome in enumerate(outcomes))
    assert culprits <= bad


def test_the_halves_of_the_example() -> None:
    """The requests are those of the example in the documentation."""
    service = Service([2])
    service.bisect(range(8))
    assert ["".join(map(str, items)) for items in service.requests] == [
        "01234567",
        "0123",
        "4567",
        "01",
        "2",
        "3",
    ]


def test_a_pause_spreads_the_retries() -> None:
    """The error of a paused service has another retry time for each item."""

    async def send(_: Sequence[int]) -> Outcomes:
        raise ProviderError("paused", Failure.PAUSED, retry_after=10, retry_spacing=2)

    outcomes, _ = virtual_time.run(bisect(send, range(3)))
    assert [outcome.retry_after for outcome in outcomes if isinstance(outcome, ProviderError)] == [10, 12, 14]


def test_a_pause_during_the_search_wins() -> None:
    """When a half fails because the service was paused meanwhile, all items get its retry time."""
    requests: list[list[int]] = []

    async def send(items: Sequence[int]) -> Outcomes:
        requests.append(list(items))
        if len(requests) == 1:
            raise ProviderError("broken", Failure.BROKEN)
        raise ProviderError("paused", Failure.PAUSED, retry_after=10, retry_spacing=2)

    outcomes, culprits = virtual_time.run(bisect(send, range(4)))
    assert (len(requests), culprits) == (3, set())
    assert [outcome.retry_after for outcome in outcomes if isinstance(outcome, ProviderError)] == [10, 12, 14, 16]


def test_an_error_within_a_response() -> None:
    """An error that comes with the other items' results is theirs alone: nothing is sent again, without a culprit."""

    async def send(items: Sequence[int]) -> Outcomes:
        return [ProviderError("no", Failure.MALFORMED) if item == 1 else str(item) for item in items]

    outcomes, culprits = virtual_time.run(bisect(send, range(3)))
    assert ([str(outcome) for outcome in outcomes], culprits) == (["0", "no", "2"], set())


@pytest.mark.parametrize("length", [0, 2, 4])
def test_a_wrong_number_of_outcomes_is_a_bug(length: int) -> None:
    """Outcomes that cannot be matched to items are a ValueError."""

    async def send(_: Sequence[int]) -> Outcomes:
        return ["x"] * length

    with pytest.raises(ValueError, match=f"^3 items were sent, {length} outcomes came back$"):
        virtual_time.run(bisect(send, range(3)))


@given(st.lists(st.integers(0, 9), min_size=1, max_size=20), st.sets(st.integers(0, 9), max_size=4))
def test_known_culprits_are_sent_alone(items: list[int], bad: set[int]) -> None:
    """After one batch the culprits go alone and the rest together, each outcome in its place, duplicates too."""
    service = Service(bad)
    sender: IsolatingSender[int, str] = IsolatingSender(service.send)
    expected = [f"no {item}" if item in bad else str(item) for item in items]
    for _ in range(2):
        service.requests.clear()
        outcomes = virtual_time.run(sender.send(items))
        assert [str(outcome) for outcome in outcomes] == expected
    together = [item for item in items if item not in bad]
    assert service.requests == [*([together] if together else []), *([item] for item in items if item in bad)]


def test_a_culprit_that_succeeds_joins_the_others_again() -> None:
    """A culprit joins the others again after one success."""
    service = Service([1])
    sender: IsolatingSender[int, str] = IsolatingSender(service.send)
    virtual_time.run(sender.send(range(3)))
    service.bad = ()
    virtual_time.run(sender.send(range(3)))
    service.requests.clear()
    virtual_time.run(sender.send(range(3)))
    assert service.requests == [[0, 1, 2]]
