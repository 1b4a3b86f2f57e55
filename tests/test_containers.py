"""The container: what the documentation and the compose files set up reaches the page, the metrics and the broker."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[1]


def read_services(*files: str) -> dict[str, dict[str, Any]]:
    """Return the services of compose files; the environment of later files is added to that of earlier ones."""
    services: dict[str, dict[str, Any]] = {}
    for file in files:
        for name, service in yaml.safe_load((ROOT / file).read_text())["services"].items():
            merged = services.setdefault(name, {})
            environment = merged.get("environment", {}) | service.get("environment", {})
            merged |= service | {"environment": environment}
    return services


@pytest.mark.parametrize("document", ["README.md", "docs/operations.md"])
def test_the_documented_command_publishes_page_and_metrics(document: str) -> None:
    """The port is published to this machine, and inside weatherd listens where the published port leads."""
    text = (ROOT / document).read_text().replace("\\\n", " ")
    (command,) = re.findall("docker run --detach.*", text)
    assert "--publish 127.0.0.1:8080:8080" in command
    assert "--env WEATHERD_HTTP__HOST=0.0.0.0" in command
    assert "--env WEATHERD_HTTP__INSECURE=true" in command


def test_the_broker_of_compose_is_used() -> None:
    """The file that starts a broker also makes weatherd its client; without it there is neither."""
    services = read_services("compose.yaml", "compose.mqtt.yaml")
    assert services["weatherd"]["environment"]["WEATHERD_MQTT__HOST"] == "mqtt"
    assert "mosquitto" in services["mqtt"]["image"]
    assert services["weatherd"]["depends_on"] == ["mqtt"]
    alone = read_services("compose.yaml")
    assert "mqtt" not in alone
    assert "WEATHERD_MQTT__HOST" not in alone["weatherd"]["environment"]


def test_only_this_machine_reaches_the_ports() -> None:
    """Every published port is bound to the loopback address."""
    services = read_services("compose.yaml", "compose.mqtt.yaml")
    assert all(port.startswith("127.0.0.1:") for service in services.values() for port in service.get("ports", ()))
