"""Quality control of cities: what is compared, counted and logged."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from structlog.testing import capture_logs

from tests.support.fakes import BERLIN, KIEL, observation
from tests.support.virtual_time import EPOCH
from weatherd.config.sections.quality import QualitySection
from weatherd.pipeline.quality.control import QualityControl

if TYPE_CHECKING:
    from weatherd.observation import Observation

STEP = "suspect: temperature step"


class Station:
    """A station whose observations are judged one after the other, every ten minutes."""

    def __init__(self) -> None:
        self.control = QualityControl(QualitySection())
        self.latest: Observation | None = None
        self._minutes = 0.0

    def report(self, minutes: float = 10, **values: Any) -> str:
        """Return the quality of the next observation."""
        self._minutes += minutes
        at = EPOCH + timedelta(minutes=self._minutes)
        reported = observation(observed_at=at, fetched_at=at, **values)
        quality = self.control.judge(reported, self.latest)
        self.latest = reported._replace(quality=quality)
        self.control.log_changes()
        return quality


def test_a_spike_is_one_suspect_observation() -> None:
    """The next value is compared with the one before the spike."""
    station = Station()
    temperatures = [10.0, 10.2, 40.0, 10.3, 10.4]
    assert [station.report(temperature=value) for value in temperatures] == ["ok", "ok", STEP, "ok", "ok"]


def test_a_long_spike_stays_suspect_for_an_hour() -> None:
    """A new level is believed when it has lasted for an hour, as after a cold front."""
    station = Station()
    station.report(temperature=10.0)
    found = [station.report(temperature=28.0 + number / 10) for number in range(9)]
    assert found == [STEP] * 6 + ["ok"] * 3


def test_a_broken_sensor_hides_no_steps_of_the_others() -> None:
    """Gusts are out of range for hours; a spike of the temperature is found all the same."""
    station = Station()
    assert {station.report(temperature=5.0, wind_gust=200.0) for _ in range(12)} == {"suspect: wind_gust range"}
    assert station.report(temperature=-15.0, wind_gust=200.0) == "suspect: wind_gust range, temperature step"
    assert station.report(temperature=5.2, wind_gust=200.0) == "suspect: wind_gust range"


def test_other_services_and_stations_are_not_compared() -> None:
    """A model and a station differ, and so do two stations."""
    station = Station()
    station.report(temperature=10.0)
    assert station.report(temperature=30.0, provider="nws") == "ok"
    assert station.report(temperature=10.0, provider="nws", station="KSFO") == "ok"
    assert station.report(temperature=30.0, provider="nws", station="KSFO") == STEP


def test_a_spike_is_remembered_while_another_service_stands_in() -> None:
    """When the first service has recovered, its value is compared with its last plausible one."""
    station = Station()
    values = [(10.0, "nws"), (40.0, "nws"), (11.0, "open-meteo"), (40.0, "nws"), (11.0, "open-meteo"), (10.1, "nws")]
    found = [station.report(temperature=celsius, provider=provider) for celsius, provider in values]
    assert found == ["ok", STEP, "ok", STEP, "ok", "ok"]


def test_a_spike_without_a_known_value_before_it_is_not_compared_with() -> None:
    """The next value is believed, such as the first one after a long stop."""
    spike = observation(observed_at=EPOCH, temperature=40.0, quality=STEP)
    later = observation(observed_at=EPOCH + timedelta(minutes=10), temperature=10.0)
    assert QualityControl(QualitySection()).judge(later, spike) == "ok"


def test_suspect_values_are_counted() -> None:
    """By provider, field and test."""
    station = Station()
    for values in (
        {"temperature": 10.0},
        {"temperature": 40.0},
        {"temperature": 60.0, "wind_speed": 9.0, "wind_gust": 1.0},
    ):
        station.report(**values)
    assert dict(station.control.counts) == {
        ("fake", "temperature", "step"): 2,
        ("fake", "temperature", "range"): 1,
        ("fake", "wind_gust", "consistency"): 1,
    }


def test_the_begin_and_the_end_are_logged() -> None:
    """Once each, however many observations are suspect; the end comes after an hour without any."""
    station = Station()
    with capture_logs() as logs:
        for number in range(20):
            station.report(temperature=10.0, wind_speed=9.0, wind_gust=1.0 if number < 10 and number % 2 else 11.0)
    assert [(event["event"], event["log_level"]) for event in logs] == [
        ("observation.suspect", "warning"),
        ("observation.plausible", "info"),
    ]
    assert logs[0]["city"] == logs[1]["city"] == KIEL.id
    assert logs[0]["provider"] == "fake"
    assert logs[0]["tests"] == logs[1]["tests"] == "wind_gust consistency"
    assert logs[0]["reason"] == "wind_gust 1, but the wind is 9"


def test_another_test_is_logged_too() -> None:
    """A city with a suspect value may get another one."""
    station = Station()
    with capture_logs() as logs:
        station.report(temperature=10.0, wind_speed=9.0, wind_gust=1.0)
        station.report(temperature=60.0, wind_speed=9.0, wind_gust=1.0)
    assert [event["tests"] for event in logs] == [
        "wind_gust consistency",
        "temperature range, temperature step, wind_gust consistency",
    ]
    assert logs[1]["reason"].startswith(
        "temperature 60 is not between -90 and 57; temperature 60, but 10 10 min before;"
    )


def test_many_cities_are_logged_as_a_number() -> None:
    """A service that is wrong for all cities costs eleven lines a batch."""
    control = QualityControl(QualitySection())
    with capture_logs() as logs:
        for number in range(500):
            control.judge(observation(temperature=60.0)._replace(city=f"city-{number}"), None)
        control.log_changes()
        control.log_changes()
    assert len(logs) == 11
    assert logs[-1] == {"event": "observation.suspect", "log_level": "warning", "more": 490}


def test_a_city_that_has_left_is_forgotten() -> None:
    """A removed or moved city does not count, and is not compared with its past."""
    station = Station()
    station.report(temperature=10.0)
    station.report(temperature=40.0)
    assert station.control.suspects == 1
    station.control.forget([KIEL.id, BERLIN.id])
    assert station.control.suspects == 0
