"""The usage meter: no window exceeds its limit, whatever the clocks do, and no call is lost or counted twice."""

from __future__ import annotations

import math
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.quota.fake_service import CountingService
from tests.quota.test_windows import WINDOWS
from tests.quota.usage_model import UsageModel
from weatherd.quota.plans import UNLIMITED, Plan
from weatherd.quota.usage import ProviderUsage, UsageMeter, WindowUsage
from weatherd.quota.windows import CLOCK_TOLERANCE, window_start

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC).timestamp()
MIDNIGHT = datetime(2026, 4, 1, tzinfo=UTC).timestamp()  # a minute, an hour, a day and a month start

steps = st.lists(
    st.tuples(st.one_of(st.floats(0, 10), st.floats(0, 4000), st.just(0.0)), st.integers(1, 40)), max_size=80
)


def used(meter: UsageMeter, now: float) -> dict[str, float]:
    """Return the calls that are counted in each window."""
    return {window: calls for window, (calls, _) in meter.usage(now).items()}


@given(steps, st.floats(NOON, NOON + 90_000), st.booleans())
def test_no_window_is_exceeded(steps: list[tuple[float, int]], now: float, wild: bool) -> None:  # noqa: FBT001
    """Whatever the times and weights, the calls sent in a window stay within its limit; ``calls_left`` is the rest."""
    plan = Plan({"minute": 60, "hour": 150, "day": 400})
    meter, services = UsageMeter("fake", plan), {window: CountingService(window) for window in plan.limits}
    for step, weight in steps:
        now += step * (20 if wild else 1)
        left = meter.calls_left(now)
        assert (meter.exhausted_window(weight, now) is None) == (weight <= left)
        if weight <= left:
            meter.charge(weight, now)
            assert meter.calls_left(now) == left - weight
            for service in services.values():
                service.receive(weight, now)
    assert all(service.max_calls <= plan.limits[window] for window, service in services.items())


near_the_end = st.lists(
    st.tuples(st.floats(0, 2), st.integers(1, 5), st.floats(0, CLOCK_TOLERANCE)),
    max_size=60,
)


@given(near_the_end, st.floats(-CLOCK_TOLERANCE, CLOCK_TOLERANCE))
def test_a_service_whose_clock_differs_sees_no_more_calls(
    requests: list[tuple[float, int, float]], skew: float
) -> None:
    """With 5 s of clock skew and travel time, the service counts at most its limit plus one request in a window."""
    meter, service, now = UsageMeter("fake", Plan({"minute": 20})), CountingService("minute"), MIDNIGHT - 12
    for gap, weight, travel in requests:
        now += gap
        if meter.exhausted_window(weight, now) is None:
            meter.charge(weight, now)
            service.receive(weight, now + min(CLOCK_TOLERANCE, skew + travel))
    assert service.max_calls <= 20 + 5


@pytest.mark.parametrize("window", WINDOWS)
def test_a_late_clock_of_the_service_does_not_double_a_window(window: str) -> None:
    """What is sent just after the window's end counts in the old one for a service that is 3 s behind."""
    meter, service = UsageMeter("fake", Plan({window: 100})), CountingService(window)
    for now in (MIDNIGHT - 20, MIDNIGHT + 1, MIDNIGHT + 20):
        for _ in range(100):
            if meter.exhausted_window(1, now) is None:
                meter.charge(1, now)
                service.receive(1, now - 3)
    assert service.max_calls <= 100 + 1


@pytest.mark.parametrize("window", WINDOWS)
def test_an_early_clock_of_the_service_does_not_double_a_window(window: str) -> None:
    """What is sent just before the window's end counts in the new one for a service that is 4 s ahead."""
    meter, service = UsageMeter("fake", Plan({window: 100})), CountingService(window)
    for now in (MIDNIGHT - 3, MIDNIGHT + 6, MIDNIGHT + 20):
        for _ in range(100):
            if meter.exhausted_window(1, now) is None:
                meter.charge(1, now)
                service.receive(1, now + 4)
    assert service.max_calls <= 100 + 1


def test_a_new_window_is_empty() -> None:
    """Calls count in their own window only, except for those of its last seconds."""
    meter = UsageMeter("fake", Plan({"minute": 10}))
    meter.charge(10, NOON + 30)
    now = NOON + 60 + CLOCK_TOLERANCE + 1
    assert (meter.exhausted_window(1, NOON + 50), meter.exhausted_window(10, now)) == ("minute", None)


def test_the_longest_exhausted_window_is_named() -> None:
    """A pause has to last until the end of the longest one."""
    meter = UsageMeter("fake", Plan({"minute": 10, "day": 20, "hour": 10}))
    meter.charge(10, NOON)
    assert (meter.exhausted_window(1, NOON), meter.exhausted_window(11, NOON)) == ("hour", "day")
    assert meter.calls_left(NOON) == 0


def test_without_limits_there_are_always_calls_left() -> None:
    """A provider without a plan is never limited; a limit per second is left to the token bucket."""
    for plan in (UNLIMITED, Plan({"second": 1})):
        meter = UsageMeter("fake", plan)
        for _ in range(100):
            meter.charge(1000, NOON)
        assert (meter.calls_left(NOON), meter.exhausted_window(1e9, NOON)) == (math.inf, None)


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("set_back", [2.0, 10.0, 600.0])
def test_a_clock_that_is_set_back_a_little_keeps_the_counts(window: str, set_back: float) -> None:
    """Even across the start of a window, neither its calls nor those carried over from the one before are lost."""
    meter = UsageMeter("fake", Plan({window: 100}))
    meter.charge(90, MIDNIGHT - 1000 if window != "minute" else MIDNIGHT - 50)
    meter.charge(1, now := MIDNIGHT + CLOCK_TOLERANCE + 1)  # the next window has begun
    before = used(meter, now)
    assert used(meter, now - set_back) == before
    meter.charge(5, now - set_back)
    assert used(meter, now) == used(meter, now - set_back) == {window: before[window] + 5}


@pytest.mark.parametrize("window", WINDOWS)
def test_a_clock_that_was_years_ahead_does_not_block(window: str) -> None:
    """A clock that is set back by more was wrong before: the calls that were counted then are forgotten."""
    meter = UsageMeter("fake", Plan({window: 100}))
    meter.charge(100, NOON + 5 * 366 * 86400 + 30)
    assert meter.exhausted_window(100, NOON) is None


def test_two_meters_with_the_same_file_see_each_other() -> None:
    """Each adds its own calls and takes over the sum, in whatever order they save."""
    model, plan = UsageModel(), Plan({"day": 100})
    one, two = UsageMeter("fake", plan), UsageMeter("fake", plan)
    one.charge(10, NOON)
    two.charge(20, NOON)
    model.sync(one, NOON)
    model.sync(two, NOON)
    assert (one.calls_left(NOON), two.calls_left(NOON)) == (90, 70)
    one.charge(1, NOON)
    model.sync(one, NOON)
    assert one.calls_left(NOON) == 69
    two.charge(1, NOON)
    model.sync(two, NOON)
    assert two.calls_left(NOON) == 68


actions = st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["charge", "save", "fail", "slow"])), max_size=60)


@given(actions)
def test_no_call_is_lost_or_counted_twice(actions: list[tuple[int, str]]) -> None:
    """Three meters save, fail to save, and count while they save: in the end each knows every call, once."""
    model, meters, made = UsageModel(), [UsageMeter("fake", Plan({"day": 10_000})) for _ in range(3)], 0
    for index, action in actions:
        meter = meters[index]
        if action == "charge":
            meter.charge(1, NOON)
            made += 1
        elif action == "save":
            model.sync(meter, NOON)
        elif unsaved := meter.take_unsaved():
            meter.charge(1, NOON)  # while the save is in progress
            made += 1
            if action == "slow":
                meter.merge_saved(model.add(unsaved), NOON)
                assert meter.calls_left(NOON) == 10_000 - model.windows["day", window_start("day", NOON)].used - 1
            else:
                meter.restore_unsaved(unsaved)
        assert meter.calls_left(NOON) >= 10_000 - made
    for meter in [*meters, *meters]:
        meter.charge(1, NOON)
        model.sync(meter, NOON)
    for meter in meters:
        meter.merge_saved(model.saved(), NOON)
    assert [meter.calls_left(NOON) for meter in meters] == [10_000 - made - 6] * 3


def test_calls_that_could_not_be_saved_are_dropped_when_their_window_is_over() -> None:
    """A past minute is not counted again in the next one."""
    meter = UsageMeter("fake", Plan({"minute": 10}))
    meter.charge(5, NOON + 30)
    unsaved = meter.take_unsaved()
    assert unsaved
    meter.calls_left(NOON + 60 + CLOCK_TOLERANCE + 1)
    meter.restore_unsaved(unsaved)
    assert meter.take_unsaved() is None


def test_a_meter_without_changes_has_nothing_to_save() -> None:
    """After a save, only new calls, a later bucket or a later pause are saved; after a failed one everything again."""
    meter = UsageMeter("fake", Plan({"day": 100}, rate=1.0, burst=10))
    assert meter.take_unsaved() is None
    meter.charge(1, NOON)
    meter.bucket.take(1, NOON)
    unsaved = meter.take_unsaved()
    assert unsaved == ProviderUsage("fake", [WindowUsage("day", window_start("day", NOON), 1.0)], NOON + 1)
    assert meter.take_unsaved() is None
    meter.restore_unsaved(unsaved)
    assert meter.take_unsaved() == unsaved
    meter.closed_until = NOON + 60
    pause = meter.take_unsaved()
    assert pause == ProviderUsage("fake", [], NOON + 1, NOON + 60)
    assert meter.take_unsaved() is None
    meter.restore_unsaved(pause)
    assert meter.take_unsaved() == pause


def test_a_restart_keeps_the_calls_the_rate_and_the_pause() -> None:
    """A meter that merges the saved usage has as many calls left, delays as long, and knows the end of the pause."""
    plan = Plan({"minute": 60, "month": 1000}, rate=1.0, burst=10)
    before, after, model = UsageMeter("fake", plan), UsageMeter("fake", plan), UsageModel()
    for _ in range(10):
        before.charge(1, NOON)
        before.bucket.take(1, NOON)
    before.closed_until = NOON + 3600
    model.sync(before, NOON)
    after.merge_saved(model.saved(), NOON + 1)
    assert used(after, NOON + 1) == used(before, NOON + 1) == {"minute": 10, "month": 10}
    assert after.bucket.delay(10, NOON + 1) == before.bucket.delay(10, NOON + 1) == pytest.approx(9.0)
    assert after.closed_until == NOON + 3600
    assert after.take_unsaved() == ProviderUsage("fake", [], NOON + 10, NOON + 3600)


@pytest.mark.parametrize("window", WINDOWS)
def test_a_restart_just_after_the_end_of_a_window_keeps_its_calls(window: str) -> None:
    """The service may still count in the old window, by its own clock."""
    meter = UsageMeter("fake", Plan({window: 100}))
    started = window_start(window, MIDNIGHT - 1)
    meter.merge_saved(ProviderUsage("fake", [WindowUsage(window, started, 90.0)]), MIDNIGHT + CLOCK_TOLERANCE - 1)
    assert meter.calls_left(MIDNIGHT + CLOCK_TOLERANCE - 1) == 10
    assert meter.calls_left(MIDNIGHT + CLOCK_TOLERANCE) == 100


def test_saved_windows_that_are_over_are_ignored() -> None:
    """Yesterday's calls do not count today."""
    meter = UsageMeter("fake", Plan({"day": 100}))
    meter.merge_saved(
        ProviderUsage("fake", [WindowUsage("day", window_start("day", NOON) - 86400, 100.0)]),
        NOON,
    )
    assert meter.calls_left(NOON) == 100


far_ahead = st.floats(NOON + 90_000, 1e12)


@given(st.sampled_from(WINDOWS), far_ahead, st.floats(0, 1e9), far_ahead, far_ahead)
def test_saved_usage_from_the_future_is_ignored(
    window: str, started: float, calls: float, bucket_full_at: float, closed_until: float
) -> None:
    """A wrong clock has written it: it neither uses up calls, nor pauses, nor delays by more than two bursts."""
    plan = Plan(dict.fromkeys(WINDOWS, 100), rate=1.0, burst=10)
    meter = UsageMeter("fake", plan)
    usage = ProviderUsage("fake", [WindowUsage(window, started, calls)], bucket_full_at, closed_until)
    meter.merge_saved(usage, NOON)
    assert (meter.calls_left(NOON), meter.closed_until) == (100, 0.0)
    assert meter.bucket.delay(1, NOON) <= 2 * 10 + 1


def test_saved_windows_that_the_plan_does_not_limit_are_ignored() -> None:
    """The plan may have been changed between two runs."""
    meter = UsageMeter("fake", Plan({"day": 100}))
    windows = [WindowUsage("hour", window_start("hour", NOON), 50.0), WindowUsage("odd", 0.0, 1.0)]
    meter.merge_saved(ProviderUsage("fake", windows, NOON + 5), NOON)
    assert (meter.calls_left(NOON), meter.bucket.delay(1, NOON)) == (100, 0.0)


def test_carried_over_calls_are_saved_in_the_next_window_too() -> None:
    """A process with the same state folder, or the next run, counts them as well."""
    plan, model = Plan({"minute": 10}), UsageModel()
    meter, other = UsageMeter("fake", plan), UsageMeter("fake", plan)
    meter.charge(4, NOON - 1)
    model.sync(meter, NOON - 1)
    now = NOON + CLOCK_TOLERANCE + 1
    assert meter.calls_left(now) == 6
    model.sync(meter, now)
    other.merge_saved(model.saved(), now)
    assert (meter.calls_left(now), other.calls_left(now)) == (6, 6)
