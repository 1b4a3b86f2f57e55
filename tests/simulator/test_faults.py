"""Parsing and choice of faults."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weatherd.simulator.faults import FAULT_KINDS, Fault, check_rates, choose_fault, parse_fault


@pytest.mark.parametrize("kind", FAULT_KINDS)
def test_every_kind_can_be_parsed(kind: str) -> None:
    """A fault is a kind with a rate, which is 1 by default."""
    assert parse_fault(f"{kind}:0.25") == Fault(kind, 0.25)
    assert parse_fault(kind) == Fault(kind, 1.0)


def test_unknown_kind() -> None:
    """The error for an unknown kind suggests the nearest one, and lists all."""
    with pytest.raises(ValueError, match=r"'hagn'.*did you mean 'hang'\?.*429, 500, 502-html") as raised:
        parse_fault("hagn:0.1")
    assert all(kind in str(raised.value) for kind in FAULT_KINDS)


@pytest.mark.parametrize("rate", ["often", "1.5", "-0.1", "nan", "inf"])
def test_invalid_rate(rate: str) -> None:
    """The error for a rate outside 0 to 1 shows the rate and an example."""
    with pytest.raises(ValueError, match=rf"'{rate}'.*'hang:0.2'"):
        parse_fault(f"hang:{rate}")


def test_sum_of_rates() -> None:
    """The rates may add up to 1, rounding errors included, but not to more."""
    check_rates([Fault("429", 0.1)] * 10)
    check_rates([])
    with pytest.raises(ValueError, match=r"1\.1"):
        check_rates([Fault("429", 0.6), Fault("hang", 0.5)])


def test_choose_fault() -> None:
    """A draw selects a fault by its share, or none."""
    faults = [Fault("429", 0.2), Fault("hang", 0.3)]
    drawn = [choose_fault(faults, draw / 10 + 0.05) for draw in range(10)]
    assert drawn == ["429"] * 2 + ["hang"] * 3 + [None] * 5


@given(st.floats(0, 1, exclude_max=True))
def test_certain_and_impossible_faults(draw: float) -> None:
    """A rate of 1 always selects the fault, a rate of 0 never."""
    assert choose_fault([Fault("500", 0), Fault("cut", 1)], draw) == "cut"
    assert choose_fault([Fault("500", 0)], draw) is None
