"""The container: what the documentation and the compose files set up reaches the page, the metrics and the broker."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
import yaml

from weatherd.config.loader import load_configuration, parse_settings
from weatherd.quota.plans import PLANS

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


def read_manifests() -> dict[str, Any]:
    """Return the Kubernetes manifests by kind and name."""
    documents = yaml.safe_load_all((ROOT / "packaging/kubernetes/weatherd.yaml").read_text())
    return {f"{document['kind']}/{document['metadata']['name']}": document for document in documents}


def substitute(text: str) -> str:
    """Substitute variables as compose does: those that must be set by "secret-value", others by their default."""
    return re.sub(r"\$\{\w+:([?-])([^}]*)\}", lambda match: "secret-value" if match[1] == "?" else match[2], text)


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


def test_the_nodes_of_compose_are_a_cluster() -> None:
    """Each has a name, an address, a state folder and a port of its own; all have the same token and database."""
    services = read_services("compose.cluster.yaml")
    nodes = {name: service for name, service in services.items() if name.startswith("node")}
    assert list(nodes) == ["node1", "node2", "node3"]
    secrets = set()
    for name, service in nodes.items():
        environment = {variable: substitute(value) for variable, value in service["environment"].items()}
        settings = parse_settings("", "weatherd.yaml", environment)
        assert settings.cluster
        assert settings.cluster.dsn
        assert settings.postgres
        assert settings.http.token
        assert (settings.cluster.name, settings.cluster.url) == (name, f"http://{name}:8080")
        assert f"{name}:/var/lib/weatherd" in service["volumes"]
        secrets.add((settings.cluster.dsn.get_secret_value(), settings.http.token.get_secret_value()))
        assert settings.postgres.dsn == settings.cluster.dsn
    ((dsn, _),) = secrets
    assert len({port for node in nodes.values() for port in node["ports"]}) == len(nodes)
    assert all(port.startswith("127.0.0.1:") for node in nodes.values() for port in node["ports"])
    address = urlsplit(dsn)
    assert (address.hostname, address.username) == ("postgres", services["postgres"]["environment"]["POSTGRES_USER"])


def test_the_nodes_of_kubernetes_are_a_cluster() -> None:
    """The name of a pod leads to it through the service without an address; the probes ask for pages that exist."""
    manifests = read_manifests()
    spec = manifests["StatefulSet/weatherd"]["spec"]
    (container,) = spec["template"]["spec"]["containers"]
    environment = {variable["name"]: variable.get("value", "secret-value") for variable in container["env"]}
    environment["WEATHERD_CLUSTER__NAME"] = "weatherd-0"
    environment["WEATHERD_CLUSTER__DSN"] = environment["WEATHERD_POSTGRES__DSN"] = "postgresql://db.example/weather"
    environment = {
        name: value.replace("$(WEATHERD_CLUSTER__NAME)", "weatherd-0") for name, value in environment.items()
    }
    settings = parse_settings("", "weatherd.yaml", environment)
    assert settings.cluster
    assert settings.cluster.url == f"http://weatherd-0.{spec['serviceName']}:8080"
    assert manifests[f"Service/{spec['serviceName']}"]["spec"]["clusterIP"] == "None"
    labels = spec["template"]["metadata"]["labels"]
    assert all(
        document["spec"].get("selector", {}).get("matchLabels", document["spec"]["selector"]) == labels
        for name, document in manifests.items()
        if name.startswith(("Service", "PodDisruptionBudget"))
    )
    probes = {container[probe]["httpGet"]["path"] for probe in ("startupProbe", "livenessProbe", "readinessProbe")}
    assert probes == {"/-/healthy", "/-/ready"}
    assert spec["template"]["spec"]["terminationGracePeriodSeconds"] > settings.shutdown_grace


def test_the_settings_of_kubernetes_are_valid(tmp_path: Path) -> None:
    """The ConfigMap has settings and a list without a mistake."""
    for name, text in read_manifests()["ConfigMap/weatherd"]["data"].items():
        (tmp_path / name).write_text(text)
    loaded = load_configuration(tmp_path / "weatherd.yaml", {}, PLANS)
    assert (len(loaded.cities), len(loaded.quarantined)) == (3, 0)
