"""How well the values of a service agree with a reference. Pure functions."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from math import sqrt
from statistics import NormalDist, fmean
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.journal.comparison.pairing import ValuePair

_CONFIDENCE = 0.95
_DAY = 86400.0
_ROUNDING = 1e-6  # floating-point error
_MIN_DAYS = 3.0 - _ROUNDING  # independent ones, for two degrees of freedom


class Agreement(NamedTuple):
    """The errors of a service, in the unit of its values."""

    pairs: int
    bias: float  # mean of value minus reference
    mean_absolute_error: float
    interval: tuple[float, float] | None  # holds the bias with a probability of 95 %; None: too few days


def measure_agreement(pairs: Sequence[ValuePair]) -> Agreement | None:
    """Return the agreement of *pairs*; None if there are none."""
    if not pairs:
        return None
    bias = fmean(pair.difference for pair in pairs)
    error = _estimate_error(pairs, bias)
    interval = None if error is None else (bias - error, bias + error)
    return Agreement(len(pairs), bias, fmean(abs(pair.difference) for pair in pairs), interval)


def _estimate_error(pairs: Sequence[ValuePair], bias: float) -> float | None:
    """Return half the width of the interval of confidence of the bias; None if the pairs are of too few days.

    The errors of a day belong together: they last for hours and have a daily course. So the days (UTC) are the sample,
    not the pairs: the standard error is the one for clusters, which allows for days with few pairs (Cameron and Miller,
    "A Practitioner's Guide to Cluster-Robust Inference", J. Human Resources 50, 2015, section II). The number of
    independent days is n (1 - r) / (1 + r), with the autocorrelation r from one day to the next (Wilks, "Statistical
    Methods in the Atmospheric Sciences", 3rd edition, section 5.2.4).
    """
    sums = defaultdict[float, float](float)
    for pair in pairs:
        sums[pair.at // _DAY] += pair.difference - bias
    days, squares = len(sums), sum(total * total for total in sums.values())
    correlation = _correlate_days(sums) / squares if sqrt(squares) > _ROUNDING * len(pairs) else 0.0
    independent = days * (1 - correlation) / (1 + correlation)
    if independent < _MIN_DAYS:
        return None
    standard_error = sqrt(squares * days / (independent - 1)) / len(pairs)
    return student_quantile((1 + _CONFIDENCE) / 2, independent - 1) * standard_error


def _correlate_days(sums: dict[float, float]) -> float:
    """Return the sum of the products of neighbouring days; 0 instead of a negative one, which would narrow it."""
    return max(sum(sums[day] * sums[later] for day, later in pairwise(sorted(sums)) if later == day + 1), 0.0)


def student_quantile(probability: float, freedom: float) -> float:
    """Return a quantile of Student's distribution with at least 2 degrees of freedom, to within 1 %.

    Source: Abramowitz and Stegun, "Handbook of Mathematical Functions", 26.7.5.
    """
    x = NormalDist().inv_cdf(probability)
    terms = (
        (x**3 + x) / 4,
        (5 * x**5 + 16 * x**3 + 3 * x) / 96,
        (3 * x**7 + 19 * x**5 + 17 * x**3 - 15 * x) / 384,
        (79 * x**9 + 776 * x**7 + 1482 * x**5 - 1920 * x**3 - 945 * x) / 92160,
    )
    return x + sum(term / freedom**power for power, term in enumerate(terms, 1))
