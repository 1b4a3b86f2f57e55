#!/usr/bin/env bash
# asyncpg's connect(timeout=) limits the attempts at all hosts together: behind a first host that accepts connections but
# never answers, a second one is never tried. One would have guessed libpq's rule: connect_timeout holds for each host.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check asyncpg==0.32.0
cd "$folder"
timeout 60 venv/bin/python - <<'PYTHON'
import asyncio
import socket
import time

import asyncpg


def count_connections(server):
    server.setblocking(False)
    count = 0
    while True:
        try:
            server.accept()
        except BlockingIOError:
            return count
        count += 1


async def main():
    hosts = [socket.create_server(("127.0.0.1", 0)) for _ in range(2)]  # the kernel completes connections; nobody answers
    ports = [host.getsockname()[1] for host in hosts]
    begin = time.monotonic()
    try:
        await asyncpg.connect(host=["127.0.0.1"] * 2, port=ports, user="u", database="d", ssl=False, timeout=2)
    except TimeoutError:
        print(f"asyncpg {asyncpg.__version__}: TimeoutError after {time.monotonic() - begin:.1f} s")
    counts = [count_connections(host) for host in hosts]
    print(f"connections: first host {counts[0]}, second host {counts[1]}")
    raise SystemExit(0 if counts == [1, 0] else "the behaviour has changed")


asyncio.run(main())
PYTHON
