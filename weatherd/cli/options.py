"""What every command that needs the configuration begins with."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from weatherd.config.loader import Configuration

PLAIN: dict[str, Any] = {"rich_markup_mode": None, "pretty_exceptions_enable": False}  # for every typer.Typer

Config = Annotated[
    Path | None,
    typer.Option("--config", "-c", metavar="FILE", help="The settings file; searched for when not given."),
]
Against = Annotated[
    Path | None,
    typer.Option("--against", metavar="LIST", help="Show what this list would change, in place of the present one."),
]


def load(config: Path | None) -> Configuration:
    """Return the configuration, with the log set up to keep its secrets. Raises ConfigError."""
    from weatherd import log, plugins  # noqa: PLC0415 - --help does not need them
    from weatherd.config import loader  # noqa: PLC0415
    from weatherd.config.settings import collect_secrets  # noqa: PLC0415

    loaded = loader.load_configuration(
        loader.find_settings_file(config, os.environ), os.environ, list(plugins.find_plugins("providers"))
    )
    log.configure("error", secrets=collect_secrets(loaded.settings))
    return loaded


def warn_of_rows_set_aside(configuration: Configuration) -> None:
    """Name every row that is set aside, with its mistakes, on standard error."""
    for problems in configuration.quarantined:
        for problem in problems:
            typer.echo(f"set aside: {problem}", err=True)
