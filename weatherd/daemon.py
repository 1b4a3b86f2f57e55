"""The daemon's one lifecycle. The nesting of its scopes is the order in which it shuts down."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
from typing import TYPE_CHECKING, Any

import structlog

from weatherd.account import Account
from weatherd.channel import Channel
from weatherd.consumer import consume
from weatherd.planner import Planner
from weatherd.producer import Tools, produce
from weatherd.reload import Reloader
from weatherd.sinks.board import Board
from weatherd.sinks.outlet import Outlet
from weatherd.supervisor import Supervisor

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Coroutine, Iterable, Mapping
    from datetime import datetime

    from weatherd.configuration import Configuration
    from weatherd.providers import Provider
    from weatherd.sinks import Sink
    from weatherd.sinks.board import Last

log = structlog.get_logger()


async def run(
    configuration: Configuration,
    load: Callable[[], Configuration],
    providers: Mapping[str, Provider],
    sinks: Mapping[str, Sink],
    *,
    planner: Planner | None = None,
    lasts: Iterable[Last] = (),
    watch: Callable[[Callable[[], Configuration], asyncio.Event], Coroutine[Any, Any, None]],
    stop: asyncio.Event,
    reload: asyncio.Event,
    now: Callable[[], datetime],
    random: random.Random,
) -> bool:
    """Watch the cities until *stop* is set; return whether everything fetched had reached the sinks by then.

    Whenever *reload* is set, ``load`` is called anew; *watch* sets it when a file was edited. After *stop* the
    producers end first, then the channel is drained; that takes ``shutdown_grace`` seconds at the most, then what
    still hangs is cancelled. The account is logged in either case; a bug of our own is raised without one. *lasts* are
    what an earlier run knew: cities of which that is fresh are not asked for at once.
    """
    loop = asyncio.get_running_loop()
    settings = configuration.settings
    channel, board, account = Channel(settings.queue_size), Board(lasts), Account()
    planner = planner or Planner()
    outlets = [Outlet(name, sink) for name, sink in sinks.items()]
    tools = Tools(providers, planner, board, channel, account, now().timestamp() - loop.time(), random)
    clean = False
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(None) as deadline, asyncio.TaskGroup() as consumers:
            consumers.create_task(consume(channel, board, outlets, account), name="consume")
            async with asyncio.TaskGroup() as producers:
                supervisor = Supervisor(producers, lambda city: produce(city, tools))
                reloader = Reloader(configuration, load, supervisor, planner, board)
                helpers = [
                    producers.create_task(reloader.follow(reload), name="reload"),
                    producers.create_task(watch(lambda: reloader.current, reload), name="watch"),
                ]
                log.info("daemon.ready", cities=len(configuration.cities), config=str(configuration.file))
                await stop.wait()
                deadline.reschedule(loop.time() + settings.shutdown_grace)
                overdue = loop.call_later(settings.shutdown_grace + 0.2, _tell, account, channel, False)
                log.info("daemon.stopping", queued=channel.depth)
                for helper in helpers:
                    helper.cancel()
                supervisor.become(())
            await channel.close()
        clean = not channel.depth
    overdue.cancel()  # it is for a task that swallows its cancellation
    _tell(account, channel, clean)
    return clean


def _tell(account: Account, channel: Channel, clean: bool) -> None:  # noqa: FBT001 - call_later() takes no keywords
    tell = log.info if clean else log.error
    tell("daemon.stopped", clean=clean, **dataclasses.asdict(account), queued=channel.depth)
