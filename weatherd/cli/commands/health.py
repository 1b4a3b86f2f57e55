"""``weatherd health``: whether the daemon is well, for whoever restarts it when it is not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from weatherd.cli.client import UnansweredError, ask, daemon_whatever
from weatherd.cli.exit_codes import OK, UNCLEAN

if TYPE_CHECKING:
    from pathlib import Path


def health(config: Path | None, url: str | None) -> int:
    """Print whether it is, and return 0 or 1."""
    try:
        (said,) = ask(daemon_whatever(config, url), "/-/healthy")
    except UnansweredError as error:
        typer.echo(f"weatherd: {error}", err=True)
        return UNCLEAN
    typer.echo("healthy" if said["ok"] else f"not healthy: {'; '.join(said['faults'])}")
    return OK if said["ok"] else UNCLEAN
