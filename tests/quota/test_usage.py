"""The ledger: no window is exceeded, whatever the clocks do, and the pace holds in every interval."""

from __future__ import annotations

import math
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weatherd.quota.plans import PLANS, UNLIMITED, WINDOW_SECONDS, Plan
from weatherd.quota.usage import CLOCK_TOLERANCE, UsageMeter, UsageRow, window_end, window_start

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC).timestamp()
MIDNIGHT = datetime(2026, 4, 1, tzinfo=UTC).timestamp()  # of a minute, an hour, a day and a month
CALENDAR = ("minute", "hour", "day", "month")
PACED = [(provider, name, plan) for provider, plans in PLANS.items() for name, plan in plans.items() if plan.rate]
MINUTES = [(provider, name, plan) for provider, name, plan in PACED if "minute" in plan.limits]

times = st.floats(0, 4e9)
steps = st.lists(
    st.tuples(st.one_of(st.floats(0, 10), st.floats(0, 4000), st.just(0.0)), st.integers(1, 40)), max_size=80
)


def calls(meter: UsageMeter, now: float) -> dict[str, float]:
    """Return the calls that are counted in each window."""
    return {window: meter.plan.limits[window] - room for window, room in _rooms(meter, now).items()}


def _rooms(meter: UsageMeter, now: float) -> dict[str, float]:
    meter.calls_left(now)
    return {window: meter.plan.limits[window] - count.used for window, count in meter._counts.items()}


class Kept:
    """A ledger on disk, with the rule of the store: new calls are added, those of a window that is over are not."""

    def __init__(self) -> None:
        self.rows: dict[str, UsageRow] = {}

    def save(self, rows: list[UsageRow]) -> list[UsageRow]:
        """Add what is new and return all."""
        for row in rows:
            old = self.rows.get(row.window)
            if old is None or row.started > old.started:
                self.rows[row.window] = row
            elif row.started == old.started:
                self.rows[row.window] = old._replace(used=old.used + row.used)
        return list(self.rows.values())

    def saves(self, meter: UsageMeter, now: float) -> None:
        """Let a meter save, and learn what others have."""
        meter.merge_saved(self.save(meter.take_unsaved()), now)


class Service:
    """Counts in fixed windows by a clock of its own."""

    def __init__(self, window: str) -> None:
        self.counted: Counter[float] = Counter()
        self._window = window

    def gets(self, weight: int, now: float) -> None:
        """Count a request."""
        self.counted[window_start(self._window, now)] += weight

    @property
    def most(self) -> int:
        """The most calls in one window."""
        return max(self.counted.values(), default=0)


@pytest.mark.parametrize(
    ("window", "start", "end"),
    [
        ("minute", "2026-03-04T12:34:00", "2026-03-04T12:35:00"),
        ("hour", "2026-03-04T12:00:00", "2026-03-04T13:00:00"),
        ("day", "2026-03-04T00:00:00", "2026-03-05T00:00:00"),
        ("month", "2026-03-01T00:00:00", "2026-04-01T00:00:00"),
    ],
)
def test_windows_are_those_of_the_calendar(window: str, start: str, end: str) -> None:
    """A window begins and ends with the minute, the hour, the day or the month of UTC."""
    now = datetime(2026, 3, 4, 12, 34, 56, 789, tzinfo=UTC).timestamp()
    assert datetime.fromtimestamp(window_start(window, now), UTC).isoformat() == f"{start}+00:00"
    assert datetime.fromtimestamp(window_end(window, now), UTC).isoformat() == f"{end}+00:00"


@given(times, st.sampled_from(CALENDAR))
def test_windows_leave_no_gap(now: float, window: str) -> None:
    """Every moment is in one window; the next begins where it ends; a month has 28 to 31 days, also in December."""
    start, end = window_start(window, now), window_end(window, now)
    assert start <= now < end
    assert (window_start(window, end), window_start(window, start), window_end(window, start)) == (end, start, end)
    assert 0.9 * WINDOW_SECONDS[window] < end - start <= WINDOW_SECONDS[window]


@given(steps, st.floats(NOON, NOON + 90_000), st.booleans())
def test_a_window_is_never_exceeded(steps: list[tuple[float, int]], now: float, wild: bool) -> None:  # noqa: FBT001
    """Whatever the times and weights, what was let through in a window is within its limit; ``room`` says the rest."""
    plan = Plan({"minute": 60, "hour": 150, "day": 400})
    meter, services = UsageMeter("fake", plan), {window: Service(window) for window in plan.limits}
    for step, weight in steps:
        now += step * (20 if wild else 1)
        room = meter.calls_left(now)
        assert (meter.exhausted_window(weight, now) is None) == (weight <= room)
        if weight <= room:
            meter.charge(weight, now)
            assert meter.calls_left(now) == room - weight
            for service in services.values():
                service.gets(weight, now)
    assert all(service.most <= plan.limits[window] for window, service in services.items())


near_the_end = st.lists(st.tuples(st.floats(0, 2), st.integers(1, 5), st.floats(0, CLOCK_TOLERANCE)), max_size=60)


@given(near_the_end, st.floats(-CLOCK_TOLERANCE, CLOCK_TOLERANCE))
def test_a_service_with_a_clock_of_its_own_sees_no_more_either(
    requests: list[tuple[float, int, float]], skew: float
) -> None:
    """A service that is 5 s off, by its clock or on the way, counts at most its limit and one request in a window."""
    meter, service, now = UsageMeter("fake", Plan({"minute": 20})), Service("minute"), MIDNIGHT - 12
    for gap, weight, late in requests:
        now += gap
        if meter.exhausted_window(weight, now) is None:
            meter.charge(weight, now)
            service.gets(weight, now + min(CLOCK_TOLERANCE, skew + late))
    assert service.most <= 20 + 5


@pytest.mark.parametrize("window", CALENDAR)
def test_a_service_that_is_behind_still_counts_in_the_old_window(window: str) -> None:
    """What is sent just after the window's end counts in the old one where the service's clock is 3 s behind."""
    meter, service = UsageMeter("fake", Plan({window: 100})), Service(window)
    for now in (MIDNIGHT - 20, MIDNIGHT + 1, MIDNIGHT + 20):
        for _ in range(100):
            if meter.exhausted_window(1, now) is None:
                meter.charge(1, now)
                service.gets(1, now - 3)
    assert service.most <= 100 + 1


@pytest.mark.parametrize("window", CALENDAR)
def test_a_service_that_is_ahead_already_counts_in_the_new_window(window: str) -> None:
    """What is sent just before the window's end counts in the new one too: the request may arrive after it."""
    meter, service = UsageMeter("fake", Plan({window: 100})), Service(window)
    for now in (MIDNIGHT - 3, MIDNIGHT + 6, MIDNIGHT + 20):
        for _ in range(100):
            if meter.exhausted_window(1, now) is None:
                meter.charge(1, now)
                service.gets(1, now + 4)
    assert service.most <= 100 + 1


def test_a_window_that_is_over_is_empty_again() -> None:
    """Calls are counted in their window alone, but for those of its last seconds."""
    meter = UsageMeter("fake", Plan({"minute": 10}))
    meter.charge(10, NOON + 30)
    assert (meter.exhausted_window(1, NOON + 50), meter.exhausted_window(10, NOON + 60 + CLOCK_TOLERANCE + 1)) == (
        "minute",
        None,
    )


def test_the_longest_window_that_is_full_is_named() -> None:
    """Whoever has to wait waits for the last of them."""
    meter = UsageMeter("fake", Plan({"minute": 10, "day": 20, "hour": 10}))
    meter.charge(10, NOON)
    assert (meter.exhausted_window(1, NOON), meter.exhausted_window(11, NOON)) == ("hour", "day")
    assert meter.calls_left(NOON) == 0


def test_what_is_not_limited_has_room() -> None:
    """A provider that keeps its own limits is never held up, and seconds are a matter of the pace alone."""
    for plan in (UNLIMITED, Plan({"second": 1})):
        meter = UsageMeter("fake", plan)
        for _ in range(100):
            meter.charge(1000, NOON)
            meter.take_pace(1000, NOON)
        meter.drain_burst(NOON)
        assert (meter.calls_left(NOON), meter.exhausted_window(1e9, NOON), meter.pace_delay(1e9, NOON)) == (
            math.inf,
            None,
            0.0,
        )


@pytest.mark.parametrize("window", CALENDAR)
@pytest.mark.parametrize("back", [2.0, 10.0, 600.0])
def test_a_clock_that_is_set_back_a_little_keeps_the_counts(window: str, back: float) -> None:
    """Also over the beginning of a window: neither what it holds is forgotten, nor what the one before it held."""
    meter = UsageMeter("fake", Plan({window: 100}))
    meter.charge(90, MIDNIGHT - 1000 if window != "minute" else MIDNIGHT - 50)
    meter.charge(1, now := MIDNIGHT + CLOCK_TOLERANCE + 1)  # the window has turned
    before = calls(meter, now)
    assert calls(meter, now - back) == before
    meter.charge(5, now - back)
    assert calls(meter, now) == calls(meter, now - back) == {window: before[window] + 5}


@pytest.mark.parametrize("window", CALENDAR)
def test_a_clock_that_was_years_ahead_does_not_hold_up(window: str) -> None:
    """A clock that is set back further was wrong before: what was counted then is forgotten."""
    meter = UsageMeter("fake", Plan({window: 100}))
    meter.charge(100, NOON + 5 * 366 * 86400 + 30)
    assert meter.exhausted_window(100, NOON) is None


def send(meter: UsageMeter, arrivals: list[tuple[float, int]]) -> list[tuple[float, int]]:
    """Return when the requests are sent that come so many seconds after one another."""
    sent, now, free = [], NOON, NOON
    for gap, weight in arrivals:
        now = max(now + gap, free)
        free = now = now + meter.pace_delay(weight, now)
        meter.take_pace(weight, now)
        sent.append((now, weight))
    return sent


def most_in_any(seconds: float, sent: list[tuple[float, int]]) -> int:
    """Return the most calls in an interval of that length, wherever it begins."""
    return max(sum(weight for time, weight in sent if start <= time < start + seconds) for start, _ in sent)


paces = st.builds(lambda rate, burst: Plan(rate=rate, burst=burst), rate=st.floats(0.05, 50), burst=st.integers(1, 200))
arrivals = st.lists(
    st.tuples(st.one_of(st.just(0.0), st.floats(0, 2), st.floats(0, 300)), st.integers(1, 200)),
    min_size=1,
    max_size=60,
)


@given(paces, arrivals)
def test_the_pace_holds_in_every_interval(plan: Plan, arrivals: list[tuple[float, int]]) -> None:
    """From any request to any later one no more calls are sent than the burst and the rate over that time allow."""
    sent = send(UsageMeter("fake", plan), arrivals)
    holds = max(plan.burst, *(weight for _, weight in sent))
    for first, (start, _) in enumerate(sent):
        total = 0
        for time, weight in sent[first:]:
            total += weight
            assert total <= holds + plan.rate * (time - start) + 1e-3


@given(paces, arrivals)
def test_the_pace_wastes_nothing(plan: Plan, arrivals: list[tuple[float, int]]) -> None:
    """Nobody waits longer than the bucket takes to fill, when there is no heavier request than that."""
    meter, now = UsageMeter("fake", plan), NOON
    for gap, heavy in arrivals:
        now, weight = now + gap, min(heavy, int(plan.burst))
        wait = meter.pace_delay(weight, now)
        assert 0 <= wait <= plan.burst / plan.rate + 1e-6
        now += wait
        meter.take_pace(weight, now)


@pytest.mark.parametrize(("provider", "name", "plan"), MINUTES)
@given(arrivals=arrivals)
def test_no_minute_holds_more_than_a_plan_allows(
    provider: str, name: str, plan: Plan, arrivals: list[tuple[float, int]]
) -> None:
    """In any 60 s, wherever they begin, the pace of a plan keeps below the limit of its minute."""
    sent = send(UsageMeter(provider, plan), [(gap, min(weight, int(plan.burst))) for gap, weight in arrivals])
    assert most_in_any(60, sent) <= plan.limits["minute"], name


@pytest.mark.parametrize(("provider", "name", "plan"), MINUTES[:2])
@pytest.mark.parametrize("share", [1.0, 0.5, 0.01])
def test_not_even_a_storm_fills_the_minute(provider: str, name: str, plan: Plan, share: float) -> None:
    """Whoever sends all the time, in large or small requests, makes most of the minute's calls and not more."""
    weight = max(1, int(plan.burst * share))
    sent = send(UsageMeter(provider, plan), [(0.0, weight)] * (3 * plan.limits["minute"] // weight))
    assert 0.75 * plan.limits["minute"] <= most_in_any(60, sent) <= plan.limits["minute"], name


def test_a_request_that_is_heavier_than_the_burst_passes() -> None:
    """At once when the bucket is full, and then the bucket is empty for as long as it weighs."""
    sent = [time - NOON for time, _ in send(UsageMeter("fake", Plan(rate=1.0, burst=10)), [(0.0, 50), (0.0, 50)])]
    assert sent == pytest.approx([0, 50], abs=1e-3)


def test_a_drained_bucket_has_no_burst() -> None:
    """After a pause calls come one by one at the rate, and never at once."""
    meter = UsageMeter("fake", Plan(rate=2.0, burst=10))
    meter.drain_burst(NOON)
    sent = [time - NOON for time, _ in send(meter, [(0.0, 1)] * 5)]
    assert sent == pytest.approx([0.5, 1.0, 1.5, 2.0, 2.5], abs=1e-3)


@pytest.mark.parametrize("back", [10.0, 3600.0, 365 * 86400.0])
def test_a_clock_that_is_set_back_does_not_stop_the_pace(back: float) -> None:
    """Nobody waits longer than for the whole bucket, and after that the pace is what it was."""
    meter = UsageMeter("fake", Plan(rate=2.0, burst=10))
    send(meter, [(0.0, 1)] * 20)
    now, sent = NOON + 5 - back, []
    for _ in range(30):
        now += meter.pace_delay(1, now)
        meter.take_pace(1, now)
        sent.append(now)
    gaps = [later - earlier for earlier, later in pairwise(sent)]
    assert sent[0] <= NOON + 5 - back + 5.0 + 1e-3
    assert max(gaps[10:]) == pytest.approx(0.5, abs=1e-3)


def test_two_meters_that_share_a_store_see_each_other() -> None:
    """Each adds what is its own and learns the sum, in whatever order they save."""
    kept, plan = Kept(), Plan({"day": 100})
    one, two = UsageMeter("fake", plan), UsageMeter("fake", plan)
    one.charge(10, NOON)
    two.charge(20, NOON)
    kept.saves(one, NOON)
    kept.saves(two, NOON)
    assert (one.calls_left(NOON), two.calls_left(NOON)) == (90, 70)
    one.charge(1, NOON)
    kept.saves(one, NOON)
    assert one.calls_left(NOON) == 69
    kept.saves(two, NOON)
    assert two.calls_left(NOON) == 69


actions = st.lists(st.tuples(st.integers(0, 2), st.sampled_from(["charge", "save", "fail", "slow"])), max_size=60)


@given(actions)
def test_no_call_is_lost_or_counted_twice(actions: list[tuple[int, str]]) -> None:
    """Three meters save, fail to save, and go on counting while they save: in the end all know all calls, once."""
    kept, meters, made = Kept(), [UsageMeter("fake", Plan({"day": 10_000})) for _ in range(3)], 0
    for which, action in actions:
        meter = meters[which]
        if action == "charge":
            meter.charge(1, NOON)
            made += 1
        elif action == "save":
            kept.saves(meter, NOON)
        else:
            rows = meter.take_unsaved()
            meter.charge(1, NOON)  # while the rows are on their way
            made += 1
            if action == "slow":
                meter.merge_saved(kept.save(rows), NOON)
                assert meter.calls_left(NOON) == 10_000 - kept.rows["day"].used - 1 if rows else True
            else:
                meter.restore_unsaved(rows)
        assert meter.calls_left(NOON) >= 10_000 - made
    for meter in [*meters, *meters]:
        kept.saves(meter, NOON)
    assert [meter.calls_left(NOON) for meter in meters] == [10_000 - made] * 3


def test_what_could_not_be_saved_is_left_when_its_window_is_over() -> None:
    """A minute that has passed is not counted again in the next one."""
    meter = UsageMeter("fake", Plan({"minute": 10}))
    meter.charge(5, NOON + 30)
    rows = meter.take_unsaved()
    meter.calls_left(NOON + 60 + CLOCK_TOLERANCE + 1)
    meter.restore_unsaved(rows)
    assert meter.take_unsaved() == []


def test_a_restart_keeps_what_is_used_and_the_pace_and_what_the_service_said() -> None:
    """Another meter that learns the rows has as much room, waits as long, and knows until when the service is shut."""
    plan = Plan({"minute": 60, "month": 1000}, rate=1.0, burst=10)
    before, after, kept = UsageMeter("fake", plan), UsageMeter("fake", plan), Kept()
    for _ in range(10):
        before.charge(1, NOON)
        before.take_pace(1, NOON)
    before.closed_until = NOON + 3600
    after.merge_saved(kept.save(before.take_unsaved()), NOON + 1)
    assert calls(after, NOON + 1) == calls(before, NOON + 1) == {"minute": 10, "month": 10}
    assert after.pace_delay(10, NOON + 1) == before.pace_delay(10, NOON + 1) == pytest.approx(9.0)
    assert after.closed_until == NOON + 3600
    assert after.take_unsaved() == [
        UsageRow("fake", "pace", NOON + 10, 0.0),
        UsageRow("fake", "closed", NOON + 3600, 0.0),
    ]


def test_rows_of_windows_that_are_over_are_left_out() -> None:
    """What was used yesterday is not used today."""
    meter = UsageMeter("fake", Plan({"day": 100}))
    meter.merge_saved([UsageRow("fake", "day", window_start("day", NOON) - 86400, 100.0)], NOON)
    assert meter.calls_left(NOON) == 100


@given(st.sampled_from([*CALENDAR, "pace", "closed"]), st.floats(NOON + 90_000, 1e12), st.floats(0, 1e9))
def test_rows_from_the_future_are_ignored(window: str, started: float, used: float) -> None:
    """A clock was wrong when they were written: neither a count, nor the pace, nor a service's word holds up longer."""
    plan = Plan(dict.fromkeys(CALENDAR, 100), rate=1.0, burst=10)
    meter = UsageMeter("fake", plan)
    meter.merge_saved([UsageRow("fake", window, started, used)], NOON)
    assert (meter.calls_left(NOON), meter.closed_until) == (100, 0.0)
    assert meter.pace_delay(1, NOON) <= 2 * 10 + 1


def test_rows_of_a_window_that_the_plan_does_not_limit_are_ignored() -> None:
    """A plan may be changed between two runs."""
    meter = UsageMeter("fake", Plan({"day": 100}))
    meter.merge_saved(
        [UsageRow("fake", "hour", window_start("hour", NOON), 50.0), UsageRow("fake", "odd", 0.0, 1.0)], NOON
    )
    meter.merge_saved([UsageRow("fake", "pace", NOON + 5, 0.0)], NOON)
    assert (meter.calls_left(NOON), meter.pace_delay(1, NOON)) == (100, 0.0)


def test_calls_of_the_last_moments_are_saved_in_the_next_window_too() -> None:
    """Whoever shares the state, or comes after a restart, knows them as well."""
    plan, kept = Plan({"minute": 10}), Kept()
    meter, other = UsageMeter("fake", plan), UsageMeter("fake", plan)
    meter.charge(4, NOON - 1)
    kept.saves(meter, NOON - 1)
    meter.calls_left(NOON + CLOCK_TOLERANCE + 1)
    kept.saves(meter, NOON + CLOCK_TOLERANCE + 1)
    other.merge_saved(kept.rows.values(), NOON + CLOCK_TOLERANCE + 1)
    assert (meter.calls_left(NOON + CLOCK_TOLERANCE + 1), other.calls_left(NOON + CLOCK_TOLERANCE + 1)) == (6, 6)
