#!/usr/bin/env bash
# aiohttp's ClientSession(trust_env=True) opens the netrc file twice for every request.
# One would guess: once for the session, or when the first proxy needs a password.
# It matters to a poller: trust_env is wanted for HTTP_PROXY, and brings a thread and two reads of a file to every request.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check aiohttp==3.14.5
printf 'machine example.org login somebody password something\n' >"$folder/netrc"
NETRC=$folder/netrc timeout 60 "$folder/venv/bin/python" - <<'PYTHON'
import asyncio
import sys

import aiohttp
from aiohttp import web

REQUESTS = 10
opened = []
sys.addaudithook(lambda event, args: opened.append(args[0]) if event == "open" and str(args[0]).endswith("/netrc") else None)


async def count_reads(trust_env: bool) -> int:
    async def respond(_: web.Request) -> web.Response:
        return web.Response(text="ok")

    app = web.Application()
    app.router.add_get("/", respond)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    opened.clear()
    async with aiohttp.ClientSession(trust_env=trust_env) as session:
        for _ in range(REQUESTS):
            async with session.get(f"http://127.0.0.1:{runner.addresses[0][1]}/") as response:
                await response.read()
    await runner.cleanup()
    return len(opened)


without, with_env = asyncio.run(count_reads(False)), asyncio.run(count_reads(True))
print(f"aiohttp {aiohttp.__version__}: {REQUESTS} requests open the netrc file {without} times with trust_env=False,")
print(f"and {with_env} times with trust_env=True; one would guess once.")
sys.exit(0 if (without, with_env) == (0, 2 * REQUESTS) else "this has changed")
PYTHON
