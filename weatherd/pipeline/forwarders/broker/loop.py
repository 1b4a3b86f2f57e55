"""paho-mqtt on the event loop: its socket is read and written, and its timers run, in the loop's thread.

https://eclipse.dev/paho/files/paho.mqtt.python/html/client.html#paho.mqtt.client.Client.loop_read
"""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import TYPE_CHECKING, Any

from weatherd.errors import describe
from weatherd.worker_thread import WorkerThread

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from paho.mqtt.client import Client

_TICK = 1.0  # seconds between checks of the keep-alive


class PahoLoop:
    """Drives a connection of a paho-mqtt client. *fail* is called with the reason if paho-mqtt raises an exception."""

    def __init__(self, client: Client, fail: Callable[[str], None]) -> None:
        self._client = client
        self._fail = fail
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._is_closed = False
        client.on_socket_open = self._on_open
        client.on_socket_register_write = self._on_register_write
        client.on_socket_unregister_write = self._on_unregister_write
        client.on_socket_close = self._on_close

    async def connect(self, host: str, port: int, keep_alive: int) -> None:
        """Connect and send the first packet; a thread waits, because paho-mqtt blocks. Raises OSError."""
        with WorkerThread("connect to MQTT broker") as thread:
            await thread.run(lambda: self._client.connect(host, port, keep_alive))
        self._tick()

    def close(self) -> None:
        """Send what the socket takes without waiting, and close it."""
        self._is_closed = True
        if self._timer:
            self._timer.cancel()
        with self._guarded():
            self._client.loop_write()
        if connected := self._client.socket():
            self._loop.remove_reader(connected)
            self._loop.remove_writer(connected)
            connected.close()

    # The first two may be called in the thread that connects.

    def _on_open(self, _client: Client, _data: Any, opened: Any) -> None:
        self._loop.call_soon_threadsafe(self._watch, opened)

    def _on_register_write(self, *_: Any) -> None:
        self._loop.call_soon_threadsafe(self._watch_writable)

    def _on_unregister_write(self, _client: Client, _data: Any, connected: Any) -> None:
        self._loop.remove_writer(connected)

    def _on_close(self, _client: Client, _data: Any, connected: Any) -> None:
        self._loop.remove_reader(connected)

    def _watch(self, opened: socket.socket) -> None:
        if self._is_closed:  # a stop did not wait for the thread
            opened.close()
        elif opened.fileno() != -1:
            self._loop.add_reader(opened, self._read)

    def _watch_writable(self) -> None:
        connected = self._client.socket()
        if connected and not self._is_closed:
            self._loop.add_writer(connected, self._write)

    def _read(self) -> None:
        with self._guarded():
            self._client.loop_read()
            # TLS may hold decrypted data, of which the selector knows nothing
            while isinstance(connected := self._client.socket(), ssl.SSLSocket) and connected.pending():
                self._client.loop_read()

    def _write(self) -> None:
        with self._guarded():
            self._client.loop_write()

    def _tick(self) -> None:
        """Send pings, and notice a broker that does not respond to them."""
        with self._guarded():
            self._client.loop_misc()
        if not self._is_closed:
            self._timer = self._loop.call_later(_TICK, self._tick)

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        """Report an exception of paho-mqtt and stop reading, because the selector would call it again at once."""
        try:
            yield
        except Exception as error:  # noqa: BLE001 - see above
            if connected := self._client.socket():
                self._loop.remove_reader(connected)
                self._loop.remove_writer(connected)
            self._fail(describe(error))
