"""nginx in place of the weather services, much faster than any client, on its own core.

Each response carries the current time, so that each one is a new observation and never a repeat.
"""

from __future__ import annotations

import contextlib
import json
import socket
import urllib.request
from typing import TYPE_CHECKING, Any

from benchmarks.speed.processes import run_pinned, wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_LOCATIONS = 100
_ONE = {
    "coord": {"lon": 10.12, "lat": 54.31},
    "weather": [{"id": 500, "main": "Rain", "description": "light rain", "icon": "10d"}],
    "base": "stations",
    "main": {"temp": 6.2, "feels_like": 3.1, "temp_min": 5.8, "temp_max": 6.9, "pressure": 1012, "humidity": 87},
    "visibility": 10000,
    "wind": {"speed": 5.1, "deg": 240, "gust": 9.3},
    "rain": {"1h": 0.4},
    "clouds": {"all": 90},
    "dt": "@",
    "sys": {"country": "DE", "sunrise": 1764138000, "sunset": 1764168000},
    "timezone": 3600,
    "id": 2891122,
    "name": "Kiel",
    "cod": 200,
}
_UNITS = {
    "time": "unixtime",
    "interval": "seconds",
    "temperature_2m": "°C",
    "relative_humidity_2m": "%",
    "apparent_temperature": "°C",
    "precipitation": "mm",
    "weather_code": "wmo code",
    "cloud_cover": "%",
    "pressure_msl": "hPa",
    "wind_speed_10m": "m/s",
    "wind_direction_10m": "°",
    "wind_gusts_10m": "m/s",
}
_CURRENT = {
    "time": "@",
    "interval": 900,
    "temperature_2m": 6.2,
    "relative_humidity_2m": 87,
    "apparent_temperature": 3.1,
    "precipitation": 0.4,
    "weather_code": 61,
    "cloud_cover": 90,
    "pressure_msl": 1012.3,
    "wind_speed_10m": 5.1,
    "wind_direction_10m": 240,
    "wind_gusts_10m": 9.3,
}
_PLACE = {
    "latitude": 54.3,
    "longitude": 10.12,
    "generationtime_ms": 0.05,
    "utc_offset_seconds": 0,
    "timezone": "GMT",
    "timezone_abbreviation": "GMT",
    "elevation": 5.0,
    "current_units": _UNITS,
    "current": _CURRENT,
    "minutely_15_units": {"time": "unixtime", "precipitation": "mm"},
    "minutely_15": {"time": [1767225600, 1767226500, 1767227400, "@"], "precipitation": [0.1, 0.0, 0.1, 0.2]},
}
# Ten samples, like the ten values of an observation.
_SAMPLES = "".join(f"weather_{name} 6.25\n" for name in _CURRENT if name != "interval")

_CONF = """\
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 20000; }}
http {{
  access_log off;
  keepalive_requests 1000000000;
  keepalive_timeout 1h;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  large_client_header_buffers 4 32k;
  default_type application/json;
  open_file_cache max=1000;
  map $arg_latitude $places {{
    default 1;
{places}
  }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location = /data/2.5/weather {{ return 200 '{one}'; }}
    location /metrics {{ default_type text/plain; return 200 '{samples}'; }}
    location = /v1/forecast {{
      root {folder};
      rewrite ^ /$places.json break;
      sub_filter_types application/json;
      sub_filter_once off;
      sub_filter '"@"' $msec;
    }}
    location = /served {{ stub_status; }}
  }}
}}
"""


@contextlib.contextmanager
def run_upstream(folder: Path, core: int) -> Iterator[str]:
    """Serve on loopback inside the ``with``, which yields the base URL."""
    folder.mkdir()
    for number in range(1, MAX_LOCATIONS + 1):
        (folder / f"{number}.json").write_text(_to_json(_forecast_body(number)), encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    places = "\n".join(
        f"    '~^(?:[^,]*+,){{{number - 1}}}[^,]*+$' {number};" for number in range(MAX_LOCATIONS, 1, -1)
    )
    one = _to_json(_ONE).replace('"@"', "$msec")
    conf = folder / "nginx.conf"
    conf.write_text(
        _CONF.format(folder=folder, port=port, places=places, one=one, samples=_SAMPLES.replace("\n", "\\n")),
        encoding="utf-8",
    )
    url = f"http://127.0.0.1:{port}"
    with run_pinned(core, ["nginx", "-c", str(conf), "-e", str(folder / "error.log")]) as process:
        wait_until(process, lambda: count_served(url) is not None)
        yield url


def _forecast_body(places: int) -> Any:
    """Return Open-Meteo's response: one location is an object, several are a list with ids from the second on."""
    found = [_PLACE if number == 0 else {**_PLACE, "location_id": number} for number in range(places)]
    return found if places > 1 else found[0]


def _to_json(document: Any) -> str:
    return json.dumps(document, separators=(",", ":"), ensure_ascii=False)


def count_served(url: str) -> int | None:
    """Return the number of responses so far, or None while the server does not listen."""
    try:
        with urllib.request.urlopen(f"{url}/served", timeout=5) as response:  # noqa: S310 - our own server
            return int(response.read().split()[9])
    except OSError:
        return None
