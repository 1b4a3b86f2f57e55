"""The daemon's one lifecycle. The nesting of its scopes is the order in which it shuts down."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from typing import TYPE_CHECKING, Any

import structlog

from weatherd.daemon import gc_tuning, systemd
from weatherd.daemon.reload import Reloader
from weatherd.daemon.retention import prune_journal
from weatherd.daemon.status import DaemonStatus, ReloadResult
from weatherd.pipeline.consumer import consume
from weatherd.pipeline.forwarders.group import open_deliveries
from weatherd.pipeline.journal_writer import JournalWriter
from weatherd.pipeline.latest import LatestObservations
from weatherd.pipeline.queue import ObservationCounts, ObservationQueue
from weatherd.pipeline.sinks.guard import GuardedSink
from weatherd.polling.producer import PollingContext, produce
from weatherd.polling.supervisor import Supervisor
from weatherd.quota.planner import Planner

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from contextlib import AbstractAsyncContextManager
    from datetime import datetime

    from weatherd.city import City
    from weatherd.config.loader import Configuration
    from weatherd.journal.journal import Journal
    from weatherd.pipeline.forwarders import Forwarder
    from weatherd.pipeline.forwarders.group import DeliveryGroup
    from weatherd.pipeline.sinks import Sink
    from weatherd.providers import Provider
    from weatherd.quota.limiter import RateLimiter

log = structlog.get_logger()

_FAREWELL = 0.5  # seconds of the grace that are kept for the forwarders' goodbyes


async def run_daemon(
    configuration: Configuration,
    load: Callable[[Sequence[City]], Configuration],
    providers: Mapping[str, Provider],
    sinks: Mapping[str, Sink],
    journal: Journal,
    *,
    forwarders: Mapping[str, Forwarder] | None = None,
    board: LatestObservations | None = None,
    planner: Planner | None = None,
    gates: Mapping[str, RateLimiter] | None = None,
    serve: Callable[[DaemonStatus], AbstractAsyncContextManager[None]] | None = None,
    notify: Callable[[str], None] = systemd.no_notify,
    watchdog: float = 0.0,
    watch: Callable[[Callable[[], Configuration], asyncio.Event], Coroutine[Any, Any, None]],
    stop: asyncio.Event,
    reload: asyncio.Event,
    now: Callable[[], datetime],
    random: random.Random,
) -> bool:
    """Watch the cities until *stop* is set; return whether everything fetched was in the journal and the sinks by then.

    Whenever *reload* is set, ``load`` is called anew; *watch* sets it when a file was edited. After *stop* the
    producers end first, then the channel is drained, then the forwarders deliver what they still can; that takes
    ``shutdown_grace`` seconds at the most, then what still hangs is cancelled. The account is logged in either case; a
    bug of our own is raised without one. *board* holds what an earlier run knew: cities of which that is fresh are not
    asked for at once. *serve* shows the daemon to whoever asks, from before it is ready until all is delivered;
    *notify* and *watchdog* are systemd's.
    """
    loop = asyncio.get_running_loop()
    settings = configuration.settings
    channel, board, account = (
        ObservationQueue(settings.queue_size),
        board or LatestObservations(configuration.cities),
        ObservationCounts(),
    )
    planner = planner or Planner()
    keeper = JournalWriter(journal.add, channel, account)
    outlets = [GuardedSink(name, sink) for name, sink in sinks.items()]
    epoch = now().timestamp() - loop.time()
    names = list(forwarders or ())
    clean = False
    async with contextlib.AsyncExitStack() as stack:
        forwards = await stack.enter_async_context(open_deliveries(forwarders or {}, journal, random))
        reloaded = ReloadResult(successful=True, at=now().timestamp())
        view = DaemonStatus(board, account, channel, planner, gates or {}, journal, forwards, now, reload.set, reloaded)
        if serve:
            await stack.enter_async_context(serve(view))
        context = PollingContext(providers, planner, board, channel, account, epoch, random, view.history)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None) as deadline, asyncio.TaskGroup() as consumers:
                consumers.create_task(keeper.run(), name="keep")
                consumers.create_task(consume(channel, board, outlets, keeper, view.heartbeat), name="consume")
                async with asyncio.TaskGroup() as producers:
                    supervisor = Supervisor(producers, lambda city: produce(city, context))
                    reloader = Reloader(configuration, load, supervisor, view, notify)
                    helpers = [
                        producers.create_task(reloader.follow(reload), name="reload"),
                        producers.create_task(watch(lambda: reloader.current, reload), name="watch"),
                        producers.create_task(prune_journal(journal, settings.retention, names, now), name="retain"),
                        producers.create_task(systemd.feed_watchdog(view, notify, watchdog), name="attend"),
                    ]
                    await asyncio.sleep(
                        0
                    )  # because the producers should have begun before anybody is told that they run
                    view.mark_ready()
                    notify(systemd.READY)
                    log.info("daemon.ready", cities=len(configuration.cities), config=str(configuration.file))
                    await stop.wait()
                    stack.enter_context(gc_tuning.gc_paused())
                    notify(systemd.STOPPING)
                    view.is_ready = False
                    grace_ends = loop.time() + settings.shutdown_grace
                    deadline.reschedule(grace_ends)
                    overdue = loop.call_at(grace_ends + 0.2, _tell, account, channel, forwards, False)
                    log.info("daemon.stopping", queued=channel.depth)
                    for helper in helpers:
                        helper.cancel()
                    supervisor.stop()
                channel.close()
            clean = not channel.depth
        await forwards.drain(grace_ends - _FAREWELL)
    overdue.cancel()  # it is for a task that swallows its cancellation
    _tell(account, channel, forwards, clean)
    return clean


def _tell(account: ObservationCounts, channel: ObservationQueue, forwards: DeliveryGroup, clean: bool) -> None:  # noqa: FBT001 - call_at() takes no keywords
    tell = log.info if clean else log.error
    ends = {"forwarders": forwards.counters()} if forwards else {}
    tell("daemon.stopped", clean=clean, **dataclasses.asdict(account), queued=channel.depth, **ends)
