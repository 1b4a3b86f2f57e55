"""What several nodes answer, as one answer."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from weatherd.web.alerts.models import AlertModel, AlertsPage
from weatherd.web.cluster.entry_pages import merge_alert_pages
from weatherd.web.cluster.map_merging import merge_maps
from weatherd.web.cluster.merging import merge_curves
from weatherd.web.page.models import CurveModel, CurvesModel, MapModel


def _alert(city: str, rule: str) -> AlertModel:
    since = "2026-01-01T00:00:00Z"
    return AlertModel(
        city=city, name="", rule=rule, state="firing", severity="warning", since=since, message="", notified_at=None
    )


def _read_page(alerts: list[AlertModel], after: str | None, limit: int) -> AlertsPage:
    """Return a page as one node does: it never divides a city, and those about the node are on the first page."""
    page = [alert for alert in alerts if not alert.city and after is None]
    for alert in sorted((alert for alert in alerts if alert.city > (after or "")), key=lambda alert: alert.city):
        if len(page) >= limit and page[-1].city not in {"", alert.city}:
            return AlertsPage(alerts=page, next=page[-1].city)
        page.append(alert)
    return AlertsPage(alerts=page, next=None)


@given(st.lists(st.tuples(st.sampled_from(["", *"abcdefg"]), st.integers(0, 2)), max_size=20), st.integers(1, 6))
def test_alerts_of_all_nodes_come_once_and_undivided(rows: list[tuple[str, int]], limit: int) -> None:
    """Whatever the size of a page, all pages together have each alert once, by city."""
    alerts = [_alert(city, f"r{number}") for number, (city, _) in enumerate(rows)]
    # A city is polled by one node; each node has alerts about itself
    nodes = [
        [alert for alert, (city, own) in zip(alerts, rows, strict=True) if (ord(city) % 3 if city else own) == node]
        for node in range(3)
    ]
    found, after = list[AlertModel](), None
    for _ in range(len(rows) + 1):
        pages = [(f"n{node}", _read_page(of_node, after, limit)) for node, of_node in enumerate(nodes)]
        page = merge_alert_pages(pages, limit)
        assert {alert.city for alert in found}.isdisjoint(alert.city for alert in page.alerts)
        found += page.alerts
        if page.next is None:
            break
        after = page.next
    assert sorted(alert.rule for alert in found) == sorted(alert.rule for alert in alerts)
    assert [alert.city for alert in found] == sorted(alert.city for alert in alerts)
    assert all(alert.name.startswith("n") for alert in found if not alert.city)


def _map(cell: float, *points: tuple[str, float, int | None, str, int]) -> MapModel:
    ids, lats, temperatures, states, counts = zip(*points, strict=True) if points else ((),) * 5
    nothing = [None] * len(ids)
    return MapModel.model_validate(
        {
            "total": 0,
            "cell": cell,
            "id": ids,
            "name": ids,
            "lat": lats,
            "lon": lats,
            "state": states,
            "temperature": temperatures,
            "count": counts,
            "wind": nothing,
            "direction": nothing,
            "rain": nothing,
        }
    )


def test_points_in_a_cell_are_one() -> None:
    """The worst one, with the mean by cities; cities that one node has not put together count, too."""
    merged = merge_maps(
        [
            _map(1.0, ("a", 10.2, 100, "fresh", 3)),
            _map(0.0, ("b", 10.7, 20, "down", 1), ("c", 11.5, None, "waiting", 1)),
        ],
        total=5,
    )
    assert (merged.id, merged.count, merged.temperature) == (["b", "c"], [4, 1], [80, None])
    assert (merged.cell, merged.total) == (1.0, 5)
    single = merge_maps([_map(0.0, ("a", 10.2, 100, "fresh", 1)), _map(0.0, ("b", 10.2, 20, "fresh", 1)), _map(0.0)], 2)
    assert (single.id, single.count) == (["a", "b"], [1, 1])


def test_curves_of_a_node_whose_clock_is_a_step_apart_are_moved() -> None:
    """Each value stays at its time."""
    curves = [
        CurvesModel(begin=begin, step=1200, curves={city: CurveModel(values=[1, 2, 3], low=1, high=3, gap=2)})
        for begin, city in ((2400, "a"), (1200, "b"), (3600, "c"), (-9600, "d"))
    ]
    merged = merge_curves(curves)
    assert (merged.begin, merged.step) == (2400, 1200)
    assert {city: curve.values for city, curve in merged.curves.items()} == {
        "a": [1, 2, 3],
        "b": [2, 3, None],
        "c": [None, 1, 2],
        "d": [None, None, None],
    }
