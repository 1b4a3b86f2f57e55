"""Metrics of long lists."""

from __future__ import annotations

import math
import re
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from tests.support.cluster import FakeMember
from tests.support.daemon import make_status
from tests.support.fakes import BERLIN, KIEL, make_fetched
from weatherd.cluster.peers import open_peers
from weatherd.config.sections.quality import QualitySection
from weatherd.freshness import AGE_BUDGETS, AgeBudgets
from weatherd.pipeline.forwarders.group import DeliveryGroup
from weatherd.pipeline.latest import LatestObservations
from weatherd.pipeline.quality.control import QualityControl
from weatherd.web.metrics import HttpTraffic, render_metrics

if TYPE_CHECKING:
    from weatherd.observation import Observation


SAMPLE = r'([^ {]+(?:\{(?:[a-z_]+="(?:[^"\\]|\\.)*",?)*\})?) (\S+)'


class RecordingObservations(LatestObservations):
    """Latest observations that record the threads in which they are looked up."""

    def __init__(self) -> None:
        super().__init__((), AgeBudgets(AGE_BUDGETS))
        self.threads: set[int] = set()

    def get(self, city_id: str) -> Observation | None:
        """Look an observation up."""
        self.threads.add(threading.get_ident())
        return super().get(city_id)


async def test_the_series_of_cities_are_made_in_a_thread() -> None:
    """The event loop does not wait for the series of 10,000 cities, which take a second."""
    latest = RecordingObservations()
    status = make_status([KIEL, BERLIN], deliveries=DeliveryGroup([]), latest=latest)
    traffic = HttpTraffic(connections=1, streams=2, closed_early={}, bad_requests=3)
    body, _ = await render_metrics(status, traffic, "", per_city=True)
    assert len(latest.threads) == 2
    assert b'weatherd_up{city="kiel"} 0.0' in body
    assert b"weatherd_http_streams 2.0" in body
    latest.threads.clear()
    body, _ = await render_metrics(status, traffic, "", per_city=False)
    assert b'city="kiel"' not in body
    assert latest.threads == {threading.get_ident()}


async def test_each_city_has_one_info_series_with_its_tags() -> None:
    """Names of labels are those that Prometheus allows; a tag does not replace a label or another tag."""
    tags = (
        ("region", "north"),
        ("größe", "klein"),
        ("a-b", "1"),
        ("a_b", "2"),
        ("name", "x"),
        ("2", "y"),
        ("__m", "z"),
    )
    cities = [replace(KIEL, tags=tags, timezone="Europe/Berlin"), BERLIN]
    traffic = HttpTraffic(connections=1, streams=2, closed_early={}, bad_requests=3)
    status = make_status(cities, deliveries=DeliveryGroup([]))
    body, _ = await render_metrics(status, traffic, "text/plain", per_city=True)
    lines = [line for line in body.decode().splitlines() if line.startswith("weatherd_city_info{")]
    assert len(lines) == 2
    kiel = dict(re.findall(r'([a-zA-Z_][a-zA-Z0-9_]*)="([^"]*)"', next(line for line in lines if '"kiel"' in line)))
    place = {"city": "kiel", "name": "Kiel", "lat": "54.305902", "lon": "10.123282", "timezone": "Europe/Berlin"}
    others = {"a_b": "1", "tag_a_b": "2", "tag_name": "x", "_2": "y", "_m": "z"}
    assert kiel == {**place, "region": "north", "grosse": "klein", **others}


async def test_every_metric_is_exposed() -> None:
    """Those that the rules and the dashboard use have a help text in the response, also while they have no series."""
    packaging = Path(__file__).parents[2] / "packaging"
    texts = [(packaging / "prometheus" / "weatherd.rules.yml").read_text()]
    texts += [file.read_text() for file in (packaging / "grafana" / "dashboards").iterdir()]
    used = {name.removesuffix("_bucket") for name in re.findall(r"\bweatherd_[a-z_]+", "".join(texts))}
    traffic = HttpTraffic(connections=1, streams=2, closed_early={}, bad_requests=3)
    async with open_peers(None, None) as peers:
        status = make_status([KIEL], deliveries=DeliveryGroup([]), cluster=FakeMember(1, [KIEL], peers))
        body, _ = await render_metrics(status, traffic, "", per_city=True)
    exposed = set(re.findall(r"^# HELP (\S+)", body.decode(), re.MULTILINE))
    assert "weatherd_forwarder_lag_seconds" in used
    assert used - exposed == set()


async def test_suspect_values_are_counted() -> None:
    """By provider, field and test; a city has a series for each suspect value of its last observation."""
    status = make_status([KIEL, BERLIN], deliveries=DeliveryGroup([]))
    status.latest.quality = QualityControl(QualitySection())
    lines: list[str] = []
    for number, temperature in enumerate((6.0, 60.0, 6.0)):
        at = status.now() + timedelta(minutes=number)
        cities = [KIEL, BERLIN] if temperature == 6.0 else [KIEL]
        status.latest.record(
            make_fetched(city, observed_at=at, fetched_at=at, temperature=temperature) for city in cities
        )
        traffic = HttpTraffic(connections=1, streams=2, closed_early={}, bad_requests=3)
        body, _ = await render_metrics(status, traffic, "text/plain", per_city=True)
        lines = body.decode().splitlines()
        doubt = 'weatherd_observation_suspect{city="kiel",field="temperature",provider="fake"} 1.0'
        assert (doubt in lines) is (temperature == 60.0)
    for test in ("range", "step"):
        labels = f'{{field="temperature",provider="fake",test="{test}"}}'
        assert f"weatherd_suspect_observations_total{labels} 1.0" in lines


async def test_the_format_suits_prometheus() -> None:
    """Each series has one line, with a finite number and no timestamp, whatever the names of the cities."""
    cities = [KIEL, replace(BERLIN, id="a-b", name='Halle "Saale" {\\}')]
    traffic = HttpTraffic(connections=1, streams=2, closed_early={}, bad_requests=3)
    status = make_status(cities, deliveries=DeliveryGroup([]))
    body, content_type = await render_metrics(status, traffic, "text/plain", per_city=True)
    assert content_type.startswith("text/plain; version=")
    lines = body.decode().split("\n")
    samples = [line for line in lines if line and not line.startswith("#")]
    found = [match for line in samples if (match := re.fullmatch(SAMPLE, line))]
    assert len(found) == len(samples)
    names, values = zip(*(match.groups() for match in found), strict=True)
    assert len(set(names)) == len(names)
    assert all(math.isfinite(float(value)) for value in values)
    assert b"\r" not in body
    assert body.endswith(b"\n")
