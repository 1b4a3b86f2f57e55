"""The gate: whatever a service does, it is asked no faster than it allows, and left alone when it wants that."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import Counter
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from tests.quota.traffic import max_calls_in_any
from tests.support import virtual_time
from tests.support.fakes import gate as new_gate
from tests.support.fakes import unavailable
from tests.support.virtual_time import EPOCH, now
from weatherd.errors import Failure, ProviderError
from weatherd.quota.limiter import RateLimiter
from weatherd.quota.plans import PLANS, UNLIMITED, Plan
from weatherd.quota.usage import UsageMeter
from weatherd.quota.windows import CLOCK_TOLERANCE

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

LIMITED = ProviderError("429: too many", Failure.RATE_LIMITED)
CROWDED = ProviderError("429: too many at once", Failure.CONCURRENCY_LIMITED)
DENIED = ProviderError("401: no such key", Failure.DENIED)
REFUSED = ProviderError("404: no such place", Failure.REJECTED)


class Service:
    """Answers as it is told to at that moment, and notes when it was asked."""

    def __init__(self, gate: RateLimiter | None = None) -> None:
        self.gate = gate or new_gate()
        self.sent: list[tuple[float, int]] = []
        self.takes = 0.0
        self.fails: BaseException | None = None
        self.at_once = self.most_at_once = 0

    async def ask(self, weight: int = 1) -> None:
        """Send a request through the gate."""
        await self.gate.run(lambda: self._answer(weight), weight)

    async def _answer(self, weight: int) -> None:
        self.sent.append((asyncio.get_running_loop().time(), weight))
        self.at_once += 1
        self.most_at_once = max(self.most_at_once, self.at_once)
        fails = self.fails
        try:
            if self.takes:
                await asyncio.sleep(self.takes)
            if fails:
                raise fails.copy_for() if isinstance(fails, ProviderError) else fails
        finally:
            self.at_once -= 1

    async def error(self, weight: int = 1) -> ProviderError | None:
        """Send a request, and return what became of it."""
        try:
            await self.ask(weight)
        except ProviderError as error:
            return error
        return None

    async def errors(self, count: int) -> list[ProviderError | None]:
        """Send so many at once."""
        async with asyncio.TaskGroup() as tasks:
            asked = [tasks.create_task(self.error()) for _ in range(count)]
        return [task.result() for task in asked]

    async def persists(self, weight: int = 1) -> None:
        """Come back when the gate says so, until there is an answer."""
        error = await self.error(weight)
        while error is not None:
            await asyncio.sleep(max(1.0, error.retry_after or 60.0))
            error = await self.error(weight)

    @property
    def times(self) -> list[float]:
        """Return when it was asked."""
        return [time for time, _ in self.sent]


def told(logs: list[Any], *, low: bool = False) -> list[tuple[str, str]]:
    """Return the events with their levels, the low ones only when asked for."""
    return [(log["event"], log["log_level"]) for log in logs if low or log["log_level"] != "debug"]


PAUSED, RESUMED = ("provider.paused", "warning"), ("provider.resumed", "info")


async def test_so_many_at_once() -> None:
    """No more requests are under way than the concurrency allows, and all have their turn in their order."""
    service = Service(new_gate(concurrency=3))
    service.takes = 1.0
    assert await service.errors(10) == [None] * 10
    assert (service.most_at_once, service.times) == (3, [0, 0, 0, 1, 1, 1, 2, 2, 2, 3])


async def test_what_is_not_limited_passes_at_once() -> None:
    """A gate without a plan holds nobody up."""
    service = Service(new_gate(concurrency=1))
    for _ in range(1000):
        await service.ask(100)
    assert asyncio.get_running_loop().time() == 0
    assert service.gate.batch_limit(100) == 100


async def test_a_refusal_holds_for_everybody() -> None:
    """After a 429 nothing passes for a minute, whoever asks, and all are told when to come back."""
    service = Service()
    service.fails = LIMITED
    first = await service.error()
    assert first
    assert (first.failure, first.retry_after) == (Failure.RATE_LIMITED, 60.0)
    for second in range(59):
        await asyncio.sleep(1)
        error = await service.error()
        assert error
        assert error.failure is Failure.PAUSED
        assert (error.retry_after or 0) >= 59 - second
        assert service.gate.batch_limit(100) == 1
    assert len(service.sent) == 1


async def test_one_line_for_a_pause_and_one_for_its_end() -> None:
    """However many ask, and are refused, in a pause: the log has two lines."""
    service = Service(new_gate(concurrency=50))
    service.fails, service.takes = LIMITED, 1.0
    with capture_logs() as logs:
        errors = await service.errors(50)
        assert {error.failure for error in errors if error} == {Failure.RATE_LIMITED}
        await service.errors(300)
        service.fails = None
        await asyncio.sleep(60)
        assert await service.errors(30) == [None] * 30
    assert told(logs, low=True) == [PAUSED, RESUMED]
    assert logs[0]["provider"] == logs[1]["provider"] == "fake"
    assert (logs[0]["reason"], logs[0]["seconds"]) == ("429: too many", 60.0)
    assert logs[0]["until"] == "2026-01-01T00:01:01Z"
    assert logs[1]["seconds"] == 61.0


async def test_everybody_is_told_another_time() -> None:
    """The times to come back at lie apart, so that they come at twice the planned rate."""
    service = Service()
    service.gate.set_planned_rate(0.5)
    service.fails = LIMITED
    await service.error()
    errors = await service.errors(300)
    assert [error and error.retry_after for error in errors] == [60.0 + number for number in range(1, 301)]


async def test_a_request_for_many_takes_the_times_of_many() -> None:
    """Whoever is refused with a request for 100 cities keeps room behind it for all of them to come back apart."""
    service = Service()
    service.gate.set_planned_rate(0.5)
    service.fails = LIMITED
    first, second, third = [await service.error(weight) for weight in (100, 50, 1)]
    assert [error and error.retry_after for error in (first, second, third)] == [60.0, 160.0, 210.0]
    assert [error and error.retry_spacing for error in (first, second, third)] == [1.0] * 3


async def test_a_place_that_is_refused_has_no_time_of_its_own() -> None:
    """What is no pause has no spacing: the city's own troubles are told and waited for by the city."""
    service = Service()
    for error in (REFUSED, unavailable()):
        service.fails = error
        got = await service.error()
        assert got
        assert (got.failure, got.retry_after, got.retry_spacing) == (error.failure, None, None)


async def test_after_a_pause_one_alone_tries() -> None:
    """The first to come is the only one until its answer; when that is good, the others follow."""
    service = Service(new_gate(concurrency=5))
    service.fails = LIMITED
    await service.error()
    await asyncio.sleep(60)
    service.fails, service.takes = None, 10.0
    assert await service.errors(7) == [None] * 7
    assert service.times[1:] == [60] + [70] * 5 + [80]


async def test_a_probe_that_fails_is_a_longer_pause() -> None:
    """Those that waited for it are refused too, and the log has no further line at warning."""
    service = Service()
    service.fails, service.takes = LIMITED, 1.0
    with capture_logs() as logs:
        await service.error()
        await asyncio.sleep(60)
        errors = await service.errors(5)
        assert [error and error.failure for error in errors] == [Failure.RATE_LIMITED] + [Failure.PAUSED] * 4
        assert errors[0]
        assert errors[0].retry_after == 120.0
        assert all((error.retry_after or 0) >= 120 for error in errors if error)
        await asyncio.sleep(119)
        assert (await service.errors(1))[0] is not None
        service.fails = None
        await asyncio.sleep(1)
        assert await service.error() is None
    assert told(logs, low=True) == [PAUSED, ("provider.still_paused", "debug"), RESUMED]


async def test_pauses_grow_up_to_an_hour_and_begin_anew() -> None:
    """A service that refuses for a day is asked at ever longer times; once it has served, the first pause is short."""
    service = Service()
    service.fails = LIMITED
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(86400):
            await service.persists()
    assert service.times[:7] == [0, 60, 180, 420, 900, 1860, 3780]
    assert {later - earlier for earlier, later in zip(service.times[6:], service.times[7:], strict=False)} == {3600}
    service.fails = None
    await asyncio.sleep(3600)
    await service.ask()
    service.fails = LIMITED
    error = await service.error()
    assert error
    assert error.retry_after == 60


@pytest.mark.parametrize("crash", [ZeroDivisionError(), asyncio.CancelledError(), BaseException("odd")], ids=repr)
async def test_a_probe_that_comes_to_nothing_is_not_the_last(crash: BaseException) -> None:
    """When it is cancelled, or its answer is not understood because of a bug, the next one tries."""
    service = Service()
    service.fails = LIMITED
    await service.error()
    await asyncio.sleep(60)
    service.fails, service.takes = crash, 1.0
    with pytest.raises(type(crash)):
        await service.ask()
    waiting = asyncio.create_task(service.error())
    service.fails = None
    assert await service.errors(3) == [None] * 3
    assert await waiting is None or isinstance(crash, BaseException)
    assert service.times[1:] == [60, 61, 62, 62, 62]


async def test_a_probe_that_is_cancelled_wakes_the_next() -> None:
    """Those that wait for its answer do not wait for ever: one of them takes its place."""
    service = Service()
    service.fails = LIMITED
    await service.error()
    await asyncio.sleep(60)
    service.fails, service.takes = None, 5.0
    probe = asyncio.create_task(service.ask())
    others = [asyncio.create_task(service.ask()) for _ in range(3)]
    await asyncio.sleep(2)
    probe.cancel()
    await asyncio.wait(others)
    assert probe.cancelled()
    assert service.times[1:] == [60, 62, 67, 67]


async def test_an_answer_from_before_the_pause_does_not_end_it() -> None:
    """A slow request that was sent before, and is served, says nothing about the service now."""
    service = Service()
    service.takes = 30.0
    slow = asyncio.create_task(service.error())
    await asyncio.sleep(1)
    service.takes, service.fails = 0.0, LIMITED
    with capture_logs() as logs:
        await service.error()
        assert await slow is None
        service.fails = None
        assert (await service.errors(1))[0] is not None
    assert told(logs) == [PAUSED]


@pytest.mark.parametrize("error", [LIMITED, DENIED, CROWDED, unavailable(), REFUSED], ids=lambda error: error.failure)
async def test_an_answer_from_before_the_pause_does_not_lengthen_it(error: ProviderError) -> None:
    """Nor does a slow one that fails, however; nor is it a strike."""
    service = Service()
    service.takes, service.fails = 30.0, error
    slow = [asyncio.create_task(service.error()) for _ in range(6)]
    await asyncio.sleep(1)
    service.takes, service.fails = 0.0, LIMITED
    with capture_logs() as logs:
        await service.error()
        late = [await task for task in slow]
        assert {each.failure for each in late if each} == {error.failure}
        assert min((each.retry_after or 0) for each in late if each) == 32.0
        assert told(logs) == [PAUSED]
        await asyncio.sleep(31)
        again = await service.error()
    assert again
    assert (again.failure, again.retry_after) == (Failure.RATE_LIMITED, 120.0)


async def test_a_wrong_key_is_an_error() -> None:
    """Somebody has to do something: the line says so with its level."""
    service = Service()
    service.fails = DENIED
    with capture_logs() as logs:
        error = await service.error()
    assert told(logs) == [("provider.paused", "error")]
    assert error
    assert (error.failure, error.retry_after) == (Failure.DENIED, 600.0)


async def test_five_failures_in_a_row_are_an_outage() -> None:
    """Four are not, nor are ten with a success, or the refusal of a place, among them."""
    service = Service()
    for answer in (None, REFUSED):
        for _ in range(3):
            service.fails = unavailable()
            errors = await service.errors(4)
            assert [error and (error.failure, error.retry_after) for error in errors] == [
                (Failure.UNAVAILABLE, None)
            ] * 4
            service.fails = answer
            await service.error()
    service.fails = unavailable()
    with capture_logs() as logs:
        errors = await service.errors(5)
        assert errors[4]
        assert errors[4].retry_after == 15.0
        assert len(service.sent) == 35
        assert (await service.errors(1))[0] is not None
        assert len(service.sent) == 35
    assert told(logs) == [PAUSED]


def test_an_outage_is_probed_at_ever_longer_times() -> None:
    """An hour's outage costs sixteen requests for 100 cities, and two lines."""
    virtual_time.run(_an_outage_is_probed_at_ever_longer_times())


async def _an_outage_is_probed_at_ever_longer_times() -> None:
    service = Service(new_gate(concurrency=5))
    service.gate.set_planned_rate(100 / 600)
    service.fails = unavailable()
    loop = asyncio.get_running_loop()
    with capture_logs() as logs:
        async with asyncio.TaskGroup() as tasks:
            loop.call_later(3600, setattr, service, "fails", None)
            for _ in range(100):
                tasks.create_task(service.persists())
    assert len([time for time in service.times if time < 3600]) <= 5 + 12 + 5
    assert told(logs) == [PAUSED, RESUMED]


async def test_the_refusal_of_one_place_after_a_pause_is_an_answer() -> None:
    """A probe that the service understood and refused shows that the service is well."""
    service = Service()
    service.fails = LIMITED
    with capture_logs() as logs:
        await service.error()
        await asyncio.sleep(60)
        service.fails = REFUSED
        error = await service.error()
        assert error
        assert (error.failure, error.retry_after) == (Failure.REJECTED, None)
        assert told(logs) == [PAUSED, RESUMED]
        service.fails = None
        assert await service.error() is None
    assert told(logs) == [PAUSED, RESUMED]


async def test_a_request_for_many_that_nobody_answers_is_an_outage() -> None:
    """The way to the service is the same for a hundred places: nobody has to fail four times more."""
    service = Service()
    service.fails = unavailable()
    error = await service.error(100)
    assert error
    assert error.retry_after == 15.0
    assert (await service.error()) is not None
    assert len(service.sent) == 1


@pytest.mark.parametrize("plan", [UNLIMITED, PLANS["open-meteo"]["free"], PLANS["openweathermap"]["free"]])
@pytest.mark.parametrize("error", [LIMITED, DENIED, unavailable()], ids=lambda error: error.failure)
def test_a_service_that_is_back_is_not_stormed(plan: Plan, error: ProviderError) -> None:
    """Of 300 cities no more than five come back in one second, though all were waiting."""
    virtual_time.run(_a_service_that_is_back_is_not_stormed(plan, error))


async def _a_service_that_is_back_is_not_stormed(plan: Plan, error: ProviderError) -> None:
    service = Service(new_gate(plan=plan))
    service.gate.set_planned_rate(0.5)
    service.fails, service.takes = error, 0.2
    async with asyncio.TaskGroup() as tasks:
        asyncio.get_running_loop().call_later(2000, setattr, service, "fails", None)
        for _ in range(300):
            tasks.create_task(service.persists())
    back = [(time, weight) for time, weight in service.sent if time >= 2000]
    assert len(back) == 300
    assert max_calls_in_any(1.0, back) <= 5
    assert back[-1][0] - back[0][0] <= 900


async def test_a_crowd_goes_one_by_one_for_an_hour() -> None:
    """A service that has too many requests at once gets one at a time, for an hour after the pause."""
    service = Service(new_gate(concurrency=8))
    service.fails = CROWDED
    error = await service.error()
    assert error
    assert error.retry_after == 5
    await asyncio.sleep(5)
    service.fails, service.takes, service.most_at_once = None, 10.0, 0
    while asyncio.get_running_loop().time() < 3500:
        assert await service.errors(8) == [None] * 8
    assert service.most_at_once == 1
    await asyncio.sleep(200)
    await service.errors(8)
    assert service.most_at_once == 8


async def test_a_window_that_is_used_up_is_a_pause_until_its_end() -> None:
    """Nothing more is asked in that window; the log says why once, and when it goes on."""
    service = Service(new_gate(plan=Plan({"hour": 5})))
    await asyncio.sleep(30)
    with capture_logs() as logs:
        errors = await service.errors(8)
        assert [error and error.failure for error in errors] == [None] * 5 + [Failure.PAUSED] * 3
        assert [error.retry_after for error in errors if error] == [3575.0, 3576.0, 3577.0]
        assert "5 calls" in str(errors[5])
        await asyncio.sleep(3570 + CLOCK_TOLERANCE)
        assert await service.error() is None
    assert told(logs) == [PAUSED, RESUMED]
    assert logs[0]["until"] == "2026-01-01T01:00:05Z"
    assert len(service.sent) == 6


async def test_the_room_of_a_request_is_what_the_plan_has_left() -> None:
    """One request may hold as many calls as the tightest window has left: one at least, and one in a pause."""
    service = Service(new_gate(plan=Plan({"minute": 100, "hour": 150})))
    await asyncio.sleep(30)
    assert (service.gate.batch_limit(1000), service.gate.batch_limit(70)) == (100, 70)
    await service.ask(70)
    assert service.gate.batch_limit(100) == 30
    await service.ask(30)
    assert service.gate.batch_limit(100) == 1
    assert isinstance(await service.error(), ProviderError)
    await asyncio.sleep(60 + CLOCK_TOLERANCE)
    await service.ask()
    assert service.gate.batch_limit(100) == 49


def meter_of(plan: Plan, closed_until: float = 0.0) -> UsageMeter:
    """Return a meter that an earlier run may have closed."""
    meter = UsageMeter("fake", plan)
    meter.closed_until = closed_until
    return meter


def gate_of(meter: UsageMeter, concurrency: int = 10, clock: Callable[[], datetime] = now) -> RateLimiter:
    """Return the gate of a meter."""
    return RateLimiter(meter, concurrency, clock, lambda: None)


async def test_a_restart_does_not_open_the_gate() -> None:
    """What the service said to an earlier run holds for this one; then one alone tries."""
    meter = meter_of(UNLIMITED, EPOCH.timestamp() + 1000)
    service = Service(gate_of(meter))
    with capture_logs() as logs:
        error = await service.error()
        assert error
        assert (error.failure, error.retry_after) == (Failure.PAUSED, 1000.0)
        await service.errors(20)
        assert service.sent == []
        await asyncio.sleep(1000)
        service.takes = 1.0
        assert await service.errors(3) == [None] * 3
    assert told(logs) == [PAUSED, RESUMED]
    assert service.times == [1000, 1001, 1001]


async def test_a_pause_that_the_service_asked_for_is_kept_for_a_restart() -> None:
    """What a 429 says is in the meter, and the state is told that there is something to write."""
    meter, changes = meter_of(UNLIMITED), []
    service = Service(RateLimiter(meter, 10, now, lambda: changes.append(meter.closed_until)))
    service.fails = ProviderError("429", Failure.RATE_LIMITED, retry_after=5000.0)
    await service.error()
    assert meter.closed_until == changes[-1] == EPOCH.timestamp() + 5000


async def test_a_clock_that_is_set_back_does_not_pause_again() -> None:
    """A pause lasts as long as it was to last, by the loop's clock, and is not begun anew when it is over."""
    back = 0.0
    service = Service(gate_of(meter_of(UNLIMITED), clock=lambda: now() - timedelta(seconds=back)))
    service.fails = LIMITED
    with capture_logs() as logs:
        await service.error()
        back, service.fails = 1800.0, None
        await asyncio.sleep(60)
        assert await service.errors(3) == [None] * 3
        assert await service.error() is None
    assert told(logs) == [PAUSED, RESUMED]


@pytest.mark.parametrize("concurrency", [1, 10])
def test_the_pace_holds_for_what_is_sent(concurrency: int) -> None:
    """Also when a slow service has held up many, no more are sent afterwards than the pace allows."""
    virtual_time.run(_the_pace_holds_for_what_is_sent(concurrency))


async def _the_pace_holds_for_what_is_sent(concurrency: int) -> None:
    plan = Plan(rate=1.0, burst=10)
    service = Service(new_gate(plan=plan, concurrency=concurrency))
    service.takes = 15.0
    asyncio.get_running_loop().call_later(600, setattr, service, "takes", 0.1)
    assert await service.errors(1000) == [None] * 1000
    for seconds in (1, 10, 60, 300):
        assert max_calls_in_any(seconds, service.sent) <= plan.burst + plan.rate * seconds + 1e-3


async def test_the_pace_holds_for_those_that_waited_for_the_probe() -> None:
    """While one tries a service for minutes, others gather; they follow at the pace and not in a heap."""
    plan = Plan(rate=0.5, burst=1)
    service = Service(new_gate(plan=plan, concurrency=50))
    service.fails = LIMITED
    await service.error()
    await asyncio.sleep(60)
    service.fails, service.takes = None, 100.0
    assert await service.errors(40) == [None] * 40
    assert max_calls_in_any(10.0, service.sent) <= 1 + 0.5 * 10 + 1e-3


async def test_after_a_pause_there_is_no_burst() -> None:
    """A bucket that has filled up in the pause is emptied: the service may still be weak."""
    service = Service(new_gate(plan=Plan(rate=1.0, burst=10)))
    service.fails = LIMITED
    await service.error()
    await asyncio.sleep(60)
    service.fails = None
    assert await service.errors(20) == [None] * 20
    assert max_calls_in_any(5.0, service.sent) <= 1.0 * 5 + 1


async def test_in_a_pause_nobody_waits_to_be_refused() -> None:
    """Also behind one that waits for its turn, an asker hears at once that the service is left alone."""
    service = Service(new_gate(plan=Plan(rate=0.01, burst=2)))
    service.takes = 1.0
    failing = asyncio.create_task(service.error())
    await asyncio.sleep(0)
    service.fails = LIMITED
    failing2 = asyncio.create_task(service.error())
    third = asyncio.create_task(service.error())  # waits for its turn for 100 s
    await asyncio.wait([failing, failing2])
    begin = asyncio.get_running_loop().time()
    error = await service.error()
    assert asyncio.get_running_loop().time() == begin
    assert error
    assert error.failure is Failure.PAUSED
    third.cancel()
    await asyncio.wait([third])


async def test_one_that_waited_for_its_turn_when_the_pause_began_is_refused() -> None:
    """Nothing passes in a pause, also of those that had asked before it."""
    service = Service(new_gate(plan=Plan(rate=1.0, burst=1)))
    service.fails = LIMITED
    errors = await service.errors(30)
    assert len(service.sent) == 1
    assert [error and error.failure for error in errors] == [Failure.RATE_LIMITED] + [Failure.PAUSED] * 29


@pytest.mark.parametrize("provider", ["open-meteo", "openweathermap"])
def test_no_minute_of_a_day_is_over_the_limit(provider: str) -> None:
    """Askers that ask all the time, at a service that fails now and then, never exceed any window of the plan."""
    virtual_time.run(_no_minute_of_a_day_is_over_the_limit(provider))


async def _no_minute_of_a_day_is_over_the_limit(provider: str) -> None:
    plan = PLANS[provider]["free"]
    service = Service(new_gate(provider, plan))
    weight = int(plan.burst)

    async def insists(number: int) -> None:
        while True:
            service.takes = 0.05 * (len(service.sent) % 40)
            service.fails = LIMITED if len(service.sent) % 97 == number else None
            await service.persists(max(1, service.gate.batch_limit(weight)))

    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(4 * 3600), asyncio.TaskGroup() as tasks:
            for number in range(12):
                tasks.create_task(insists(number))
    for seconds, limit in ((60, plan.limits["minute"]), (3600, plan.limits.get("hour", math.inf))):
        windows: Counter[int] = Counter()
        for time, calls in service.sent:
            windows[int(time // seconds)] += calls
        assert max(windows.values()) <= limit
    assert max_calls_in_any(60, service.sent[-2000:]) <= plan.limits["minute"]


async def _cancelled_at(point: int, *, crowded: bool) -> None:
    """Cancel one asker at a step of a life with pauses, probes and queues; the others must not notice."""
    service = Service(new_gate(plan=Plan({"minute": 30}, rate=2.0, burst=3), concurrency=2))
    service.gate.set_planned_rate(1.0)
    service.takes = 0.4
    loop = asyncio.get_running_loop()
    loop.call_at(0.3, setattr, service, "fails", CROWDED if crowded else LIMITED)
    loop.call_at(70, setattr, service, "fails", unavailable())
    loop.call_at(140, setattr, service, "fails", None)
    victims = [loop.create_task(service.persists()) for _ in range(3)]
    others = [loop.create_task(service.persists()) for _ in range(6)]
    for step in range(point):
        await asyncio.sleep(0 if step % 3 else 0.83)
    victims[point % 3].cancel()
    await asyncio.wait([*victims, *others])
    assert not any(task.cancelled() for task in others)
    service.most_at_once = 0
    await asyncio.sleep(7200)
    assert await service.errors(3) == [None] * 3
    assert service.most_at_once == 2
    assert not service.gate._turn.locked()
    assert not service.gate._single_slot.locked()
    assert service.gate._slots._value == 2
    assert not service.gate._breaker.is_probing


@pytest.mark.parametrize("crowded", [False, True])
@pytest.mark.parametrize("start", range(0, 400, 100))
def test_an_asker_may_be_cancelled_anywhere(start: int, crowded: bool) -> None:  # noqa: FBT001
    """Wherever it falls, in the line, before or in a request, as the probe or behind it, the gate stays usable."""
    for point in range(start, start + 100):
        virtual_time.run(_cancelled_at(point, crowded=crowded))
