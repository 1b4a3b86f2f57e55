"""``weatherd warnings``: the official warnings in force, of all cities or of one."""
# ruff: noqa: D301 - \b before the examples preserves their line breaks

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated

import typer

from weatherd.cli.exit_codes import ExitCode
from weatherd.cli.lookup import find_watched_city
from weatherd.cli.options import ConfigFile, DaemonUrl, JsonOrText, call_daemon, find_daemon, load_client_settings
from weatherd.cli.terminal import print_text
from weatherd.cli.wording import format_local_time

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.text import Text

    from weatherd.cli.client import Client
    from weatherd.web.warnings.models import WarningModel

_NONE = "no official warning is in force"
_STYLES = {"extreme": "red", "severe": "red", "moderate": "yellow"}
_LABEL = 10  # cells of a label


def warnings(
    city: Annotated[str | None, typer.Argument(metavar="CITY", help="A city's name or id; default: all.")] = None,
    config: ConfigFile = None,
    url: DaemonUrl = None,
    format: JsonOrText = "text",  # noqa: A002 - the option's name
) -> int:
    """List the official warnings in force that the daemon knows; of one city, with their texts.

    The daemon requests warnings with the setting warnings: auto.

    \b
    Examples:
      weatherd warnings
      weatherd warnings Kiel
    """
    from weatherd.cli.screen import find_width, open_console, print_lines

    settings = load_client_settings(config)
    found, is_wanted = call_daemon(_fetch(find_daemon(settings, url), city))
    if format == "json":
        print_text(json.dumps([warning.model_dump() for warning in found], ensure_ascii=False, indent=2))
        return ExitCode.OK
    console = open_console()
    width = find_width(console)
    if not found:
        print_text(_NONE if is_wanted else f"{_NONE}: the daemon requests none; set warnings: auto")
    elif city is None:
        print_lines(console, _format_table(found, settings.timezone, width))
    else:
        print_lines(console, _format_texts(found, settings.timezone, width))
    return ExitCode.OK


async def _fetch(client: Client, name: str | None) -> tuple[list[WarningModel], bool]:
    """Return the warnings, and whether the daemon requests any. Raises ArgumentError for an unknown city."""
    async with client:
        city_id = None if name is None else (await find_watched_city(client, name)).id
        found = [warning async for warning in client.list_warnings(city_id)]
        return found, bool(found) or (await client.get_status()).warnings is not None


def _format_table(found: Sequence[WarningModel], zone: str | None, width: int | None) -> list[Text]:
    from weatherd.cli.table import Column, format_table

    columns = [
        Column("city", [warning.name or warning.city for warning in found], min_width=10),
        Column("severity", [warning.severity for warning in found], styles=_STYLES),
        Column("event", [warning.event for warning in found], min_width=14),
        Column("from", [_format_time(warning.onset, zone) for warning in found], rank=2),
        Column("until", [_format_time(warning.ends, zone) for warning in found], rank=1),
        Column("provider", [warning.provider for warning in found], rank=3),
    ]
    return format_table(columns, width)


def _format_texts(found: Sequence[WarningModel], zone: str | None, width: int | None) -> Iterator[str]:
    from weatherd.cli.screen import wrap_text

    for number, warning in enumerate(found):
        if number:
            yield ""
        yield from wrap_text(f"{warning.event} ({warning.severity}, {warning.provider})", width, indent=2)
        facts = {
            "from": _format_time(warning.onset, zone),
            "until": _format_time(warning.ends, zone),
            "area": warning.area,
            "source": warning.url,
        }
        for label, text in facts.items():
            if text:
                yield from wrap_text(f"  {label:<{_LABEL}}{text}", width, indent=2 + _LABEL)
        for text in (warning.headline, *warning.description.split("\n\n"), *warning.instruction.split("\n\n")):
            if text:
                yield from wrap_text(f"  {' '.join(text.split())}", width, indent=2)


def _format_time(moment: str | None, zone: str | None) -> str:
    return format_local_time(moment, zone) if moment else "–"
