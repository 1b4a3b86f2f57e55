"""The rhythm of a service, learnt against a simulated publisher."""

from __future__ import annotations

import bisect
import itertools
import math
import random
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from weatherd.freshness import PublicationTimes, find_publication
from weatherd.polling.rhythm.next_poll import PollBounds, next_poll
from weatherd.polling.rhythm.rhythm import Rhythm, begin_rhythm, expected_after, is_probe_due, learn
from weatherd.simulator.cadence import nws_reports

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY, BEGIN = 86400.0, 1_800_000_000.0
WIDE = PollBounds(60.0, 7200.0)


@dataclass
class Publisher:
    """A service with observations *period* apart, each there *delay* seconds later, plus up to *jitter* seconds."""

    period: float
    offset: float
    delay: float
    jitter: float = 0.0
    seed: int = 0

    def published_at(self, number: int) -> float:
        """Return when the service has the observation with this number."""
        draw = random.Random(f"{self.seed} {number}").random()
        return self.observed_at(number) + self.delay + self.jitter * draw

    def observed_at(self, number: int) -> float:
        """Return the time of an observation."""
        return self.offset + number * self.period

    def newest(self, now: float) -> int:
        """Return the number of the newest observation that the service has."""
        number = math.floor((now - self.offset - self.delay) / self.period)
        return number if self.published_at(number) <= now else number - 1


@dataclass
class Trial:
    """The polls of a city for some days, with the bounds and the phase."""

    publisher: Publisher
    publication: PublicationTimes
    bounds: PollBounds = WIDE
    phase: float = 0.0
    polls: list[float] = field(default_factory=list)
    vain: list[float] = field(default_factory=list)
    lateness: list[tuple[float, float]] = field(default_factory=list)  # time of the poll, seconds after the news

    def run(self, days: float, begin: float = BEGIN, rhythm: Rhythm | None = None) -> Rhythm:
        """Poll for some days, and return what was learnt."""
        now, before = begin, None
        while now < begin + days * DAY:
            number = self.publisher.newest(now)
            observed_at = self.publisher.observed_at(number)
            self.polls.append(now)
            if number == before:
                self.vain.append(now)
            elif before is not None:
                self.lateness.append((now, now - self.publisher.published_at(before + 1)))
            known = rhythm
            if rhythm is None:
                rhythm = begin_rhythm(self.publication, observed_at, now - self.phase)
            else:
                rhythm = learn(rhythm, observed_at, now - self.phase)
            is_probe = not self.publication.is_uniform and is_probe_due(known, rhythm)
            at = next_poll(rhythm, observed_at, self.bounds, now, self.phase, is_probe=is_probe)
            before, now = number, at
        assert rhythm
        return rhythm

    def waste(self, since: float = 0.0) -> float:
        """Return the share of polls in vain, from *since* days on."""
        begin = BEGIN + since * DAY
        return sum(at >= begin for at in self.vain) / max(1, sum(at >= begin for at in self.polls))

    def late(self, since: float, share: float = 0.95) -> float:
        """Return the seconds within which a share of the news was polled, from *since* days on."""
        found = sorted(seconds for at, seconds in self.lateness if at >= BEGIN + since * DAY)
        return found[int(len(found) * share)]


@settings(max_examples=25, deadline=None)
@given(
    period=st.sampled_from([300.0, 600.0, 900.0, 1200.0, 1800.0, 3600.0]),
    offset=st.floats(0, 3600),
    share=st.floats(0, 0.85),
    jitter=st.floats(0, 40),
    begin=st.floats(0, 7200),
    name=st.sampled_from(["bright-sky", "nws", "openweathermap", "a-plugin"]),
    phase=st.floats(0, 45),
)
def test_any_regular_service_is_learnt(  # noqa: PLR0917 - what hypothesis draws
    period: float, offset: float, share: float, jitter: float, begin: float, name: str, phase: float
) -> None:
    """After two days under 6 % of the polls are in vain, and 95 % of the news is polled within 100 s.

    Whatever the period, what was assumed of the service before, and the delay, if it is shorter than the period.
    """
    trial = Trial(Publisher(period, BEGIN - 3600 + offset, share * period, jitter), find_publication(name), phase=phase)
    trial.run(5, BEGIN + begin)
    assert trial.waste(2) < 0.06
    assert trial.late(2) < 100
    seen = len([at for at, _ in trial.lateness if at > BEGIN + 2 * DAY])
    assert seen >= 0.97 * 3 * DAY / period - 2


@given(
    rhythm=st.builds(
        Rhythm,
        newest=st.floats(BEGIN - 1e6, BEGIN),
        anchor=st.floats(BEGIN - 1e6, BEGIN),
        period=st.floats(60, 86400),
        low=st.floats(0, 3600),
        high=st.floats(0, 3600),
        missed=st.floats(BEGIN - 1e6, BEGIN + 1e5),
        step=st.floats(0, 1e5),
        hits=st.integers(0, 1000),
        late=st.integers(0, 1000),
        is_irregular=st.booleans(),
    ),
    ago=st.floats(-1e5, 1e7),
    bounds=st.tuples(st.floats(1, 1e5), st.floats(0, 1e5)),
    phase=st.floats(0, 500),
    is_probe=st.booleans(),
)
def test_a_poll_is_within_the_bounds(
    rhythm: Rhythm, ago: float, bounds: tuple[float, float], phase: float, *, is_probe: bool
) -> None:
    """Whatever was learnt, and whatever the clock says, a poll is never before the minimum or after the maximum."""
    limits = PollBounds(bounds[0], sum(bounds))
    at = next_poll(rhythm, BEGIN - ago, limits, BEGIN, phase, is_probe=is_probe)
    assert limits.min_seconds - 1e-3 <= at - BEGIN <= limits.max_seconds + 1e-3


def test_the_quarters_of_open_meteo_need_no_learning() -> None:
    """From the first poll on, each value is polled at the city's phase after the quarter of an hour, and none twice."""
    trial = Trial(Publisher(900.0, BEGIN - BEGIN % 900, 0.0), find_publication("open-meteo"), phase=20.0)
    trial.run(2, BEGIN + 432.1)
    assert not trial.vain
    assert {round(late, 3) for _, late in trial.lateness} == {20.0}
    assert len(trial.lateness) in (191, 192)


@pytest.mark.parametrize(("minimum", "step"), [(60, 900), (900, 900), (1000, 1800), (1900, 2700)])
def test_a_minimum_above_the_period_leaves_observations_out(minimum: float, step: float) -> None:
    """With bounds of 20m and more, every second quarter of Open-Meteo is polled, soon after it begins."""
    bounds = PollBounds(minimum, 7200.0)
    trial = Trial(Publisher(900.0, BEGIN - BEGIN % 900, 0.0), find_publication("open-meteo"), bounds, phase=20.0)
    trial.run(1)
    assert {round(later - earlier) for earlier, later in itertools.pairwise(trial.polls[1:])} == {step}
    assert not trial.vain


def test_a_maximum_below_the_period_divides_it() -> None:
    """With a maximum of 25 min, an hourly station is polled every 20 min, and one poll in three finds the news."""
    publisher = Publisher(3600.0, BEGIN - 3600, 0.0)
    trial = Trial(publisher, PublicationTimes(3600.0, 0.0), PollBounds(60.0, 1500.0))
    trial.run(2)
    assert max(later - earlier for earlier, later in itertools.pairwise(trial.polls)) <= 1500
    assert trial.waste() == pytest.approx(2 / 3, abs=0.03)
    assert trial.late(0) < 5


def test_a_service_that_stands_still_is_polled_once_a_period() -> None:
    """An observation that does not come is awaited four times within its period, then once a period."""

    class Frozen(Publisher):
        """A service whose observations end."""

        def newest(self, now: float) -> int:
            """Return the number of the last one."""
            return min(super().newest(now), 96)

    trial = Trial(Frozen(900.0, BEGIN, 0.0), find_publication("open-meteo"), phase=20.0)
    trial.run(3)
    vain = [at - BEGIN - 97 * 900 - 20 for at in trial.vain]
    assert [round(at) for at in vain[:3]] == [0, 60, 300]
    assert len(vain) <= 2 * 96 + 3
    assert all(later - earlier >= 890 for earlier, later in itertools.pairwise(vain[3:]))


def test_a_special_report_changes_nothing() -> None:
    """A report at 10:27 beside those at :53 is tried for a successor; then the next hour is expected as before."""
    rhythm = begin_rhythm(find_publication("nws"), BEGIN, BEGIN + 300.0)._replace(low=300.0)
    for hour in range(1, 6):
        rhythm = learn(rhythm, BEGIN + hour * 3600, BEGIN + hour * 3600 + 301)
    special, before = BEGIN + 5 * 3600 + 2040, rhythm
    rhythm = learn(rhythm, special, special + 400)
    assert expected_after(rhythm, special) <= BEGIN + 6 * 3600
    for minutes in (10, 20, 30):
        rhythm = learn(rhythm, special, special + 60 * minutes)
    assert expected_after(rhythm, special) == pytest.approx(BEGIN + 6 * 3600)
    rhythm = learn(rhythm, BEGIN + 6 * 3600, BEGIN + 6 * 3600 + 301)
    assert (rhythm.period, rhythm.anchor) == (before.period, BEGIN + 6 * 3600)


@pytest.mark.parametrize("seconds", [3600.0, -3600.0, 432.0, -432.0, 86400.0 * 200])
def test_a_step_of_the_clock_is_survived(seconds: float) -> None:
    """After our clock is set wrong, nearly each observation is still polled, most of them with one poll."""
    publisher = Publisher(1800.0, BEGIN - 1800, 400.0, 30.0)
    trial = Trial(publisher, find_publication("bright-sky"))
    rhythm = trial.run(2)

    wrong = Trial(Publisher(1800.0, BEGIN - 1800, 400.0 + seconds, 30.0), find_publication("bright-sky"))
    begin = BEGIN + 2 * DAY + seconds
    wrong.run(2, begin, rhythm)
    assert len(wrong.lateness) >= 93
    assert len(wrong.polls) <= 2.2 * 96


def test_special_reports_by_chance_far_apart_are_no_period() -> None:
    """Reports at :00, :25 and :30 look like one every five minutes. After three polls in vain, it is an hour again."""
    rhythm = begin_rhythm(find_publication("nws"), BEGIN, BEGIN + 300.0)._replace(low=300.0)
    for hour in range(1, 6):
        rhythm = learn(rhythm, BEGIN + hour * 3600, BEGIN + hour * 3600 + 301)
    newest = BEGIN + 5 * 3600 + 1800
    for observed_at in (newest - 300, newest):
        rhythm = learn(rhythm, observed_at, observed_at + 400)
    assert rhythm.period == 300
    for minutes in range(15, 35, 5):
        rhythm = learn(rhythm, newest, newest + 60 * minutes)
    assert rhythm.period == 3600
    assert expected_after(rhythm, newest) == pytest.approx(BEGIN + 6 * 3600)


def test_a_report_that_never_comes_again_says_nothing_about_the_delay() -> None:
    """The first report seen was a special one at :12. The delay of those at :56 is not that of its successor."""
    special, regular = BEGIN, BEGIN + 2640.0
    rhythm = begin_rhythm(find_publication("nws"), special, special + 2000)
    rhythm = learn(rhythm, regular, regular + 1300)
    for minutes in (36, 38, 42):
        rhythm = learn(rhythm, regular, regular + 60 * minutes)
    rhythm = learn(rhythm, regular + 3600, regular + 3600 + 1000)
    assert rhythm.anchor == regular + 3600
    assert rhythm.delay <= 600


def test_stations_with_special_and_delayed_reports() -> None:
    """In a week of 60 simulated stations of the NWS, under 5 % of the polls bring nothing new; news comes soon."""
    polls = vain = 0
    lateness: list[float] = []
    for number in range(60):
        found = list(_poll_station(f"S{number}", 7))[24:]  # the first day is for learning
        polls, vain = polls + len(found), vain + found.count(None)
        lateness += [late for late in found if late is not None]
    assert vain < 0.05 * polls
    assert sorted(lateness)[int(0.9 * len(lateness))] < 60


def _poll_station(station: str, days: float) -> Iterator[float | None]:
    """Yield how late each poll is after the news that it brings, in seconds; None if it brings none."""
    now, rhythm, newest, is_probe = BEGIN, None, 0.0, False
    while now < BEGIN + days * DAY:
        observed_at, before = next(nws_reports(station, now)), rhythm
        if rhythm is None:
            rhythm = begin_rhythm(find_publication("nws"), observed_at, now)
        else:
            rhythm = learn(rhythm, observed_at, now)
            seconds = range(1500)
            there = bisect.bisect_left(
                seconds, True, key=lambda late, at=observed_at: next(nws_reports(station, at + late)) >= at
            )
            yield None if observed_at == newest else now - observed_at - there
        newest, is_probe = observed_at, is_probe_due(before, rhythm)
        now = next_poll(rhythm, observed_at, WIDE, now, 0.0, is_probe=is_probe)
