"""Plug-ins are opened and closed as context managers, and their errors do not affect others."""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel, SecretStr
from structlog.testing import capture_logs

from tests.support import virtual_time
from tests.support.fakes import KIEL, FakeSink, observation
from tests.support.plugins import install_package
from weatherd.clock import AnchoredClock
from weatherd.config.loader import Configuration, parse_settings
from weatherd.config.sections import PirateWeatherSection
from weatherd.config.settings import Settings
from weatherd.daemon.wiring import open_forwarders, open_providers, open_sinks
from weatherd.errors import ConfigError
from weatherd.freshness import BUILT_IN_BUDGETS, DEFAULT_AGE_BUDGET
from weatherd.journal.provider_state import in_memory_state
from weatherd.polling.fetch import fetch_city
from weatherd.providers import ProviderTraits, Resources
from weatherd.providers.past import PASTS, PastTraits
from weatherd.quota.planner import RETRY_RESERVE
from weatherd.quota.plans import Plan

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping
    from pathlib import Path

    from weatherd.city import City
    from weatherd.observation import Observation
    from weatherd.pipeline.forwarders import ForwarderResources
    from weatherd.quota.limiter import RateLimiter

SEEN: list[str] = []
WRONG = """
import math
from weatherd.providers import ProviderTraits
from weatherd.providers.past import PastTraits

def open_wrong(settings, resources=None): ...
"""


@contextlib.asynccontextmanager
async def open_attentive(_: Settings) -> AsyncIterator[FakeSink]:
    """Open a sink that records how its context ended."""
    try:
        yield FakeSink()
    except BaseException as error:
        SEEN.append(repr(error))
        raise
    else:
        SEEN.append("closed")


@contextlib.asynccontextmanager
async def open_forgiving(_: Settings) -> AsyncIterator[FakeSink]:
    """Open a sink that would suppress every error."""
    with contextlib.suppress(BaseException):
        yield FakeSink()


@contextlib.asynccontextmanager
async def open_breaking(_: Settings) -> AsyncIterator[FakeSink]:
    """Open a sink that fails when it is closed."""
    yield FakeSink()
    raise SystemExit(3)


@dataclass(frozen=True)
class OldProvider:
    """A provider whose observations are four hours old."""

    resources: Resources

    async def fetch(self, city: City) -> Observation:
        """Return an observation that is four hours old."""
        now = self.resources.now()
        return observation(city, provider="yearly", observed_at=now - timedelta(hours=4), fetched_at=now)


@contextlib.asynccontextmanager
async def open_yearly(_: Settings, resources: Resources) -> AsyncIterator[OldProvider]:
    """Open a provider whose opening function declares traits."""
    yield OldProvider(resources)


@contextlib.asynccontextmanager
async def open_pastless(_: Settings, resources: Resources) -> AsyncIterator[OldProvider]:
    """Open a provider that declares a past, and has no method for it."""
    yield OldProvider(resources)


open_pastless.provider_traits = ProviderTraits(past=PastTraits(86400.0, 600.0))  # type: ignore[attr-defined]


@contextlib.asynccontextmanager
async def open_plain(_: Settings, resources: Resources) -> AsyncIterator[OldProvider]:
    """Open a provider that declares no traits of its own, only those of its module."""
    yield OldProvider(resources)


def provider_traits(settings: Settings) -> ProviderTraits:
    """Return the traits of this module's providers."""
    return ProviderTraits(concurrency=int(settings.shutdown_grace))


open_yearly.provider_traits = ProviderTraits(Plan({"day": 48}), 1, max_age=5 * 3600.0)  # type: ignore[attr-defined]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Return a function that installs plug-ins of this module; the first ones are closed last.

    With *wrong*, the source code of an attribute, it also installs a plug-in ``wrong`` that has this attribute.
    """
    SEEN.clear()

    def install(group: str, *names: str, wrong: str = "") -> None:
        lines = [f"[weatherd.{group}]", *(f"{name} = {__name__}:open_{name}" for name in names)]
        modules = {"wrong_plugin": f"{WRONG}\nopen_wrong.{wrong}\n"} if wrong else {}
        lines += [f"wrong = {module}:open_wrong" for module in modules]
        install_package(monkeypatch, tmp_path, group, "\n".join(lines), **modules)

    return install


async def test_plug_ins_receive_the_error_that_ends_the_daemon(install: Callable[..., None]) -> None:
    """It is passed to each plug-in's context manager, and none of them can suppress it."""
    install("sinks", "attentive", "forgiving", "breaking")
    with capture_logs() as logs, pytest.raises(ZeroDivisionError):
        async with open_sinks(Settings(log={"observations": False})):
            raise ZeroDivisionError("a bug")
    assert SEEN == ["ZeroDivisionError('a bug')"]
    assert not logs


async def test_an_error_while_closing_a_plug_in_is_contained(install: Callable[..., None]) -> None:
    """It is logged; the other plug-ins are closed and do not receive it."""
    install("sinks", "attentive", "forgiving", "breaking")
    with capture_logs() as logs:
        async with open_sinks(Settings(log={"observations": False})) as sinks:
            assert sinks.keys() >= {"attentive", "forgiving", "breaking"}
    assert SEEN == ["closed"]
    facts: list[Any] = [(event["event"], event["plugin"]) for event in logs]
    assert facts == [("plugin.broken", "breaking")]


class Account(BaseModel):
    """The settings of one sink."""

    token: str
    level: int = 1


class Station(BaseModel):
    """The settings of another sink; none is required."""

    station: int = 12


@contextlib.asynccontextmanager
async def open_demanding(settings: Settings) -> AsyncIterator[FakeSink]:
    """Open a sink that requires a token."""
    SEEN.append(f"demanding {settings.plugins['demanding'].token}")
    yield FakeSink()


@contextlib.asynccontextmanager
async def open_modest(settings: Settings) -> AsyncIterator[FakeSink]:
    """Open a sink whose settings have defaults."""
    SEEN.append(f"modest {settings.plugins['modest'].station}")
    yield FakeSink()


@contextlib.asynccontextmanager
async def open_strict(settings: Settings, resources: Resources) -> AsyncIterator[OldProvider]:
    """Open a provider that requires a token."""
    SEEN.append(f"strict {settings.plugins['strict'].token}")
    yield OldProvider(resources)


open_demanding.settings_model = Account  # type: ignore[attr-defined]
open_modest.settings_model = Station  # type: ignore[attr-defined]
open_strict.settings_model = Account  # type: ignore[attr-defined]


async def test_a_plug_in_gets_its_own_settings(install: Callable[..., None]) -> None:
    """They are validated and have defaults; a sink without a required key is disabled."""
    install("sinks", "demanding", "modest")
    quiet = Settings(log={"observations": False})
    async with open_sinks(quiet) as sinks:
        assert sinks.keys() & {"demanding", "modest"} == {"modest"}
    assert SEEN == ["modest 12"]
    configured = parse_settings("plugins: {demanding: {token: t}, modest: {station: 5}}", "f.yaml", {})
    async with open_sinks(configured) as sinks:
        assert sinks.keys() >= {"demanding", "modest"}
    assert SEEN[1:] == ["demanding t", "modest 5"]


async def test_a_provider_that_lacks_a_required_setting_is_rejected(install: Callable[..., None]) -> None:
    """The problem names the key, and affects only cities that use the provider."""
    install("providers", "strict")
    async with open_providers(Settings(), virtual_time.now, boot=virtual_time.boot) as providers:
        assert (
            str(providers.rejected["strict"])
            == "the plug-in 'strict' needs settings: 'plugins.strict.token' is missing"
        )
    settings = parse_settings("plugins: {strict: {token: t}}", "f", {})
    async with open_providers(settings, virtual_time.now, boot=virtual_time.boot) as providers:
        assert "strict" in providers.usable
    assert SEEN == ["strict t"]


async def _measure_concurrency(limiter: RateLimiter, requests: int) -> int:
    """Return how many of the requests were in progress at the same time."""
    in_flight, peak = 0, 0

    async def send() -> None:
        nonlocal in_flight, peak
        in_flight += 1
        peak = max(peak, in_flight)
        await asyncio.sleep(1)
        in_flight -= 1

    await asyncio.gather(*(limiter.run(send) for _ in range(requests)))
    return peak


async def test_a_plug_in_declares_its_traits(install: Callable[..., None]) -> None:
    """The planner and limiter use its plan and concurrency; its age budget decides staleness. Each has a default."""
    install("providers", "yearly", "plain")
    city = replace(KIEL, providers=("yearly",), interval=600.0)
    async with open_providers(Settings(), virtual_time.now, boot=virtual_time.boot) as providers:
        providers.planner.update([city])
        assert providers.planner.interval(city) == pytest.approx(1800 * RETRY_RESERVE)
        assert providers.limiters["yearly"].usage() == {"day": (0, 48)}
        clock = AnchoredClock(virtual_time.now, virtual_time.boot)
        result = await fetch_city(city, ["yearly"], providers.usable, providers.budgets, clock)
        assert result.is_fresh
        assert providers.budgets.of_provider("plain") == DEFAULT_AGE_BUDGET
        assert await _measure_concurrency(providers.limiters["yearly"], 3) == 1
        assert await _measure_concurrency(providers.limiters["plain"], 20) == Settings().shutdown_grace


@pytest.mark.parametrize(
    ("values", "text"),
    [
        ("concurrency=0", "concurrency has to be an integer above 0, not 0"),
        ("concurrency=1.5", "concurrency has to be an integer above 0, not 1.5"),
        ("max_age=0", "max_age has to be a finite number of seconds above 0, not 0"),
        ("max_age=math.inf", "max_age has to be a finite number of seconds above 0, not inf"),
        ("past=PastTraits(0, 60)", "reach has to be a finite number of seconds above 0, not 0"),
    ],
)
async def test_a_provider_with_traits_out_of_range_is_broken(
    install: Callable[..., None], values: str, text: str
) -> None:
    """They would make every poll wait or fail; the reason names the trait and the rule."""
    install("providers", "plain", wrong=f"provider_traits = lambda _: ProviderTraits({values})")
    with capture_logs() as logs:
        async with open_providers(Settings(), virtual_time.now, boot=virtual_time.boot) as providers:
            assert providers.rejected["wrong"].message.endswith(f": ValueError: {text}")
            assert "plain" in providers.usable
    assert [(event["event"], event["plugin"]) for event in logs] == [("plugin.broken", "wrong")]


async def test_a_provider_with_a_past_needs_the_method(install: Callable[..., None]) -> None:
    """One that declares a past without ``fetch_past`` is broken; the built-in ones have both."""
    install("providers", "pastless")
    with capture_logs():
        async with open_providers(Settings(), virtual_time.now, boot=virtual_time.boot) as providers:
            assert providers.rejected["pastless"].message.endswith("which has no fetch_past()")
            assert providers.pasts == PASTS
            assert all(hasattr(providers.usable[name], "fetch_past") for name in PASTS)


@dataclass(frozen=True)
class SizedForwarder:
    """A forwarder that only has a batch size."""

    batch_size: Any

    def connect(self) -> Any:
        """Connect to nothing."""


def open_sized(settings: Settings, _: ForwarderResources) -> Any:
    """Open a forwarder whose batch size is configured."""
    return SizedForwarder(settings.plugins["sized"].size)


class Size(BaseModel):
    """The settings of this forwarder."""

    size: Any


open_sized.settings_model = Size  # type: ignore[attr-defined]


@pytest.mark.parametrize(("size", "works"), [(1, True), (0, False), (-5, False), (2.5, False), ("many", False)])
async def test_a_forwarder_without_a_batch_size_is_broken(
    install: Callable[..., None], size: Any, *, works: bool
) -> None:
    """With a batch size of 0 it would skip every observation; the log has the rule, and the daemon runs without it."""
    install("forwarders", "sized")
    settings = parse_settings(f"plugins: {{sized: {{size: {size}}}}}", "f.yaml", {})
    state = in_memory_state(virtual_time.now)
    with capture_logs() as logs:
        async with open_forwarders(settings, state, lambda: (), BUILT_IN_BUDGETS) as forwarders:
            assert ("sized" in forwarders) is works
    if not works:
        assert [(event["event"], event["plugin"]) for event in logs] == [("plugin.broken", "sized")]
        expected = f"the forwarder's batch_size has to be an integer above 0, not {size!r}"
        assert [str(event["exc_info"]) for event in logs] == [expected]


@pytest.mark.parametrize(
    ("attribute", "value", "text"),
    [
        ("provider_traits", "5", "is 5, not a ProviderTraits or a function that returns one"),
        ("provider_traits", "{}", "is {}, not a ProviderTraits or a function that returns one"),
        ("provider_traits", "lambda _: 'x'", "returned 'x', not a ProviderTraits or a function that returns one"),
        ("settings_model", "5", "is 5, not a pydantic model class"),
        ("city_model", "dict", "is dict, not a pydantic model class"),
    ],
)
async def test_a_plug_in_with_a_wrong_attribute_is_broken(
    install: Callable[..., None], attribute: str, value: str, text: str
) -> None:
    """A wrong value of a documented attribute is logged once and makes this provider unusable; others are usable."""
    install("providers", "plain", wrong=f"{attribute} = {value}")
    with capture_logs() as logs:
        async with open_providers(Settings(), virtual_time.now, boot=virtual_time.boot) as providers:
            message = providers.rejected["wrong"].message
            assert (
                message
                == f"the provider 'wrong' cannot be opened: wrong_plugin: TypeError: the plug-in's {attribute} {text}"
            )
            assert "plain" in providers.usable
    assert [(event["event"], event["plugin"]) for event in logs] == [("plugin.broken", "wrong")]


@pytest.mark.parametrize("group", ["sinks", "forwarders"])
@pytest.mark.parametrize(("attribute", "value"), [("settings_model", "5"), ("city_model", "dict")])
async def test_a_sink_or_forwarder_with_a_wrong_attribute_is_broken(
    install: Callable[..., None], group: str, attribute: str, value: str
) -> None:
    """It is logged once with the same text as a provider's, and not used; the others are opened."""
    install(group, wrong=f"{attribute} = {value}")
    state, settings = in_memory_state(virtual_time.now), parse_settings("log: {observations: false}", "f.yaml", {})
    opened: contextlib.AbstractAsyncContextManager[Mapping[str, object]] = (
        open_sinks(settings) if group == "sinks" else open_forwarders(settings, state, lambda: (), BUILT_IN_BUDGETS)
    )
    with capture_logs() as logs:
        async with opened as usable:
            assert "wrong" not in usable
            assert ("console" in usable) is (group == "sinks")
    text = f"the plug-in's {attribute} is {value}, not a pydantic model class"
    assert [(event["event"], event["plugin"], str(event["exc_info"])) for event in logs] == [
        ("plugin.broken", "wrong", text)
    ]


async def test_rows_with_warnings_of_an_unusable_service_are_quarantined(tmp_path: Path) -> None:
    """A service that lacks a setting has no warnings either; with ``auto`` it is not asked."""
    cities = (
        replace(KIEL, warnings="auto"),
        replace(KIEL, id="ulm", warnings=("nws", "met-norway")),
        replace(KIEL, id="bonn", warnings=("pirate-weather",)),
    )
    configuration = Configuration(tmp_path / "weatherd.yaml", Settings(), cities, ())
    async with open_providers(Settings()) as providers:
        usable = providers.require_usable(configuration)
    assert [city.id for city in usable.cities] == ["kiel"]
    [[norway], [world]] = usable.quarantined
    assert "met-norway needs your e-mail or web address" in norway.message
    assert "pirate_weather.api_key" in world.message


async def test_an_unusable_service_is_not_compared(tmp_path: Path) -> None:
    """A row that names it for comparison is quarantined; the setting is an error."""
    cities = (KIEL, replace(KIEL, id="ulm", compare=("met-norway",)))
    file = tmp_path / "weatherd.yaml"
    async with open_providers(Settings()) as providers:
        usable = providers.require_usable(Configuration(file, Settings(), cities, ()))
        with pytest.raises(ConfigError, match="met-norway needs your e-mail or web address"):
            providers.require_usable(Configuration(file, Settings(compare=("met-norway",)), (), ()))
    assert [city.id for city in usable.cities] == ["kiel"]
    assert "met-norway needs your e-mail or web address" in usable.quarantined[0][0].message


async def test_a_service_of_warnings_alone_has_a_plan() -> None:
    """It has a rate limiter of its own, which is among those of the status, and no weather."""
    async with open_providers(Settings(pirate_weather=PirateWeatherSection(api_key=SecretStr("sesame")))) as providers:
        assert providers.open_resources("pirate-weather").limiter is providers.limiters["pirate-weather"]
        assert providers.limiters["pirate-weather"].usage() == {"month": (0, 10_000)}
        assert "pirate-weather" not in providers.usable
