"""Observations that a destination neither accepts nor rejects are found and skipped; an outage loses nothing."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.pipeline.forwarders.destination import (
    FakeDestination,
    capture_warnings,
    make_observations,
    open_virtual_journal,
    run_forwarders,
)
from tests.support import virtual_time
from tests.support.fakes import BERLIN, KIEL, MUNICH, observation
from tests.support.virtual_time import EPOCH
from weatherd.errors import DeliveryError
from weatherd.observation import FetchedObservation
from weatherd.pipeline.forwarders.group import DeliveryStatus
from weatherd.pipeline.forwarders.isolation import TRIES, Isolation

if TYPE_CHECKING:
    from pathlib import Path

HOUR = 3600.0
WEEK = 7 * 86400.0
SERVER_ERROR = DeliveryError("HTTP status 500", batch_suspected=True)


@pytest.mark.parametrize("poison", [{0}, {57}, {249}, {3, 4, 5, 120}], ids=str)
async def test_a_poison_observation_is_skipped_alone(tmp_path: Path, poison: set[float]) -> None:
    """An observation that always ends in an error is skipped, and everything behind it is delivered: one outage."""
    destination = FakeDestination()
    destination.poison = poison
    with open_virtual_journal(tmp_path) as journal, capture_warnings() as logs:
        await journal.add(make_observations(0, 250))
        async with run_forwarders(journal, destination=destination) as running:
            await asyncio.sleep(60)
            await journal.add(make_observations(250, 260))
            await asyncio.sleep(HOUR)
            status = running.statuses()["destination"]
            assert status == DeliveryStatus(260 - len(poison), len(poison), 0, is_down=False)
        noted = journal.store._db.query("SELECT seq, reason FROM skipped WHERE forwarder = 'destination'")
    assert set(destination.accepted) == set(range(260)) - poison
    assert sorted(noted) == [(number + 1, "HTTP status 500") for number in sorted(poison)]
    assert [log["event"] for log in logs if log["event"] == "forwarder.skipped"] == ["forwarder.skipped"] * len(poison)
    assert len(logs) <= 3 * len(poison)
    assert len(destination.batches) < 100


async def test_a_single_observation_in_a_batch_is_skipped_when_another_follows(tmp_path: Path) -> None:
    """A batch of one is not skipped while nothing waits behind it; the next observation shows that it is the cause."""
    destination = FakeDestination()
    destination.poison = {0}
    with open_virtual_journal(tmp_path) as journal, capture_warnings() as logs:
        async with run_forwarders(journal, destination=destination) as running:
            await journal.add(make_observations(0, 1))
            await asyncio.sleep(6 * HOUR)
            assert running.statuses()["destination"] == DeliveryStatus(0, 0, 1, is_down=True)
            await journal.add(make_observations(1, 2))
            await asyncio.sleep(70)
            assert running.statuses()["destination"] == DeliveryStatus(1, 1, 0, is_down=False)
    assert [log["event"] for log in logs] == ["forwarder.down", "forwarder.recovered", "forwarder.skipped"]


def test_a_city_that_always_fails_does_not_delay_the_others_for_long(tmp_path: Path) -> None:
    """Also if every observation is revised before it has failed often: the others arrive, and the log stays short."""
    virtual_time.run(_a_city_that_always_fails(tmp_path))


async def _a_city_that_always_fails(tmp_path: Path) -> None:
    destination = FakeDestination()
    with open_virtual_journal(tmp_path) as journal, capture_warnings() as logs:
        async with run_forwarders(journal, destination=destination) as running:
            destination.poison = {1000.0 + turn for turn in range(720)}
            for turn in range(720):
                for city, number in ((KIEL, turn), (BERLIN, 1000 + turn), (MUNICH, 2000 + turn)):
                    fetched = EPOCH + timedelta(seconds=5 * turn)
                    values = observation(city, temperature=float(number), observed_at=EPOCH, fetched_at=fetched)
                    await journal.add([FetchedObservation(city, values)])
                await asyncio.sleep(5)
            await asyncio.sleep(600)
            assert running.statuses()["destination"].behind == 0
    assert {719.0, 2719.0} <= set(destination.accepted)
    late = [number for number in destination.accepted if 360 <= number < 720]
    assert len(late) > 180
    assert [log["event"] for log in logs if log["event"] != "forwarder.skipped"] == [
        "forwarder.down",
        "forwarder.recovered",
    ]


@pytest.mark.once
def test_an_outage_with_errors_of_a_week_loses_nothing(tmp_path: Path) -> None:
    """A server that responds to everything with status 500 for a week is an outage: nothing is skipped."""
    virtual_time.run(_an_outage_with_errors(tmp_path))


async def _an_outage_with_errors(tmp_path: Path) -> None:
    destination = FakeDestination()
    destination.go_down()
    with open_virtual_journal(tmp_path) as journal, capture_warnings() as logs:
        async with run_forwarders(journal, destination=destination) as running:
            destination.come_up()
            destination.poison = set(map(float, range(2000)))
            for hour in range(7 * 24):
                await journal.add(make_observations(hour * 6, hour * 6 + 6))
                await asyncio.sleep(HOUR)
            assert running.statuses()["destination"] == DeliveryStatus(0, 0, 1008, is_down=True)
            assert len(destination.batches) < WEEK / 25
            destination.poison = set()
            await asyncio.sleep(120)
            assert running.statuses()["destination"].behind == 0
    assert sorted(set(destination.accepted)) == list(range(1008))
    assert destination.accepted[-1] == 1007
    assert [log["event"] for log in logs] == ["forwarder.down", "forwarder.recovered"]


@pytest.mark.parametrize("seed", range(5))
async def test_an_unreliable_server_loses_nothing(tmp_path: Path, seed: int) -> None:
    """A server that fails at random is not the observations' fault: none is skipped."""
    destination = Unreliable(seed)
    with open_virtual_journal(tmp_path) as journal, capture_warnings():
        await journal.add(make_observations(0, 500))
        async with run_forwarders(journal, destination=destination) as running:
            await asyncio.sleep(HOUR)
            assert running.statuses()["destination"] == DeliveryStatus(500, 0, 0, is_down=False)
    assert set(destination.accepted) == set(range(500))


class Unreliable(FakeDestination):
    """Fails three deliveries of ten."""

    def __init__(self, seed: int) -> None:
        super().__init__()
        self._seed = seed

    async def deliver(self, batch: object, key: str) -> None:
        """Fail or accept, by the number of the delivery."""
        if hash((self._seed, len(self.batches))) % 10 < 3:
            self.batches.append([])
            raise SERVER_ERROR
        await super().deliver(batch, key)  # type: ignore[arg-type]


async def test_an_observation_that_is_delivered_before_its_turn_keeps_its_key(tmp_path: Path) -> None:
    """What is accepted to find the cause is delivered again in its turn, with the same idempotency key."""
    destination = FakeDestination()
    destination.poison = {10, 11, 12}
    with open_virtual_journal(tmp_path) as journal, capture_warnings():
        await journal.add(make_observations(0, 30))
        async with run_forwarders(journal, destination=destination):
            await asyncio.sleep(HOUR)
    keys: dict[float, set[str]] = {}
    for batch, key in zip(destination.batches, destination.keys, strict=True):
        if destination.poison.isdisjoint(batch):
            for number in batch:
                keys.setdefault(number, set()).add(key)
    assert {number for number, seen in keys.items() if len(seen) > 1} == set()
    assert keys.keys() == set(range(30)) - destination.poison


async def test_connection_errors_do_not_divide_a_batch(tmp_path: Path) -> None:
    """While the destination cannot be reached, the batch stays whole, with its key."""
    destination = FakeDestination()
    destination.lose_responses = 12  # an error without a suspicion
    with open_virtual_journal(tmp_path) as journal, capture_warnings():
        await journal.add(make_observations(0, 3))
        async with run_forwarders(journal, destination=destination):
            await asyncio.sleep(HOUR)
    assert destination.batches == [[0, 1, 2]] * 13
    assert len(set(destination.keys)) == 1


def test_only_failures_in_a_row_count() -> None:
    """An unreliable server, which sometimes succeeds, never gets its batches in parts."""
    isolation = Isolation(100)
    for _ in range(10):
        for _ in range(TRIES - 1):
            isolation.record_failure()
        isolation.record_success()
    assert not isolation.is_active


def test_a_skipped_observation_is_remembered_until_batches_are_whole_again() -> None:
    """Its neighbours probably share its fault, so the next failure is suspected at once; later ones are not."""
    isolation = Isolation(4)
    for _ in range(TRIES):
        isolation.record_failure()
    isolation.record_skip()
    isolation.record_success()
    assert (isolation.is_active, isolation.has_skipped) == (True, True)
    isolation.record_success()
    assert (isolation.is_active, isolation.has_skipped) == (False, False)
