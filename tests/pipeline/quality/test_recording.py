"""The judgement of observations as they are recorded, and what follows from it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from structlog.testing import capture_logs

from tests.support.fakes import KIEL, make_fetched, observation
from tests.support.virtual_time import EPOCH
from weatherd.config.diff import diff
from weatherd.config.sections.quality import QualitySection
from weatherd.freshness import BUILT_IN_BUDGETS
from weatherd.observation import LastObservation
from weatherd.pipeline.latest import LatestObservations
from weatherd.pipeline.quality.control import QualityControl

if TYPE_CHECKING:
    from weatherd.observation import FetchedObservation

STEP = "suspect: temperature step"


def make_judged_latest(*saved: LastObservation) -> LatestObservations:
    """Return the latest observations of Kiel, which are judged."""
    latest = LatestObservations(saved, BUILT_IN_BUDGETS, QualityControl(QualitySection()))
    latest.apply(diff((), [KIEL]))
    return latest


def at(minutes: float, temperature: float, fetched: float | None = None) -> FetchedObservation:
    """Return an observation of Kiel; the fetch is at the same time, or at *fetched* minutes."""
    moment = EPOCH + timedelta(minutes=minutes)
    later = moment if fetched is None else EPOCH + timedelta(minutes=fetched)
    return make_fetched(KIEL, observed_at=moment, fetched_at=later, temperature=temperature)


def test_new_observations_are_judged_in_order() -> None:
    """In a batch and across batches; the latest observation has the quality that the journal and the sinks get."""
    latest = make_judged_latest()
    first = latest.record([at(0, 10.0), at(10, 40.0)])
    second = latest.record([at(20, 10.1)])
    assert [fetched.observation.quality for fetched in [*first, *second]] == ["ok", STEP, "ok"]
    assert latest.get(KIEL.id) == second[0].observation


def test_a_repeat_keeps_its_quality() -> None:
    """It is not judged anew, and it is a repeat although the service knows nothing of the quality."""
    latest = make_judged_latest()
    latest.record([at(0, 10.0), at(10, 40.0)])
    (repeat,) = latest.record([at(10, 40.0, fetched=20)])
    assert repeat.repeat
    assert repeat.observation.quality == STEP
    assert latest.quality
    assert latest.quality.counts.total() == 1


def test_a_saved_observation_is_compared_with() -> None:
    """After a restart the first observation is judged by the last one in the journal."""
    saved = LastObservation(KIEL.lat, KIEL.lon, observation(temperature=10.0, observed_at=EPOCH))
    (judged,) = make_judged_latest(saved).record([at(10, 40.0)])
    assert judged.observation.quality == STEP


def test_a_moved_city_begins_anew() -> None:
    """Its weather is not compared with that of its former place, and a late observation of that one with nothing."""
    latest = make_judged_latest()
    latest.record([at(0, 10.0)])
    moved = replace(KIEL, lat=1.0)
    latest.apply(diff([KIEL], [moved]))
    late, new = latest.record([at(10, 40.0), at(20, 30.0)._replace(city=moved)])
    assert (late.observation.quality, new.observation.quality) == ("ok", "ok")


def test_a_providers_own_judgement_stays() -> None:
    """A plug-in may know of doubts that weatherd does not have."""
    own = make_fetched(KIEL, quality="suspect: visibility range")
    (recorded,) = make_judged_latest().record([own])
    assert recorded.observation.quality == "suspect: visibility range"


def test_nothing_is_judged_if_it_is_off() -> None:
    """Then all observations are ok, and nothing is logged."""
    latest = LatestObservations((), BUILT_IN_BUDGETS)
    latest.apply(diff((), [KIEL]))
    with capture_logs() as logs:
        recorded = latest.record([at(0, 10.0), at(10, 65.0)])
    assert {fetched.observation.quality for fetched in recorded} == {"ok"}
    assert logs == []
