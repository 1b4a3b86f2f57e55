"""The daemon's lifecycle. Its nested scopes define the shutdown order: the innermost ends first."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from typing import TYPE_CHECKING

import structlog

from weatherd.clock import AnchoredClock
from weatherd.config.diff import diff
from weatherd.daemon import gc_tuning, systemd
from weatherd.daemon.activity import record_activity
from weatherd.daemon.freed_memory import release_freed_memory, release_regularly
from weatherd.daemon.grace_period import GracePeriod
from weatherd.daemon.journal_care.comparison import compare_listed_services
from weatherd.daemon.journal_care.day_keeping import keep_days
from weatherd.daemon.journal_care.gap_search import fill_journal_gaps
from weatherd.daemon.journal_care.other_writers import notice_other_writers
from weatherd.daemon.journal_care.retention import prune_journal
from weatherd.daemon.loading.file_watch import watch_files
from weatherd.daemon.monitor.daemon_monitor import DaemonMonitor
from weatherd.daemon.reload import Reloader
from weatherd.daemon.status import DaemonStatus, ReloadResult
from weatherd.daemon.warning_polls import poll_warnings
from weatherd.observation import FetchedObservation
from weatherd.pipeline.consumer import consume
from weatherd.pipeline.forwarders.group import open_deliveries
from weatherd.pipeline.journal_writer import JournalWriter
from weatherd.pipeline.queue import ObservationQueue
from weatherd.pipeline.sinks.guard import GuardedSink
from weatherd.polling.batch_polls import start_polls
from weatherd.polling.poll_history import PollHistory
from weatherd.polling.producer import PollingContext, produce
from weatherd.polling.schedule import city_phase
from weatherd.polling.stuck_polls import log_stuck_polls
from weatherd.polling.supervisor import Supervisor
from weatherd.polling.tick_timer import TickTimer

if TYPE_CHECKING:
    from weatherd.daemon.parts import Parts

log = structlog.get_logger()

_STARTED_TOGETHER = 1000  # producers, in about 6 ms
_DISCONNECT_TIME = 0.5  # seconds of the grace period reserved for disconnecting the forwarders


async def run_daemon(parts: Parts, *, stop: asyncio.Event, reload: asyncio.Event) -> bool:
    """Poll the cities until *stop* is set. Return whether every fetched observation reached the journal and the sinks.

    Setting *reload* reloads the configuration, as an edit of its files does.

    After *stop*, the producers end, then the journal is written, then the forwarders deliver as much of their backlog
    as they can, while the sinks write what waits for them. That takes at most ``shutdown_grace`` seconds; tasks that
    still run are then cancelled. The HTTP interface stays up until the end. ``daemon.stopped`` summarizes the run in
    either case; a bug in the pipeline is raised.
    """
    with GracePeriod(parts.configuration.settings.shutdown_grace) as grace:
        async with contextlib.AsyncExitStack() as services:
            status = await _open_services(parts, services, reload)
            has_ended = await grace.limit(_run_pipeline(parts, status, grace, stop=stop, reload=reload))
            is_clean = has_ended and not status.queue.depth
    _log_summary(status, is_clean=is_clean)
    return is_clean


async def _run_pipeline(
    parts: Parts, status: DaemonStatus, grace: GracePeriod, *, stop: asyncio.Event, reload: asyncio.Event
) -> None:
    """Run producers, consumers and sinks until *stop* is set; then begin the grace period and drain all queues.

    The producers end before the queue is closed, because they put their last observations on it. The sinks end last,
    because one of them may hang.
    """
    async with asyncio.TaskGroup() as sinks:
        for sink in status.sinks:
            sinks.create_task(sink.run(), name=f"write to {sink.name}")
        async with asyncio.TaskGroup() as consumers:
            consumers.create_task(status.writer.run(), name="write journal")
            consumers.create_task(consume(status.queue, parts.latest, status.sinks, status.writer), name="consume")
            async with asyncio.TaskGroup() as producers:
                supervisor = _create_supervisor(producers, parts, status)
                helpers = _start_helpers(producers, parts, status, supervisor, reload)
                await asyncio.sleep(0)  # the first producers are created,
                await asyncio.sleep(0)  # and have taken their first steps before systemd is notified
                _report_ready(parts, status)
                await stop.wait()
                grace.begin(on_overdue=lambda: _log_summary(status, is_clean=False))
                _report_stopping(parts, status)
                for helper in helpers:
                    helper.cancel()
                supervisor.stop()
            if status.cluster:
                await status.cluster.leave()
            status.queue.close()
        await status.deliveries.drain(grace.deadline - _DISCONNECT_TIME)


async def _open_services(parts: Parts, services: contextlib.AsyncExitStack, reload: asyncio.Event) -> DaemonStatus:
    """Apply the list of cities, start the forwarders and the HTTP interface, and return the daemon's status.

    The list is applied first, because the MQTT forwarder withdraws every city that is not in it.
    """
    history, registry = PollHistory(), parts.registry
    registry.subscribe(parts.latest.apply)
    registry.subscribe(
        lambda change: parts.planner.update(change.added_or_changed.values(), change.removed_or_changed.values())
    )
    registry.subscribe(lambda change: parts.list_sizes.record(len(change.cities), parts.now().timestamp()))
    registry.subscribe(lambda change: gc_tuning.set_threshold(len(change.cities)))
    if parts.warnings:
        registry.subscribe(parts.warnings.apply_diff)
    if parts.alerts:
        registry.subscribe(parts.alerts.apply_diff)
    registry.subscribe(lambda change: release_freed_memory(len(change.cities)))
    registry.apply(diff((), parts.configuration.cities), parts.configuration.quarantined)
    queue = _create_queue(parts)
    parts.journal.known = lambda: [
        FetchedObservation(city, last) for city in registry.cities if (last := parts.latest.get(city.id))
    ]
    status = DaemonStatus(
        registry=registry,
        latest=parts.latest,
        queue=queue,
        writer=_create_writer(parts, queue),
        sinks=[GuardedSink(name, sink) for name, sink in parts.sinks.items()],
        planner=parts.planner,
        limiters=parts.limiters,
        journal=parts.journal,
        deliveries=await services.enter_async_context(
            open_deliveries(
                parts.forwarders,
                parts.journal,
                parts.random,
                parts.targets.deliveries if parts.targets else (),
                has_warnings=parts.warnings is not None,
                has_alerts=parts.alerts is not None,
                guard_warnings=parts.guard_warnings,
            )
        ),
        now=parts.now,
        clock=AnchoredClock(parts.now, parts.boot),
        request_reload=reload.set,
        last_reload=ReloadResult(successful=not parts.are_rules_rejected, at=parts.now().timestamp()),
        display=parts.configuration.settings.display,
        history=history,
        daemon_alerts=parts.daemon_alerts,
        list_sizes=parts.list_sizes,
        warnings=parts.warnings,
        alerts=parts.alerts,
        cluster=parts.cluster,
    )
    if parts.alerts:
        parts.alerts.find_health = status.find_health
    if parts.serve:
        await services.enter_async_context(parts.serve(status))
    return status


def _create_queue(parts: Parts) -> ObservationQueue:
    size = parts.configuration.settings.queue_size
    return parts.cluster.create_queue(size) if parts.cluster else ObservationQueue(size)


def _create_writer(parts: Parts, queue: ObservationQueue) -> JournalWriter:
    prepare = parts.alerts.evaluate_batch if parts.alerts else None
    return JournalWriter(parts.daemon_alerts.recorder.add, queue, prepare)


def _create_supervisor(tasks: asyncio.TaskGroup, parts: Parts, status: DaemonStatus) -> Supervisor:
    context = PollingContext(
        providers=parts.providers,
        planner=parts.planner,
        registry=parts.registry,
        latest=parts.latest,
        queue=status.queue,
        clock=status.clock,
        timer=TickTimer(status.clock, start_polls),
        random=parts.random,
        history=status.history,
        rhythms=parts.rhythms,
        loop=asyncio.get_running_loop(),
    )
    supervisor = Supervisor(tasks, status.history, lambda polls: produce(polls, context))
    if parts.cluster:
        parts.cluster.attach(supervisor, status.history, parts.latest)
    return supervisor


async def _start_and_reload(parts: Parts, supervisor: Supervisor, reloader: Reloader, reload: asyncio.Event) -> None:
    """Start the producers, some at a time so that others can run meanwhile; then reload the list when asked to.

    They are created in the order of their polls, so that cities which are polled together are neighbours in memory. In
    a cluster, the member starts those of its part.
    """
    if parts.cluster:
        parts.registry.subscribe(parts.cluster.apply_diff)
        await reloader.follow(reload)
    cities = sorted(parts.configuration.cities, key=lambda city: city_phase(city.id))
    for begin in range(0, len(cities), _STARTED_TOGETHER):
        supervisor.start(cities[begin : begin + _STARTED_TOGETHER])
        await asyncio.sleep(0)
    parts.registry.subscribe(supervisor.apply_diff)
    await reloader.follow(reload)


def _start_helpers(
    tasks: asyncio.TaskGroup, parts: Parts, status: DaemonStatus, supervisor: Supervisor, reload: asyncio.Event
) -> list[asyncio.Task[None]]:
    reloader, retention = Reloader(parts, status), parts.configuration.settings.retention
    helpers = {
        "start and reload": _start_and_reload(parts, supervisor, reloader, reload),
        "keep days": keep_days(parts.journal, parts.registry, parts.configuration.settings.timezone, parts.now),
        "prune journal": prune_journal(parts.journal, retention, list(parts.forwarders), parts.now),
        "poll warnings": poll_warnings(parts, status),
        "log stuck polls": log_stuck_polls(status.history, parts.registry, parts.planner),
        "record activity": record_activity(status),
        "monitor daemon": DaemonMonitor(status, parts.daemon_alerts).run(),
        "release memory": release_regularly(lambda: len(parts.registry.cities)),
        "feed watchdog": systemd.feed_watchdog(status, parts.notify, parts.watchdog),
    }
    if parts.cluster:
        helpers["be member of cluster"] = parts.cluster.run()
    if parts.forwarders:
        helpers["notice other writers"] = notice_other_writers(parts.journal)
    if parts.limiters:
        helpers["poll compared services"] = compare_listed_services(parts)
    if parts.pasts:
        helpers["fill gaps"] = fill_journal_gaps(parts, status)
    if parts.alerts:
        from weatherd.pipeline.alerting.evaluator import Evaluator  # noqa: PLC0415 - it takes memory

        helpers["evaluate alerts"] = Evaluator(parts.alerts, parts.journal).run()
    if parts.snapshot is not None:
        helpers["watch files"] = watch_files(reloader.paths, parts.snapshot, reload)
    return [tasks.create_task(helper, name=name) for name, helper in helpers.items()]


def _report_ready(parts: Parts, status: DaemonStatus) -> None:
    status.is_ready = True
    parts.notify(systemd.READY)
    log.info("daemon.ready", cities=len(status.cities), config=str(parts.configuration.file))


def _report_stopping(parts: Parts, status: DaemonStatus) -> None:
    status.is_ready = False
    parts.notify(systemd.STOPPING)
    log.info("daemon.stopping", queued=status.queue.depth)


def _log_summary(status: DaemonStatus, *, is_clean: bool) -> None:
    write = log.info if is_clean else log.error
    deliveries = {
        name: {"delivered": delivery.delivered, "skipped": delivery.skipped, "behind": delivery.behind}
        for name, delivery in status.deliveries.statuses().items()
    }
    missed = {sink.name: sink.missed for sink in status.sinks if sink.missed}
    write(
        "daemon.stopped",
        clean=is_clean,
        **dataclasses.asdict(status.queue.counts),
        queued=status.queue.depth,
        **({"missed": missed} if missed else {}),
        **({"forwarders": deliveries} if deliveries else {}),
    )
