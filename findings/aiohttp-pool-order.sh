#!/usr/bin/env bash
# aiohttp's client reuses the connection that was idle for longest (first in, first out).
# One would guess: the most recently used one, as most pools do, so that the others reach their keep-alive timeout and close.
# It matters to a poller: after a burst, one request a second in turn keeps every connection of the burst open.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check aiohttp==3.14.5
timeout 60 "$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import sys

import aiohttp
from aiohttp import web

BURST, TRICKLE = 3, 9


async def main() -> list[str]:
    arrived = asyncio.Semaphore(0)
    release = asyncio.Event()

    async def name_connection(request: web.Request) -> web.Response:
        arrived.release()
        await release.wait()
        return web.Response(text=str(request.transport.get_extra_info("peername")[1]))

    app = web.Application()
    app.router.add_get("/", name_connection)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    async with aiohttp.ClientSession() as session:

        async def request() -> str:
            async with session.get(f"http://127.0.0.1:{runner.addresses[0][1]}/") as response:
                return await response.text()

        burst = [asyncio.create_task(request()) for _ in range(BURST)]
        for _ in burst:
            await arrived.acquire()  # all connections are in use at once
        release.set()
        await asyncio.gather(*burst)
        used = [await request() for _ in range(TRICKLE)]
    await runner.cleanup()
    return used


used = asyncio.run(main())
print(f"aiohttp {aiohttp.__version__}: after a burst over {BURST} connections, {TRICKLE} requests in turn used {len(set(used))} of them:")
print(f"{' '.join(used)}; one would guess the same one every time.")
sys.exit(0 if len(set(used)) == BURST and used[:BURST] == used[BURST : 2 * BURST] else "this has changed")
PYTHON
