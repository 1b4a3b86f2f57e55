"""The parts of the daemon as one frozen value, and the function that opens them."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import os
import random
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import TYPE_CHECKING

from weatherd.alerts.builtin.daemon_rules import DAEMON_RULES
from weatherd.clock import boot_time
from weatherd.daemon.cluster_parts import (
    count_takes,
    create_warning_guard,
    open_cluster,
    open_warning_desk,
    share_alert_states,
)
from weatherd.daemon.monitor.list_sizes import ListSizes
from weatherd.daemon.systemd import no_notify, open_notifier, watchdog_period
from weatherd.daemon.wiring import USER_AGENT, open_forwarders, open_providers, open_sinks, utc_now
from weatherd.errors import ConfigError
from weatherd.http.session import open_session
from weatherd.journal.journal import open_journal
from weatherd.journal.provider_state import open_provider_state
from weatherd.journal.state_folder import find_state_folder, lock_state_folder
from weatherd.pipeline.alerting.daemon_alerts import open_daemon_alerts
from weatherd.pipeline.forwarders import count_none
from weatherd.pipeline.latest import LatestObservations
from weatherd.pipeline.quality.control import QualityControl
from weatherd.polling.city_registry import CityRegistry
from weatherd.polling.rhythm.rhythms import Rhythms
from weatherd.quota.limiter import always_allow

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from weatherd.city import City
    from weatherd.cluster.member import ClusterMember
    from weatherd.config.lists.known_rows import KnownRows
    from weatherd.config.loader import Configuration
    from weatherd.daemon.loading.file_watch import Snapshot
    from weatherd.daemon.status import DaemonStatus
    from weatherd.journal.journal import Journal
    from weatherd.pipeline.alerting.daemon_alerts import DaemonAlerts
    from weatherd.pipeline.alerting.desk import AlertDesk
    from weatherd.pipeline.alerting.opening import LoadedRules
    from weatherd.pipeline.forwarders import Forwarder
    from weatherd.pipeline.forwarders.group import Guard
    from weatherd.pipeline.notifications.opening import NotificationTargets
    from weatherd.pipeline.sinks import Sink
    from weatherd.providers import Provider
    from weatherd.providers.past import PastTraits
    from weatherd.quota.limiter import RateLimiter
    from weatherd.quota.planner import Planner
    from weatherd.warnings.desk import WarningDesk


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """The open parts of the daemon; :func:`open_parts` creates them."""

    configuration: Configuration  # loaded at startup
    load: Callable[[KnownRows], Configuration]  # reloads it; the argument has the rows to reuse where unchanged
    snapshot: Snapshot | None  # of the configuration's files before they were read; None: the files are not watched
    registry: CityRegistry  # empty; the daemon applies the list in the configuration
    latest: LatestObservations
    quality: QualityControl  # of the latest observations, if the checks are on
    planner: Planner
    providers: Mapping[str, Provider]
    sinks: Mapping[str, Sink]
    journal: Journal
    daemon_alerts: DaemonAlerts  # about the daemon itself
    list_sizes: ListSizes
    rhythms: Rhythms
    now: Callable[[], datetime]  # timezone-aware, in UTC
    boot: Callable[[], float]  # seconds since the boot, including suspends
    open_warnings: Callable[[], Awaitable[WarningDesk]]  # for a list that wants them after a reload
    random: random.Random
    limiters: Mapping[str, RateLimiter] = field(default_factory=lambda: MappingProxyType({}))  # by provider
    pasts: Mapping[str, PastTraits] = field(default_factory=lambda: MappingProxyType({}))  # by provider
    forwarders: Mapping[str, Forwarder] = field(default_factory=lambda: MappingProxyType({}))
    warnings: WarningDesk | None = None  # None: no city of the list at startup wants official warnings
    alerts: AlertDesk | None = None  # None: there is no rules file
    cluster: ClusterMember | None = None  # None: no other node polls cities of the list
    guard_warnings: Guard | None = None  # waits until changes of warnings may be delivered; None: at once
    targets: NotificationTargets | None = None  # of alerts; None: there is no rules file
    are_rules_rejected: bool = False  # the rules file, or a target in it, has a mistake
    serve: Callable[[DaemonStatus], AbstractAsyncContextManager[None]] | None = None  # the HTTP interface
    notify: Callable[[str], None] = no_notify  # sends a message to systemd
    watchdog: float = 0.0  # timeout of systemd's watchdog in seconds; 0: no watchdog

    def polled_cities(self) -> Sequence[City]:
        """Return the cities that this daemon polls: all of the list, or in a cluster this node's part."""
        return self.cluster.cities() if self.cluster else self.registry.cities


class _Notices:
    """What the forwarders look up, which is opened after them."""

    def __init__(self) -> None:
        self.alerts: AlertDesk | None = None
        self.warnings: WarningDesk | None = None


@contextlib.asynccontextmanager
async def open_parts(
    configuration: Configuration,
    load: Callable[[KnownRows], Configuration],
    snapshot: Snapshot,
    serve: Callable[[DaemonStatus], AbstractAsyncContextManager[None]] | None,
) -> AsyncIterator[Parts]:
    """Open the parts of the daemon according to the configuration.

    *load*, *snapshot* and *serve* become attributes of :class:`Parts`. Raises ConfigError if a plug-in lacks a setting,
    and StateError if the state folder cannot be used.
    """
    settings, registry = configuration.settings, CityRegistry()
    folder = find_state_folder(settings.state, configuration.file, os.environ)
    rules = await _load_rules(configuration)
    async with contextlib.AsyncExitStack() as stack:
        stack.enter_context(lock_state_folder(folder))
        journal = await stack.enter_async_context(open_journal(folder))
        state = await stack.enter_async_context(open_provider_state(journal, utc_now))
        cluster = await open_cluster(stack, settings, folder, registry) if settings.cluster else None
        providers = await stack.enter_async_context(
            open_providers(
                settings,
                utc_now,
                state,
                allotment=cluster.allotment if cluster else None,
                may_send=cluster.holds if cluster else always_allow,
            )
        )
        configuration = providers.require_usable(configuration)
        sinks = await stack.enter_async_context(open_sinks(settings))
        budgets = replace(providers.budgets, interval_of=functools.partial(_interval, registry, providers.planner))
        quality = QualityControl(settings.quality, state.key_values("quality"))
        latest = LatestObservations(state.latest, budgets, quality if settings.quality.enabled else None)
        state.latest = ()
        notices = _Notices()
        forwarders = await stack.enter_async_context(
            open_forwarders(
                settings,
                state,
                cluster.cities if cluster else lambda: registry.cities,
                budgets,
                latest=latest.get,
                find_city=registry.get,
                alerts=lambda: notices.alerts,
                warnings=lambda: notices.warnings,
                node=cluster.name if cluster else "",
                count_takes=count_takes(cluster) if cluster else count_none,
            )
        )

        async def open_desk() -> WarningDesk:
            notices.warnings = await open_warning_desk(
                settings, providers, registry, journal, cluster=cluster, forwarders=forwarders
            )
            return notices.warnings

        are_warnings_wanted = any(city.warnings != "off" for city in configuration.cities)
        if not are_warnings_wanted:  # but those that were in force at the last stop have to be ended
            are_warnings_wanted = await journal.call(lambda store: store.warnings.has_places())
        daemon_alerts = await open_daemon_alerts(rules.parsed.daemon if rules else DAEMON_RULES, journal)
        alerts = None
        targets = None
        if rules:
            from weatherd.pipeline.alerting.opening import open_alerts  # noqa: PLC0415 - it takes memory

            sees_suspect = settings.quality.alert_on_suspect
            notices.alerts = alerts = await open_alerts(
                rules, journal, daemon_alerts, latest, utc_now, sees_suspect=sees_suspect
            )
            if cluster:
                await share_alert_states(cluster, alerts, journal, registry, forwarders)
            targets = await _open_targets(
                stack, configuration, rules, journal, registry=registry, daemon_alerts=daemon_alerts
            )
        yield Parts(
            configuration=configuration,
            load=lambda known: providers.require_usable(load(known)),
            snapshot=snapshot,
            registry=registry,
            latest=latest,
            quality=quality,
            planner=providers.planner,
            providers=providers.usable,
            sinks=sinks,
            journal=journal,
            now=utc_now,
            boot=boot_time,
            random=random.Random(),  # noqa: S311 - only spreads retries
            limiters=providers.limiters,
            pasts=providers.pasts,
            forwarders=forwarders,
            warnings=await open_desk() if are_warnings_wanted else None,
            open_warnings=open_desk,
            daemon_alerts=daemon_alerts,
            list_sizes=ListSizes(state.key_values("list of cities")),
            rhythms=Rhythms(providers.planner, state.key_values("rhythms")),
            alerts=alerts,
            cluster=cluster,
            guard_warnings=create_warning_guard(cluster) if cluster else None,
            targets=targets,
            are_rules_rejected=bool(rules and rules.problems),
            serve=serve,
            notify=open_notifier(os.environ),
            watchdog=watchdog_period(os.environ),
        )


async def _load_rules(configuration: Configuration) -> LoadedRules | None:
    """Load the alert rules; None without a rules file."""
    if not configuration.alerts_path:
        return None
    from weatherd.pipeline.alerting.opening import load_rules_in_force  # noqa: PLC0415 - it takes memory

    return await load_rules_in_force(configuration)


async def _open_targets(
    stack: contextlib.AsyncExitStack,
    configuration: Configuration,
    rules: LoadedRules,
    journal: Journal,
    *,
    registry: CityRegistry,
    daemon_alerts: DaemonAlerts,
) -> NotificationTargets:
    """Open the senders to the targets of the rules file; they are closed with *stack*.

    With a mistake in the file or in a target there are none, and those of the last run are not forgotten: they continue
    when the mistake is corrected.
    """
    from weatherd.pipeline.notifications.delivery import NotificationResources  # noqa: PLC0415 - only with alert rules
    from weatherd.pipeline.notifications.opening import NotificationTargets  # noqa: PLC0415

    settings = configuration.settings
    session = await stack.enter_async_context(open_session(USER_AGENT, ca_file=settings.tls.ca_file))
    spread = random.Random()  # noqa: S311 - only spreads retries
    recorder = daemon_alerts.recorder
    resources = NotificationResources(
        journal,
        session,
        spread,
        utc_now,
        registry.get,
        settings.timezone,
        recorder.find_waiting,
        recorder.sent,
        recorder.shared.outbox if recorder.shared else None,
    )
    targets = NotificationTargets(resources)
    stack.callback(targets.close)
    if rules.problems:
        return targets
    try:
        targets.start(await asyncio.to_thread(targets.prepare, rules.parsed.targets))
    except ConfigError as error:
        rules.reject(error)
    else:
        await targets.forget_others()
    return targets


def _interval(registry: CityRegistry, planner: Planner, city_id: str) -> float:
    """Return the seconds between two polls of a city, or 0 if it is not listed."""
    city = registry.get(city_id)
    return planner.interval(city) if city else 0.0
