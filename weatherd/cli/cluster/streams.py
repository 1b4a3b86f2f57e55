"""The streams of all nodes of a cluster, side by side."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from weatherd.cli.client import ClientError
from weatherd.cli.terminal import print_text

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from weatherd.cli.client import Client

    Follow = Callable[[Client], Awaitable[None]]

_PERIOD = 5.0  # seconds between two looks at the nodes
_PAUSE = 1.0  # seconds at least


async def follow_nodes(client: Client, follow: Follow) -> None:
    """Call *follow* for each node that the daemon names, also for those that join later, until the daemon stops.

    A stream that breaks is opened again while its node is in the cluster. Raises ClientError when the daemon, the one
    that *client* asks, does not answer any more.
    """
    streams: dict[str, asyncio.Task[None]] = {}
    try:
        while True:
            status = await client.get_status()
            for node in status.cluster.nodes if status.cluster else ():
                if node.url and (node.url not in streams or streams[node.url].done()):
                    stream = _follow_node(client.at(node.url), node.name, follow)
                    streams[node.url] = asyncio.create_task(stream, name=f"follow {node.name}")
            if streams:
                await asyncio.wait(streams.values(), timeout=_PERIOD, return_when=asyncio.FIRST_EXCEPTION)
            for task in [task for task in streams.values() if task.done()]:
                task.result()  # raises what is not a failure of the node, such as a closed pipe
            await asyncio.sleep(_PAUSE)
    finally:
        for task in streams.values():
            task.cancel()
        await asyncio.gather(*streams.values(), return_exceptions=True)


async def _follow_node(client: Client, name: str, follow: Follow) -> None:
    try:
        async with client:
            await follow(client)
        reason = "it has closed the stream"
    except ClientError as error:
        reason = str(error)
    print_text(f"weatherd: no observations of node {name}: {reason}", err=True)
