"""The states of alerts, compared with a plain search through all evaluations."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from weatherd.alerts.states import INACTIVE, AlertEvent, AlertPhase, AlertState, Timing, advance_state

TRUTH = st.sampled_from([True, True, False, None])
STEPS = st.lists(st.tuples(st.sampled_from([0, 30, 60, 600, 3600]), TRUTH, TRUTH), max_size=40)
Step = tuple[float, bool | None, bool | None]


def find_events(steps: list[Step], hold: float, repeat: float | None) -> list[tuple[int, AlertEvent]]:
    """Return the index and kind of each event, by looking back and forth in the whole list."""
    events: list[tuple[int, AlertEvent]] = []
    begin = 0
    while begin < len(steps):
        good = [index for index in range(begin, len(steps)) if steps[index][1] and not steps[index][2]]
        broken = [
            index for index in range(begin, len(steps))
            if steps[index][1] is not None and (not steps[index][1] or steps[index][2])
        ]  # fmt: skip
        fired = next(
            (
                index for index in good
                if steps[index][0] - steps[min(
                    earlier for earlier in good if not any(earlier < between < index for between in broken)
                )][0] >= hold
            ),
            None,
        )  # fmt: skip
        if fired is None:
            break
        events.append((fired, AlertEvent.FIRING))
        resolved = next((index for index in range(fired + 1, len(steps)) if steps[index][2]), len(steps))
        last = steps[fired][0]
        for index in range(fired + 1, resolved):
            if repeat is not None and steps[index][2] is False and steps[index][0] - last >= repeat:
                last = steps[index][0]
                events.append((index, AlertEvent.REPEATED))
        if resolved < len(steps):
            events.append((resolved, AlertEvent.RESOLVED))
        begin = resolved + 1
    return events


@given(STEPS, st.sampled_from([0.0, 60.0, 1200.0]), st.sampled_from([None, 60.0, 3600.0]))
@example([(0, True, None), (600, None, None), (600, True, False)], 1200.0, None)
def test_events_equal_those_of_a_search(
    changes: list[tuple[int, bool | None, bool | None]], hold: float, repeat: float | None
) -> None:
    """An alert fires when its condition held for long enough, repeats, and resolves once; unknown changes nothing."""
    state, now, found, steps = INACTIVE, 0.0, [], []
    for index, (seconds, holds, ends) in enumerate(changes):
        now += seconds
        steps.append((now, holds, ends))
        state, event = advance_state(state, Timing(hold, repeat), now, holds=holds, ends=ends)
        if event:
            found.append((index, event))
    assert found == find_events(steps, hold, repeat)


@given(STEPS, st.sampled_from([0.0, 600.0]))
def test_firing_and_resolved_alternate(changes: list[tuple[int, bool | None, bool | None]], hold: float) -> None:
    """Between two firings there is a resolution, and the other way round, for any values."""
    state, now, events = INACTIVE, 0.0, []
    for seconds, holds, ends in changes:
        now += seconds
        state, event = advance_state(state, Timing(hold), now, holds=holds, ends=ends)
        events += [event] if event else []
    assert events == [AlertEvent.FIRING, AlertEvent.RESOLVED] * (len(events) // 2) + [AlertEvent.FIRING] * (
        len(events) % 2
    )
    assert (state.phase is AlertPhase.FIRING) == (len(events) % 2 == 1)


def test_unknown_keeps_a_pending_alert_and_a_firing_one() -> None:
    """Unknown neither interrupts the time that a condition holds, nor ends or repeats an alert."""
    pending = AlertState(AlertPhase.PENDING, 100.0)
    assert advance_state(pending, Timing(60), 200.0, holds=None, ends=None) == (pending, None)
    firing = AlertState(AlertPhase.FIRING, 100.0, 160.0)
    assert advance_state(firing, Timing(60, 60), 9999.0, holds=None, ends=None) == (firing, None)
    assert advance_state(firing, Timing(60, 60), 9999.0, holds=None, ends=True) == (INACTIVE, AlertEvent.RESOLVED)


def test_overlapping_conditions_do_not_flap() -> None:
    """While both the condition and the one that ends it hold, the alert does not fire."""
    assert advance_state(INACTIVE, Timing(), 0.0, holds=True, ends=True) == (INACTIVE, None)
