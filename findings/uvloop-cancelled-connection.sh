#!/usr/bin/env bash
# With uvloop, connection_lost() is never called if create_connection() is cancelled in the round of the loop in which the
# protocol's connection_made() aborts the transport. One would have guessed: it is called, as by asyncio, whose documentation
# says "connection callbacks are called exactly once per successful connection". A pool that waits for connection_lost() of
# all its connections before it closes waits for ever.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check uvloop==0.23.0
cd "$folder"
timeout 60 venv/bin/python - <<'PYTHON'
import asyncio
import platform
import socket

import uvloop


async def record_callbacks(method, *, cancels):
    """Return the callbacks of a protocol that ends its connection by *method* as soon as it is made."""
    calls = []

    class Ending(asyncio.Protocol):
        def connection_made(self, transport):
            calls.append("made")
            if cancels:
                connecting.cancel()
            getattr(transport, method)()

        def connection_lost(self, error):
            calls.append("lost")

    loop = asyncio.get_running_loop()
    server = await loop.create_server(asyncio.Protocol, "127.0.0.1", 0)
    connected = socket.socket()
    connected.setblocking(False)
    await loop.sock_connect(connected, server.sockets[0].getsockname())
    connecting = loop.create_task(loop.create_connection(Ending, sock=connected))
    await asyncio.wait([connecting])
    await asyncio.sleep(0.5)
    assert connecting.cancelled() == cancels
    server.close()
    return calls


async def main():
    return {
        f"{method}(){', cancelled' if cancels else ''}": await record_callbacks(method, cancels=cancels)
        for method in ("abort", "close")
        for cancels in (False, True)
    }


print(f"uvloop {uvloop.__version__}, Python {platform.python_version()}; callbacks of the protocol:")
asyncio_calls, uvloop_calls = asyncio.run(main()), uvloop.run(main())
for case in asyncio_calls:
    print(f"{case}: asyncio {asyncio_calls[case]}, uvloop {uvloop_calls[case]}")
expected = {case: ["made"] if "cancelled" in case else ["made", "lost"] for case in asyncio_calls}
is_same = uvloop_calls == expected and all(calls == ["made", "lost"] for calls in asyncio_calls.values())
raise SystemExit(0 if is_same else "the behaviour has changed")
PYTHON
