"""collectd with its plug-in ``curl_json``: the same work as weatherd's, in C.

It fetches each URL every interval on a connection of its own, parses the JSON, and writes ten values of it. Of its
plug-ins that store values, ``csv`` is closest to weatherd's journal: each value is in a file when the next is read.
``rrdtool`` collects values in memory, and keeps averages.
"""

from __future__ import annotations

import contextlib
import resource
import subprocess
from typing import TYPE_CHECKING

from benchmarks.speed.processes import SUBJECT_CORE, run_pinned
from benchmarks.speed.subjects import Subject, wait_for_requests, wait_until_stable
from benchmarks.speed.upstream import count_served

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TYPES = {  # of collectd's own database of types
    "main/temp": "temperature",
    "main/feels_like": "temperature",
    "main/temp_min": "temperature",
    "main/temp_max": "temperature",
    "main/pressure": "pressure",
    "main/humidity": "humidity",
    "wind/speed": "gauge",
    "wind/deg": "gauge",
    "clouds/all": "percent",
    "visibility": "gauge",
}
_CONFIGURATION = """\
Hostname "bench"
FQDNLookup false
BaseDir "{folder}"
PIDFile "{folder}/pid"
Interval {interval:g}
LoadPlugin logfile
<Plugin logfile>
  File "{folder}/log"
</Plugin>
LoadPlugin csv
<Plugin csv>
  DataDir "{folder}/csv"
</Plugin>
LoadPlugin curl_json
<Plugin curl_json>
{urls}</Plugin>
"""
_URL = '  <URL "{url}/data/2.5/weather?q={city}">\n    Instance "c{city}"\n{keys}  </URL>\n'
_KEY = '    <Key "{key}">\n      Type "{type}"\n      Instance "{name}"\n    </Key>\n'


@contextlib.contextmanager
def run_collectd(folder: Path, url: str, cities: int, interval: float) -> Iterator[Subject]:
    """Run collectd with a URL for each city. Its observations are counted by the upstream server."""
    configuration = folder / "collectd.conf"
    configuration.write_text(format_configuration(folder, url, cities, interval), encoding="utf-8")
    limit = resource.getrlimit(resource.RLIMIT_NOFILE)[1]  # because each URL has its own connection
    command = ["prlimit", f"--nofile={limit}:{limit}", "collectd", "-f", "-C", str(configuration)]
    with (
        (folder / "out").open("w") as output,
        run_pinned(SUBJECT_CORE, command, stdout=output, stderr=subprocess.STDOUT) as process,
    ):
        wait_for_requests(process, url, cities)
        running = Subject(process, lambda: count_served(url) or 0)
        wait_until_stable(running, cities / interval)
        yield running


def format_configuration(folder: Path, url: str, cities: int, interval: float) -> str:
    """Return the configuration file."""
    keys = "".join(_KEY.format(key=key, type=type_, name=key.replace("/", "_")) for key, type_ in _TYPES.items())
    urls = "".join(_URL.format(url=url, city=city, keys=keys) for city in range(cities))
    return _CONFIGURATION.format(folder=folder, interval=interval, urls=urls)
