"""Loading of the configuration with a snapshot of its files, as the daemon holds it."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NamedTuple

from weatherd import plugins
from weatherd.config.lists.known_rows import NO_ROWS, KnownRows
from weatherd.config.lists.packed_cities import PackedCities
from weatherd.daemon.loading.file_watch import take_snapshot

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from weatherd.config.configuration import Configuration
    from weatherd.config.settings import Settings
    from weatherd.daemon.loading.file_watch import Snapshot

_MAX_SMALL_LIST = 100_000  # bytes, some 1,500 cities


class Loaded(NamedTuple):
    """The configuration, and a snapshot of its files that was taken before they were read."""

    configuration: Configuration
    snapshot: Snapshot


def load_with_snapshot(
    file: Path, environ: Mapping[str, str], providers: Collection[str], reuse: KnownRows = NO_ROWS, **flags: Any
) -> Loaded:
    """Load the configuration. Unchanged rows are taken from *reuse*.

    The state of each file is taken before the file is read, so that an edit in between is detected later.
    Raises ConfigError as :func:`weatherd.config.loader.load_configuration` does.
    """
    from weatherd.config.loader import load_settings  # noqa: PLC0415 - it takes memory

    first = take_snapshot([file])
    settings = load_settings(file, environ, providers, **flags)
    return _load_cities(file, settings, providers, reuse, first)


def load_small(config: Path | None) -> Loaded | None:
    """Load the configuration of ``--config``, to be sent to the daemon. Raises ConfigError.

    Returns None if the daemon has to load it. With plug-ins, whose models it needs. And with a long list, which would
    be in memory twice, as cities and as bytes, and whose unchanged rows only the daemon knows. In a cluster, where it
    polls a part of the list, a long list is packed.
    """
    from weatherd.config import loader  # noqa: PLC0415 - it takes memory

    if plugins.find_installed():
        return None
    file, providers = loader.find_settings_file(config, os.environ), list(plugins.find_plugins("providers"))
    first = take_snapshot([file])
    settings = loader.load_settings(file, os.environ, providers)
    size = sum(state.size for state in take_snapshot(loader.find_list_paths(file, settings)))
    if size > _MAX_SMALL_LIST and settings.cluster is None:
        return None
    loaded = _load_cities(file, settings, providers, NO_ROWS, first)
    make_portable = _make_portable if size <= _MAX_SMALL_LIST else _pack
    return loaded._replace(configuration=make_portable(loaded.configuration))


def _load_cities(
    file: Path, settings: Settings, providers: Collection[str], reuse: KnownRows, first: Snapshot
) -> Loaded:
    from weatherd.config.loader import find_list_paths, with_city_list  # noqa: PLC0415 - it takes memory
    from weatherd.config.settings import make_plain  # noqa: PLC0415

    list_paths = find_list_paths(file, settings)
    snapshot = take_snapshot([*list_paths, *([file.parent / settings.alerts] if settings.alerts else [])])
    configuration = with_city_list(file, settings, list_paths, providers, reuse)
    return Loaded(replace(configuration, settings=make_plain(settings)), first + snapshot)


def _make_portable(configuration: Configuration) -> Configuration:
    """Return the configuration without the keys of its rows, which only have a meaning in this process."""
    positions = {city.id: configuration.locate(city.id) for city in configuration.cities if configuration.locate}
    return replace(configuration, locate=positions.__getitem__, rows=NO_ROWS)


def _pack(configuration: Configuration) -> Configuration:
    """Return the configuration with a packed list, and without the positions of its rows, which take as much memory."""
    return replace(configuration, cities=PackedCities(configuration.cities), locate=None, rows=NO_ROWS)
