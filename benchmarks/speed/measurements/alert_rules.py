"""CPU time and memory that alert rules add, with 100 cities a request."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks.speed import daemon
from benchmarks.speed.builds import THIS
from benchmarks.speed.city_lists import grid_cities
from benchmarks.speed.plan import ALERT_CITIES, ALERT_RULES
from benchmarks.speed.processes import temporary_folder
from benchmarks.speed.report import names

if TYPE_CHECKING:
    from benchmarks.speed.plan import Plan
    from benchmarks.speed.report.figures import Figures

_INTERVAL = 1.0  # seconds
# Typical rules, two of them with windows of 24 hours. None of them fires with the weather of the upstream server
_TYPICAL = """\
  frost: {when: temperature < 0 and wind_speed < 3, until: temperature > 1}
  heat: {when: temperature > 35}
  storm: {when: wind_gust > 25}
  gale: {when: wind_speed > 17 m/s}
  heavy-rain: {when: "rain(24h) > 500"}
  gusty-day: {when: "max(wind_gust, 24h) > 90"}
  muggy: {when: relative_humidity > 98 and temperature > 25}
  low-pressure: {when: pressure_msl < 900}
  freezing-rain: {when: code >= 66 and code <= 67}
  silent-city: {when: age > 2h}
"""


def measure(url: str, plan: Plan, figures: Figures) -> None:
    """Measure the daemon without rules and with each number of them, one after the other."""
    subject = names.build_subject(names.THIS, names.BATCHED)
    resident: dict[int, float] = {}
    for count in (0, *ALERT_RULES):
        with (
            temporary_folder() as folder,
            daemon.run_weatherd(
                folder, url, daemon.BATCHED, grid_cities(ALERT_CITIES), _INTERVAL, alerts=make_rules(count), build=THIS
            ) as running,
        ):
            running.on_schedule(ALERT_CITIES, _INTERVAL)
            cost = running.cost(plan.seconds)
        resident[count] = cost.resident
        figures.add(subject, names.rules_figure(count, names.CPU), cost.micros)
        if count:
            figures.add(subject, names.rules_figure(count, names.RULES_MEMORY), cost.resident - resident[0])


def make_rules(count: int) -> str:
    """Return the text of a file with *count* rules, which is 0, 10 or more; "" for 0."""
    others = "".join(f"  rule-{number}: {{when: temperature > {40 + number / 10}}}\n" for number in range(count - 10))
    return f"alerts:\n{_TYPICAL}{others}" if count else ""
