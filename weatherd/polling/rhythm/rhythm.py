"""When a service has a new observation of a place: learnt from the polls that found one, and those that did not.

All times are POSIX times in seconds, and all functions are pure.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from weatherd.freshness import PublicationTimes

_SETTLED = 60.0  # seconds; the delay of an observation is known if its bounds are no further apart
_RISE, _FALL = 20.0, 0.5  # seconds by which the delay changes after a poll in vain, and after one that was in time
_MAX_LATE = 2  # consecutive observations; after one more the delay is another one
_LEARN_AGAIN = 512  # polls in time, after which the delay may have become shorter
_PROBE_FIRST, _PROBE_AGAIN = 2, 128  # polls in time, after which one is half-way between two observations
_SMOOTHING = 1 / 4  # weight of the newest observation in the average of their times
_MIN_STEP, _MAX_TOLERANCE = 60.0, 120.0  # seconds
_PROVEN, _MAX_DOUBTS = 3, 3  # polls in time with a shorter period; polls in vain after which it was none


class Rhythm(NamedTuple):
    """The times of a service's observations of a place, and their delay until the service has them.

    Regular observations are *period* apart. Others, such as a special report of a station, change nothing.
    """

    newest: float  # time of the newest observation
    anchor: float  # time of the newest regular one, without what it differs from the average
    period: float
    low: float  # delay after which an observation was still missing
    high: float  # delay after which there was one
    missed: float = 0.0  # time of the observation for which the last poll was in vain
    step: float = 0.0  # between the newest two observations; 0 if unknown
    hits: int = 0  # polls in time since the period was learnt
    late: int = 0  # consecutive observations that were later than expected
    is_irregular: bool = False  # whether the newest observation is
    longer: float = 0.0  # the period before a shorter one was found; 0 if there is none
    longer_anchor: float = 0.0  # with that period
    doubts: int = 0  # consecutive polls in vain with the shorter one, before it is proven

    @property
    def is_settled(self) -> bool:
        """Whether the delay is known."""
        return 0 <= self.high - self.low <= _SETTLED

    @property
    def is_missed(self) -> bool:
        """Whether a poll for the next observation was in vain."""
        return self.missed > self.newest

    @property
    def trial(self) -> float | None:
        """The time of an observation that may follow an irregular one: regular ones may be closer than was known."""
        return self.newest + self.step if self.is_irregular and _MIN_STEP <= self.step < self.period else None

    @property
    def delay(self) -> float:
        """The delay to wait for. Until it is known, half-way between its bounds, so that they come closer."""
        is_certain = self.is_settled or self.is_missed or self.trial
        return self.high if is_certain else (self.low + self.high) / 2


def begin_rhythm(publication: PublicationTimes, observed_at: float, polled_at: float) -> Rhythm:
    """Return what is known after the first poll of a place."""
    high = max(0.0, min(publication.delay, polled_at - observed_at))
    return Rhythm(observed_at, observed_at, publication.period, 0.0, high)


def expected_after(rhythm: Rhythm, observed_at: float) -> float:
    """Return the time of the observation that follows the one of *observed_at*."""
    passed = math.floor((observed_at + _tolerance(rhythm.period) - rhythm.anchor) / rhythm.period)
    regular = rhythm.anchor + (passed + 1) * rhythm.period
    trial = rhythm.trial if observed_at == rhythm.newest else None
    return regular if trial is None else min(regular, trial)


def is_probe_due(before: Rhythm | None, rhythm: Rhythm) -> bool:
    """Return whether the next poll looks once for observations between the regular ones; *before* is until the last."""
    if before is None or before.hits == rhythm.hits:
        return False
    return rhythm.hits == _PROBE_FIRST or (rhythm.hits > 0 and rhythm.hits % _PROBE_AGAIN == 0)


def learn(rhythm: Rhythm, observed_at: float, polled_at: float) -> Rhythm:
    """Return the rhythm after a poll at *polled_at*, whose observation is of *observed_at*."""
    if observed_at < rhythm.newest:  # from a server that lags behind the others
        return rhythm
    expected = expected_after(rhythm, rhythm.newest)
    if observed_at == rhythm.newest:
        return _learn_missed(rhythm, expected, polled_at - expected)
    step, offset = observed_at - rhythm.newest, math.remainder(observed_at - rhythm.anchor, rhythm.period)
    tolerance = _tolerance(rhythm.period)
    is_regular = abs(offset) <= tolerance
    if is_regular and abs(observed_at - expected) <= tolerance:
        rhythm = _learn_delay(rhythm, polled_at - expected)
    elif not rhythm.is_settled:  # the expected one never came, or is not the newest any more
        high = rhythm.high if rhythm.is_missed else min(rhythm.high, polled_at - observed_at)
        rhythm = rhythm._replace(low=0.0, high=high)
    is_anchor = not is_regular and rhythm.is_irregular  # the second irregular one in a row: begin anew there
    if is_anchor:  # what was awaited until now were other times, so that it says nothing about the delay
        rhythm = rhythm._replace(low=0.0)
    average = observed_at - offset * (1 - _SMOOTHING) if is_regular else rhythm.anchor
    return _learn_period(rhythm, expected, step)._replace(
        newest=observed_at,
        anchor=observed_at if is_anchor else average,
        step=step if is_regular else _common_step(step, rhythm.step),
        is_irregular=not (is_regular or is_anchor),
        doubts=0,
    )


def _learn_period(rhythm: Rhythm, expected: float, step: float) -> Rhythm:
    """Return the rhythm with the period that a new observation shows, *step* seconds after the newest one.

    It is that of a trial that succeeds, and that of two equal steps. Longer ones count only if a poll was in vain.
    """
    if expected == rhythm.trial:
        return _shorten_period(rhythm, rhythm.step)
    longer, tolerance = step - rhythm.period, _tolerance(rhythm.period)
    is_other = abs(longer) > tolerance and (longer < 0 or rhythm.is_missed)
    is_repeated = step >= _MIN_STEP and abs(step - rhythm.step) <= _tolerance(step)
    if not (is_other and is_repeated):
        return rhythm
    return rhythm._replace(period=step, low=0.0, hits=0, longer=0.0) if longer > 0 else _shorten_period(rhythm, step)


def _shorten_period(rhythm: Rhythm, period: float) -> Rhythm:
    """Return the rhythm with a shorter period, which remembers the longer one until the other is proven."""
    known = bool(rhythm.longer) and rhythm.hits < _PROVEN
    longer, anchor = (rhythm.longer, rhythm.longer_anchor) if known else (rhythm.period, rhythm.anchor)
    return rhythm._replace(period=period, low=0.0, hits=0, longer=longer, longer_anchor=anchor)


def _common_step(step: float, other: float) -> float:
    """Return the longest step in whole minutes of which both are multiples."""
    return 60.0 * math.gcd(round(step / 60), round(other / 60))


def _tolerance(period: float) -> float:
    return min(_MAX_TOLERANCE, period / 4)


def _learn_missed(rhythm: Rhythm, expected: float, delay: float) -> Rhythm:
    """Return the rhythm after a poll without the *expected* observation, *delay* seconds after its time."""
    if expected == rhythm.trial:
        return rhythm._replace(step=0.0) if delay >= rhythm.delay + 2 * _SETTLED else rhythm
    if rhythm.longer and rhythm.hits < _PROVEN:
        if rhythm.doubts >= _MAX_DOUBTS:  # special reports were by chance as far apart as if they were regular
            return rhythm._replace(period=rhythm.longer, anchor=rhythm.longer_anchor, step=0.0, longer=0.0, doubts=0)
        rhythm = rhythm._replace(doubts=rhythm.doubts + 1)
    is_due = delay >= rhythm.delay
    if not rhythm.is_settled and delay > rhythm.low:
        rhythm = rhythm._replace(low=delay)
    return rhythm._replace(missed=expected) if is_due else rhythm


def _learn_delay(rhythm: Rhythm, delay: float) -> Rhythm:
    """Return the rhythm after the poll that found an expected observation, *delay* seconds after its time.

    One poll in 40 that is in vain balances those in time, so that the delay becomes the one of 39 observations of 40.
    """
    if not rhythm.is_settled:
        high = delay if rhythm.is_missed else min(rhythm.high, delay)
        return rhythm._replace(low=min(rhythm.low, high), high=high)
    if rhythm.is_missed and rhythm.late < _MAX_LATE:
        high = max(rhythm.high, min(delay, rhythm.high + _RISE))
        return rhythm._replace(low=high, high=high, late=rhythm.late + 1)
    if rhythm.is_missed:
        return rhythm._replace(low=rhythm.high, high=delay, late=0)
    if delay < rhythm.high:  # the poll was earlier, because of the bounds
        return rhythm
    high, hits = max(0.0, rhythm.high - _FALL), rhythm.hits + 1
    return rhythm._replace(low=0.0 if hits % _LEARN_AGAIN == 0 else high, high=high, hits=hits, late=0)
