#!/usr/bin/env bash
# aiomqtt's publish() returns normally when an MQTT 5 broker denies the message: it ignores the reason code of the PUBACK.
# One would have guessed: MqttCodeError, as for a denied connection. paho-mqtt, on which it is built, reports the code.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/python" -m pip install --quiet --disable-pip-version-check aiomqtt==2.5.1 paho-mqtt==2.2.0
cd "$folder"
timeout 60 venv/bin/python - <<'PYTHON'
import asyncio
import importlib.metadata

import aiomqtt
import paho.mqtt.client as paho

NOT_AUTHORIZED = 0x87  # a reason code of PUBACK in MQTT 5, section 3.4.2.1


async def serve_client(reader, writer):
    """Accept the connection and deny every message: what a broker does whose access rules allow only reading."""
    while True:
        try:
            kind = (await reader.readexactly(1))[0]
            length, shift = 0, 0
            while True:
                digit = (await reader.readexactly(1))[0]
                length |= (digit & 127) << shift
                shift += 7
                if digit < 128:
                    break
            body = await reader.readexactly(length)
        except asyncio.IncompleteReadError:
            break
        if kind >> 4 == 1:  # CONNECT: CONNACK, no session, success, no properties
            writer.write(bytes([0x20, 3, 0, 0, 0]))
        elif kind >> 4 == 3:  # PUBLISH with QoS 1: PUBACK with the reason code
            topic_length = int.from_bytes(body[:2], "big")
            writer.write(bytes([0x40, 3]) + body[2 + topic_length : 4 + topic_length] + bytes([NOT_AUTHORIZED]))
        elif kind >> 4 == 14:  # DISCONNECT
            break
    writer.close()


def publish_with_paho(port):
    codes = []
    client = paho.Client(paho.CallbackAPIVersion.VERSION2, protocol=paho.MQTTv5)
    client.on_publish = lambda client, data, mid, reason, properties: codes.append(str(reason))
    client.connect("127.0.0.1", port)
    client.loop_start()
    client.publish("weather/kiel", "6.2", qos=1).wait_for_publish(10)
    client.disconnect()
    client.loop_stop()
    return codes


async def main():
    server = await asyncio.start_server(serve_client, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    print(*(f"{name} {importlib.metadata.version(name)}" for name in ("aiomqtt", "paho-mqtt")))
    async with aiomqtt.Client("127.0.0.1", port, protocol=aiomqtt.ProtocolVersion.V5) as client:
        try:
            await client.publish("weather/kiel", "6.2", qos=1)
            outcome = "returned normally"
        except aiomqtt.MqttError as error:
            outcome = f"raised {error!r}"
    print(f"aiomqtt: publish() of a denied message {outcome}")
    codes = await asyncio.to_thread(publish_with_paho, port)
    print(f"paho-mqtt: on_publish got {codes}")
    server.close()
    raise SystemExit(0 if (outcome, codes) == ("returned normally", ["Not authorized"]) else "the behaviour has changed")


asyncio.run(main())
PYTHON
