"""Opening of providers, sinks and forwarders, built-in or installed, according to the settings."""

from __future__ import annotations

import contextlib
import functools
import os
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TypeVar

import structlog

from weatherd import __version__, plugins
from weatherd.clock import boot_time
from weatherd.config.lists.packed_cities import PackedCities
from weatherd.errors import ConfigError, MissingSettingsError, Problem
from weatherd.freshness import AGE_BUDGETS, AgeBudgets
from weatherd.http.session import open_session
from weatherd.journal.journal import open_journal
from weatherd.journal.provider_state import in_memory_state, open_provider_state
from weatherd.journal.state_folder import find_state_folder
from weatherd.pipeline.forwarders import ForwarderResources, check_batch_size, count_none, have_none, know_nothing
from weatherd.plugins import contain, explain_plugin_error
from weatherd.providers import ProviderTraits, Resources
from weatherd.providers.past import PASTS
from weatherd.quota.limiter import RateLimiter, always_allow
from weatherd.quota.planner import Planner
from weatherd.quota.plans import PLANS, find_plan
from weatherd.quota.usage import UsageMeter

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from importlib.metadata import EntryPoint
    from pathlib import Path

    from weatherd.city import City
    from weatherd.cluster.quota.allotment import Allotment
    from weatherd.config.loader import Configuration
    from weatherd.config.settings import Settings
    from weatherd.journal.provider_state import ProviderState
    from weatherd.observation import Observation
    from weatherd.pipeline.forwarders import AlertLookup, Forwarder, WarningLookup
    from weatherd.pipeline.sinks import Sink
    from weatherd.providers import Provider
    from weatherd.providers.past import PastTraits
    from weatherd.quota.plans import Plan

log = structlog.get_logger()

_T = TypeVar("_T")

USER_AGENT = f"weatherd/{__version__}"
_WARNING_CONCURRENCY = 2  # requests for warnings


def utc_now() -> datetime:
    """Return the current time, timezone-aware and in UTC."""
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class OpenProviders:
    """The installed providers by name: the usable ones, and the problems of the others."""

    usable: Mapping[str, Provider]
    rejected: Mapping[str, Problem]
    broken: frozenset[str]  # the rejected ones that raised an unexpected error; the others lack a setting
    planner: Planner
    limiters: Mapping[str, RateLimiter]
    budgets: AgeBudgets
    open_resources: Callable[[str], Resources]  # for warnings; raises ConfigError for a provider that is rejected
    pasts: Mapping[str, PastTraits]  # of those with a past

    def require_usable(self, configuration: Configuration) -> Configuration:
        """Return *configuration* with every row quarantined that names a rejected provider.

        Raises ConfigError if the setting ``providers`` or ``compare`` names one.
        """
        wanted = (*configuration.settings.providers, *configuration.settings.compare)
        if missing := [self.rejected[name] for name in wanted if name in self.rejected]:
            raise ConfigError(
                *(replace(problem, where=problem.where or str(configuration.file)) for problem in missing)
            )
        rejected = [city for city in configuration.cities if self._find_rejected(city)]
        locate = configuration.locate or (lambda _: configuration.list_name)
        problems = ((Problem(locate(city.id), f"{city.name!r}: {self._reasons(city)}"),) for city in rejected)
        quarantined = (*configuration.quarantined, *problems)
        usable = configuration.cities
        if rejected:
            rest = (city for city in usable if not self._find_rejected(city))
            usable = PackedCities(rest) if isinstance(usable, PackedCities) else tuple(rest)
        # Without the positions, because those of 100,000 rows take 20 MB
        return replace(configuration, cities=usable, quarantined=quarantined, locate=None)

    def _find_rejected(self, city: City) -> list[str]:
        """Return the rejected providers that a row names, for its weather, comparison or official warnings."""
        named = city.providers + city.compare + (() if isinstance(city.warnings, str) else city.warnings)
        if self.rejected.keys().isdisjoint(named):
            return []
        return [name for name in dict.fromkeys(named) if name in self.rejected]

    def _reasons(self, city: City) -> str:
        return "; ".join(self.rejected[name].message for name in self._find_rejected(city))


@contextlib.asynccontextmanager
async def open_providers(
    settings: Settings,
    now: Callable[[], datetime] = utc_now,
    state: ProviderState | None = None,
    *,
    boot: Callable[[], float] = boot_time,
    allotment: Allotment | None = None,
    may_send: Callable[[], bool] = always_allow,
) -> AsyncIterator[OpenProviders]:
    """Open an HTTP session and every installed provider, each with its own rate limiter.

    *state* preserves usage and pauses across restarts; None keeps them in memory. In a cluster, *allotment* hands out
    the calls, and *may_send* returns whether this node may make them.
    """
    state = state or in_memory_state(now)
    usable: dict[str, Provider] = {}
    rejected: dict[str, Problem] = {}
    broken: set[str] = set()
    limiters: dict[str, RateLimiter] = {}
    plans: dict[str, Plan] = {}
    pasts: dict[str, PastTraits] = {}
    budgets = dict(AGE_BUDGETS)

    def create_limiter(name: str, plan: Plan, concurrency: int) -> RateLimiter:
        meter = state.usage_meter(name, plan, allotment.create_meter if allotment else UsageMeter)
        limiter = RateLimiter(
            meter, concurrency, now, functools.partial(state.schedule_save, name), boot, may_send=may_send
        )
        if allotment:
            allotment.add_limiter(limiter, plan)
        return limiter

    async with contextlib.AsyncExitStack() as stack:
        session = await stack.enter_async_context(open_session(USER_AGENT, ca_file=settings.tls.ca_file))
        for name, point in plugins.find_plugins("providers").items():
            try:
                with contain():
                    opener = point.load()
                    own = _add_plugin_defaults(settings, point, opener)
                    traits = _find_traits(name, opener, own)
                    plans[name], budgets[name] = traits.plan, traits.max_age
                    limiters[name] = create_limiter(name, traits.plan, traits.concurrency)
                    resources = Resources(session, limiters[name], state.key_values(name), now)
                    opened = _require_method(await _enter(stack, name, opener(own, resources)), "fetch")
                    if traits.past:
                        _require_past_methods(opened, traits.past)
                        pasts[name] = traits.past
                    usable[name] = opened
            except ConfigError as error:
                rejected[name] = error.problems[0]
            except Exception as error:
                log.error("plugin.broken", plugin=name, exc_info=error)
                broken.add(name)
                rejected[name] = Problem(
                    point.value, f"the provider {name!r} cannot be opened: {explain_plugin_error(point, error)}"
                )
        planner = Planner(plans, lambda name, rate: limiters[name].set_planned_rate(rate))

        if settings.pirate_weather.api_key is None:
            message = "pirate-weather needs an API key: set pirate_weather.api_key"
            rejected["pirate-weather"] = Problem("pirate_weather.api_key", message)
        else:  # only its official warnings are used
            plan = find_plan("pirate-weather", settings.pirate_weather.plan)
            limiters["pirate-weather"] = create_limiter("pirate-weather", plan, _WARNING_CONCURRENCY)

        def open_resources(name: str) -> Resources:
            if name in rejected:
                raise ConfigError(rejected[name])
            return Resources(session, limiters[name], state.key_values(f"{name} warnings"), now)

        age_budgets = AgeBudgets(budgets)
        yield OpenProviders(usable, rejected, frozenset(broken), planner, limiters, age_budgets, open_resources, pasts)


def _find_traits(name: str, opener: Any, settings: Settings) -> ProviderTraits:
    """Return the traits of a built-in provider from its settings, or those that a plug-in declares."""
    if name in PLANS:
        section = getattr(settings, name.replace("-", "_"))
        return ProviderTraits(find_plan(name, section.plan), section.concurrency, AGE_BUDGETS[name], PASTS.get(name))
    declared = plugins.find_attribute(opener, "provider_traits")
    traits = declared(settings) if callable(declared) else ProviderTraits() if declared is None else declared
    if isinstance(traits, ProviderTraits):
        return traits
    found = f"{'returned' if callable(declared) else 'is'} {plugins.quote_value(traits)}"
    raise TypeError(f"the plug-in's provider_traits {found}, not a ProviderTraits or a function that returns one")


@contextlib.asynccontextmanager
async def open_with_state(configuration: Configuration) -> AsyncIterator[OpenProviders]:
    """Open the providers for a command that polls once. Its calls count towards the quota shared with the daemon."""
    path = find_state_folder(configuration.settings.state, configuration.file, os.environ)
    async with (
        open_journal(path) as journal,
        open_provider_state(journal, utc_now) as state,
        open_for_command(configuration.settings, path, state) as providers,
    ):
        yield providers


@contextlib.asynccontextmanager
async def open_for_command(settings: Settings, folder: Path, state: ProviderState) -> AsyncIterator[OpenProviders]:
    """Open the providers for a command with this state folder; in a cluster, its calls are handed out to it, too."""
    async with contextlib.AsyncExitStack() as stack:
        allotment = None
        if settings.cluster:
            from weatherd.cluster.quota.command_allotment import open_command_allotment  # noqa: PLC0415 - takes memory

            allotment = await stack.enter_async_context(open_command_allotment(settings.cluster, folder, utc_now))
        yield await stack.enter_async_context(open_providers(settings, utc_now, state, allotment=allotment))


def check_sinks(settings: Settings) -> None:
    """Call the opening function of every sink, without entering what it returns. Raises ConfigError."""
    for name, point in plugins.find_plugins("sinks").items():
        with _contain_opening(name):
            call_opener(point, settings)


@contextlib.asynccontextmanager
async def open_sinks(settings: Settings) -> AsyncIterator[dict[str, Sink]]:
    """Open every installed and enabled sink. Raises ConfigError if a sink lacks a setting; logs other errors."""
    sinks: dict[str, Sink] = {}
    async with contextlib.AsyncExitStack() as stack:
        for name, point in plugins.find_plugins("sinks").items():
            with _contain_opening(name):
                if (opened := call_opener(point, settings)) is not None:
                    sinks[name] = _require_method(await _enter(stack, name, opened), "write")
        yield sinks


@contextlib.asynccontextmanager
async def open_forwarders(
    settings: Settings,
    state: ProviderState,
    cities: Callable[[], Sequence[City]],
    budgets: AgeBudgets,
    *,
    latest: Callable[[str], Observation | None] = know_nothing,
    find_city: Callable[[str], City | None] = know_nothing,
    alerts: Callable[[], AlertLookup | None] = have_none,
    warnings: Callable[[], WarningLookup | None] = have_none,
    node: str = "",
    count_takes: Callable[[str], int] = count_none,
) -> AsyncIterator[dict[str, Forwarder]]:
    """Create every installed and enabled forwarder; the daemon connects them later.

    *node* is the name of this node in a cluster, in which *cities* are those that it polls, and *count_takes* returns
    how often it has taken a city over.

    Raises ConfigError if a forwarder lacks a setting or a library; logs other errors.
    """
    forwarders: dict[str, Forwarder] = {}
    async with open_session(USER_AGENT, ca_file=settings.tls.ca_file) as session:
        for name, point in plugins.find_plugins("forwarders").items():
            resources = ForwarderResources(
                session,
                state.key_values(f"forwarder {name}"),
                cities,
                utc_now,
                budgets,
                latest,
                find_city,
                alerts,
                warnings,
                node,
                count_takes,
            )
            with _contain_opening(name):
                if (forwarder := create_forwarder(point, settings, resources)) is not None:
                    forwarders[name] = forwarder
        yield forwarders


def create_forwarder(point: EntryPoint, settings: Settings, resources: ForwarderResources) -> Forwarder | None:
    """Create a forwarder that is not connected yet; return None if it is disabled."""
    if plugins.is_built_in(point) and getattr(settings, point.name) is None:
        return None  # before its module is imported: all of them take 0.2 MB
    forwarder: Forwarder | None = call_opener(point, settings, resources)
    if forwarder is not None:
        check_batch_size(forwarder)
    return forwarder


def call_opener(point: EntryPoint, settings: Settings, *resources: ForwarderResources) -> Any:
    """Import a sink or forwarder and call its opening function, which returns None if it is disabled."""
    opener = point.load()
    return opener(_add_plugin_defaults(settings, point, opener), *resources)


def _add_plugin_defaults(settings: Settings, point: EntryPoint, opener: Any) -> Settings:
    """Return the settings for a plug-in, as with_plugin_defaults() does."""
    if plugins.is_built_in(point):
        return settings  # before pydantic is imported
    from weatherd.config.plugin_models import with_plugin_defaults  # noqa: PLC0415 - see above

    return with_plugin_defaults(settings, point.name, opener)


@contextlib.contextmanager
def _contain_opening(name: str) -> Iterator[None]:
    """Skip a sink or forwarder without the settings that it requires, and log any other error except ConfigError."""
    try:
        with contain():
            yield
    except MissingSettingsError:
        pass  # disabled, like a built-in forwarder without a section
    except ConfigError:
        raise
    except Exception as error:
        log.error("plugin.broken", plugin=name, exc_info=error)


async def _enter(stack: contextlib.AsyncExitStack, name: str, manager: AbstractAsyncContextManager[_T]) -> _T:
    """Enter a plug-in's context manager, to be exited by *stack*. An error at the exit is logged, not raised."""
    entered = await manager.__aenter__()

    async def close(*error: Any) -> None:
        try:
            with contain():
                await manager.__aexit__(*error)  # with the exception that ends the daemon, if any
        except Exception as failure:
            log.error("plugin.broken", plugin=name, exc_info=failure)

    stack.push_async_exit(close)
    return entered


def _require_past_methods(opened: object, past: PastTraits) -> None:
    _require_method(opened, "fetch_past")
    if past.cities > 1:
        _require_method(opened, "fetch_past_batch")


def _require_method(opened: _T, method: str) -> _T:
    """Return what a plug-in has yielded. Raises TypeError if it lacks the method that is called later."""
    if not callable(getattr(opened, method, None)):
        raise TypeError(f"the plug-in yields {plugins.quote_value(opened)}, which has no {method}()")
    return opened
