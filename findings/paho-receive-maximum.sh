#!/usr/bin/env bash
# paho-mqtt sends more unacknowledged QoS 1 messages than an MQTT 5 broker's Receive Maximum allows (MQTT 5, section 4.9).
# One would have guessed: it waits for an acknowledgement, as the standard demands, and as it does for its own setting
# max_inflight_messages, which cannot be lowered to the broker's number: that is known only once the client is connected.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check paho-mqtt==2.2.0
cd "$folder"
timeout 60 venv/bin/python - <<'PYTHON'
import importlib.metadata
import queue
import socket
import threading
import time

import paho.mqtt.client as paho

RECEIVE_MAXIMUM = 2
MESSAGES = 10


def read_exactly(connection, count):
    data = b""
    while len(data) < count:
        part = connection.recv(count - len(data))
        if not part:
            raise EOFError
        data += part
    return data


def read_packet(connection):
    """Return the type of a packet, and skip the rest of it."""
    kind, length, shift = read_exactly(connection, 1)[0] >> 4, 0, 0
    while True:
        digit = read_exactly(connection, 1)[0]
        length |= (digit & 127) << shift
        shift += 7
        if digit < 128:
            break
    read_exactly(connection, length)
    return kind


def serve(listener, kinds):
    """Accept one client with a Receive Maximum, and acknowledge nothing: a broker that is busy."""
    connection, _ = listener.accept()
    with connection:
        try:
            while True:
                kind = read_packet(connection)
                kinds.put(kind)
                if kind == 1:  # CONNECT: CONNACK, no session, success, the property Receive Maximum
                    connection.sendall(bytes([0x20, 6, 0, 0, 3, 0x21, 0, RECEIVE_MAXIMUM]))
        except (EOFError, ConnectionError):
            pass


listener, kinds, errors = socket.create_server(("127.0.0.1", 0)), queue.Queue(), []
threading.Thread(target=serve, args=(listener, kinds), daemon=True).start()
told = threading.Event()


def on_connect(client, _data, _flags, _reason, properties):
    try:
        client.max_inflight_messages_set(properties.ReceiveMaximum)
    except (RuntimeError, AttributeError) as error:
        errors.append(type(error).__name__)
    told.set()


client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
client.on_connect = on_connect
client.connect("127.0.0.1", listener.getsockname()[1])
client.loop_start()
assert told.wait(10)
for number in range(MESSAGES):
    client.publish("weather/kiel", str(number), qos=1)
time.sleep(2)
client.disconnect()
client.loop_stop()
sent = sum(kinds.get_nowait() == 3 for _ in range(kinds.qsize()))
print("paho-mqtt", importlib.metadata.version("paho-mqtt"))
print(f"the broker's Receive Maximum: {RECEIVE_MAXIMUM}; messages in flight: {sent} of {MESSAGES}; guessed: {RECEIVE_MAXIMUM}")
print("lowering max_inflight_messages in on_connect:", *(errors or ["works"]))
assert sent == MESSAGES, "paho-mqtt respects the Receive Maximum now"
PYTHON
