#!/usr/bin/env bash
# aiohttp's client leaves a reference cycle behind for each response that is cut off: 50 and more objects, among them the
# response, its headers and the parser, which only the cyclic garbage collector frees. One would have guessed: freed at once,
# as after a complete response. It matters to a program that polls for years with a collector that seldom runs.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check aiohttp==3.14.5
cd "$folder"
timeout 60 venv/bin/python - <<'PYTHON'
import asyncio
import contextlib
import gc
import platform

import aiohttp

REQUESTS = 200
COMPLETE = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n12345"
CUT = COMPLETE.replace(b"Length: 5", b"Length: 500")


async def count_garbage(response, *, release):
    """Return the objects that wait for the collector after each of many equal responses."""

    async def serve(reader, writer):
        await reader.readuntil(b"\r\n\r\n")
        writer.write(response)
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
    async with aiohttp.ClientSession() as session:
        gc.collect()
        gc.disable()
        for _ in range(REQUESTS):
            try:
                async with session.get(url) as found:
                    await found.read()
            except aiohttp.ClientPayloadError as error:
                while release and error:  # the traceback refers to the frames of the connection
                    error.__traceback__, error = None, error.__cause__ or error.__context__
        await asyncio.sleep(0.1)
        garbage = gc.collect()
        gc.enable()
    server.close()
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(server.wait_closed(), 1)
    return garbage / REQUESTS


async def main():
    print(f"aiohttp {aiohttp.__version__}, Python {platform.python_version()}; objects a response, client and server together:")
    complete = await count_garbage(COMPLETE, release=False)
    cut = await count_garbage(CUT, release=False)
    released = await count_garbage(CUT, release=True)
    print(f"complete: {complete:.0f}; cut off: {cut:.0f}; cut off, traceback of the error released: {released:.0f}")
    raise SystemExit(0 if cut - complete > 30 and released - complete < 10 else "the behaviour has changed")


asyncio.run(main())
PYTHON
