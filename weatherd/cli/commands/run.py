"""``weatherd run``: run the daemon."""
# ruff: noqa: D301 - \b before the examples preserves their line breaks

from __future__ import annotations

from typing import Annotated

import typer

from weatherd.cli.options import ConfigFile


def run(
    config: ConfigFile = None,
    demo: Annotated[bool, typer.Option("--demo", help="Use simulated weather for three cities, every 5 s.")] = False,  # noqa: FBT002
) -> None:
    """Run the daemon until Ctrl-C or SIGTERM.

    The daemon reloads the configuration on SIGHUP and when one of its files is edited.

    \b
    Examples:
      weatherd run --demo
      weatherd run --config /etc/weatherd/weatherd.yaml 2>>weatherd.log
    """
    from weatherd.cli.daemon_start import start_daemon

    start_daemon(config, demo=demo)
