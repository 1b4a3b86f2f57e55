#!/usr/bin/env bash
# A stream of server-sent events is cut in the middle of an event; the client connects again with Last-Event-ID, and the server
# sends that event once more. The HTML standard says of an event without its final empty line: discard it. requests-sse and httpx-sse
# do. aiohttp-sse-client and sseclient keep the first part, and deliver it joined to the repeated event; sseclient-py delivers the
# first part as an event. One would have guessed: what a client yields is an event that the server sent. A consumer that parses
# JSON fails at the first proxy that restarts, or, with events of plain lines, takes a value that nobody sent.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
for venv in one two; do # sseclient and sseclient-py have the same module name
  python3 -m venv "$folder/$venv"
done
"$folder/one/bin/python" -m pip install --quiet --disable-pip-version-check \
  aiohttp==3.14.5 aiohttp-sse-client==0.2.1 httpx==0.28.1 httpx-sse==0.4.3 requests==2.33.0 requests-sse==0.5.3 sseclient-py==1.9.0
"$folder/two/bin/python" -m pip install --quiet --disable-pip-version-check requests==2.33.0 sseclient==0.0.27
cat > "$folder/clients.py" <<'PYTHON'
import asyncio
import sys
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.metadata import version

CONNECTIONS = (  # what the server sends on the first connection, which it then closes, and on the second one
    "retry: 100\nid: 1\ndata: one\n\nid: 2\ndata: 12.5\n",
    "id: 2\ndata: 12.5\n\nid: 3\ndata: three\n\n",
)
LAST = "three"


class Server(ThreadingHTTPServer):
    def __init__(self):
        super().__init__(("127.0.0.1", 0), Stream)
        self.last_event_ids = []
        threading.Thread(target=self.serve_forever, daemon=True).start()


class Stream(BaseHTTPRequestHandler):
    def do_GET(self):
        ids = self.server.last_event_ids
        ids.append(self.headers.get("Last-Event-ID"))
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.end_headers()
        self.wfile.write(CONNECTIONS[min(len(ids), 2) - 1].encode())

    def log_message(self, *_):
        pass


def take(events):
    for event in events:
        yield event.data
        if event.data == LAST:
            return


def read_httpx_sse(url):
    import httpx
    import httpx_sse

    with httpx.Client(trust_env=False) as client:
        for _ in CONNECTIONS:  # the caller has to connect again
            with httpx_sse.connect_sse(client, "GET", url) as source:
                yield from take(source.iter_sse())


def read_requests_sse(url):
    import requests_sse

    with requests_sse.EventSource(url, reconnection_time=timedelta(seconds=0.1)) as events:
        yield from take(events)


def read_aiohttp_sse_client(url):
    from aiohttp_sse_client.client import EventSource

    async def read():
        data = []
        async with EventSource(url, reconnection_time=timedelta(seconds=0.1)) as events:
            async for event in events:
                data.append(event.data)
                if event.data == LAST:
                    return data

    return asyncio.run(read())


def read_sseclient_py(url):
    import requests
    import sseclient

    for _ in CONNECTIONS:  # the caller has to connect again
        yield from take(sseclient.SSEClient(requests.get(url, stream=True, timeout=10)).events())


def read_sseclient(url):
    import sseclient

    yield from take(sseclient.SSEClient(url, retry=100))


JOINED = ["one", "12.5\n12.5", "three"]
EXPECTED = {
    "httpx-sse": ["one", "12.5", "three"],
    "requests-sse": ["one", "12.5", "three"],
    "aiohttp-sse-client": JOINED,
    "sseclient-py": ["one", "12.5", "12.5", "three"],
    "sseclient": JOINED,
}
for name in sys.argv[1:]:
    server = Server()
    data = list(globals()["read_" + name.replace("-", "_")](f"http://127.0.0.1:{server.server_port}/"))
    print(f"{name} {version(name)}: events {data}, Last-Event-ID {server.last_event_ids}")
    if data != EXPECTED[name]:
        sys.exit(f"expected {EXPECTED[name]}: the behaviour has changed")
PYTHON
timeout 60 "$folder/one/bin/python" "$folder/clients.py" httpx-sse requests-sse aiohttp-sse-client sseclient-py
timeout 60 "$folder/two/bin/python" "$folder/clients.py" sseclient
