"""Silences of the daemon, over HTTP or in the journal file."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import TYPE_CHECKING, TypeVar

from weatherd.alerts.silences import Silence, find_silence_problem
from weatherd.cli.client import CityNotFoundError, UnreachableError
from weatherd.cli.lookup import find_journal, require_listed_city
from weatherd.cli.options import (
    ArgumentError,
    call_daemon,
    find_daemon,
    load_client_settings,
    load_journal_configuration,
    load_user_configuration,
)
from weatherd.formatting import format_rfc3339
from weatherd.journal.tables.silence_table import open_silences
from weatherd.text.local_zone import load_zone
from weatherd.web.alerts.silence_endpoints import serialize_silence

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence
    from datetime import tzinfo
    from pathlib import Path
    from typing import Any

    from weatherd.cli.client import Client
    from weatherd.config.settings import Settings
    from weatherd.web.alerts.models import SilenceModel

_T = TypeVar("_T")


def add_silence(
    config: Path | None, url: str | None, wanted: Silence, find_end: Callable[[tzinfo], datetime]
) -> tuple[SilenceModel, str | None]:
    """Add a silence, whose city is a name or an id; return it, and the zone in which its time is shown.

    Raises ArgumentError for one without effect.
    """
    settings = load_client_settings(config)
    wanted = wanted._replace(ends=find_end(load_zone(settings.timezone)).timestamp())
    found = _try_daemon(settings, url, lambda client: _post(client, wanted))
    return found or _write(config, wanted), settings.timezone


def remove_silence(config: Path | None, url: str | None, number: int) -> None:
    """End a silence. Raises ArgumentError if none that is in force has the number."""
    settings = load_client_settings(config)

    async def post(client: Client) -> list[SilenceModel]:
        async with client:
            return await client.end_silence(number)

    if _try_daemon(settings, url, post) is None:
        with open_silences(find_journal(load_journal_configuration(config))) as silences:
            if not silences.end(number, datetime.now(UTC).timestamp()):
                raise ArgumentError(f"no silence in force has the number {number}; see weatherd alerts silences")


def load_silences(config: Path | None, url: str | None) -> tuple[Sequence[SilenceModel], str | None]:
    """Return the silences in force, and the zone in which their times are shown."""
    settings = load_client_settings(config)

    async def fetch(client: Client) -> list[SilenceModel]:
        async with client:
            return await client.list_silences()

    found = _try_daemon(settings, url, fetch)
    if found is None:
        now = datetime.now(UTC).timestamp()
        with open_silences(find_journal(load_journal_configuration(config))) as silences:
            found = [serialize_silence(silence) for silence in silences.load() if silence.ends > now]
    return found, settings.timezone


def _try_daemon(settings: Settings, url: str | None, call: Callable[[Client], Coroutine[Any, Any, _T]]) -> _T | None:
    """Return the result of a call of the daemon; None if the journal file is to be used.

    That is without a token, or while the daemon of the settings does not run. Raises ClientError.
    """
    if url:
        return call_daemon(call(find_daemon(settings, url)))
    if not (settings.http.token and settings.http.enabled and settings.http.port):
        return None
    try:
        return asyncio.run(call(find_daemon(settings, None)))
    except UnreachableError:
        return None


async def _post(client: Client, wanted: Silence) -> SilenceModel:
    async with client:
        try:
            city_id = (await client.get_city(wanted.city)).id if wanted.city else None
        except CityNotFoundError as error:
            raise ArgumentError(str(error)) from None
        until = format_rfc3339(datetime.fromtimestamp(wanted.ends, UTC))
        return await client.add_silence(until, wanted.rule, city_id, dict(wanted.tags), wanted.comment)


def _write(config: Path | None, wanted: Silence) -> SilenceModel:
    """Add a silence to the journal file. Raises ArgumentError if it would have no effect."""
    from weatherd.alerts.rules_file import load_rules

    configuration = load_user_configuration(config)
    if configuration.alerts_path is None:
        raise ArgumentError("there are no alert rules: name a file with the setting alerts in weatherd.yaml")
    city = require_listed_city(configuration.cities, wanted.city).id if wanted.city else None
    silence = wanted._replace(city=city, begins=datetime.now(UTC).timestamp())
    if problem := find_silence_problem(silence, load_rules(configuration.alerts_path), configuration.cities):
        raise ArgumentError(problem)
    with open_silences(find_journal(configuration)) as silences:
        return serialize_silence(silence._replace(id=silences.add(silence)))
