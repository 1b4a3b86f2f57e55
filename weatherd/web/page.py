"""The web page: the cities, and links to the other endpoints."""

from __future__ import annotations

from html import escape
from typing import TYPE_CHECKING

from weatherd import __version__
from weatherd.daemon.status import CityState
from weatherd.formatting import format_rfc3339

if TYPE_CHECKING:
    from weatherd.city import City
    from weatherd.daemon.status import DaemonStatus

_MAX_CITIES = 1000
_LINKS = ("/api/v1/status", "/api/v1/cities", "/api/v1/observations", "/api/v1/stream", "/api/v1/openapi.json")


async def render_page(status: DaemonStatus) -> str:
    """Return the page as HTML. Its links are relative, because a reverse proxy may serve it below a path."""
    summary = escape(await status.summarize())
    links = " · ".join(f'<a href="{path[1:]}">{path}</a>' for path in ("/metrics", "/-/healthy", "/-/ready", *_LINKS))
    cities = "\n".join(_item(city, status) for city in status.cities[:_MAX_CITIES])
    more = f"<p>and {len(status.cities) - _MAX_CITIES} more</p>" if len(status.cities) > _MAX_CITIES else ""
    return f"""<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>weatherd</title>
<h1>weatherd</h1>
<p>{summary}</p>
<ul>
{cities}
</ul>
{more}<p>{links}</p>
<p>weatherd {__version__}</p>
</html>
"""


def _item(city: City, status: DaemonStatus) -> str:
    last, state = status.latest.get(city.id), status.state_of(city)
    link = f'<a href="api/v1/cities/{city.id}">{escape(city.name)}</a>'
    if last is None:
        return f"<li>{link}: {state}</li>"
    text = f"{last.temperature:z.0f} °C, {escape(last.description)}, observed {format_rfc3339(last.observed_at)}"
    return f"<li>{link}: {text}{'' if state is CityState.FRESH else f' ({state})'}</li>"
