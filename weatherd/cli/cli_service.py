"""The command line of ``weatherd service``."""
# ruff: noqa: D301 - the mark backslash-b keeps the lines of the examples as they are

from __future__ import annotations

import typer

from weatherd.cli.options import PLAIN

service = typer.Typer(help="Run weatherd under systemd.", no_args_is_help=True, **PLAIN)


@service.command()
def install() -> int:
    """Write unit, settings folder and user for this installation; what is there already stays.

    \b
    Examples:
      sudo weatherd service install && sudo systemctl enable --now weatherd
    """
    from weatherd.cli.commands.service import install  # noqa: PLC0415

    return install()


@service.command()
def uninstall() -> int:
    """Stop the service and take the unit away; settings and observations stay.

    \b
    Examples:
      sudo weatherd service uninstall
    """
    from weatherd.cli.commands.service import uninstall  # noqa: PLC0415

    return uninstall()


@service.command(name="print")
def show() -> int:
    """Print the unit for this installation.

    \b
    Examples:
      weatherd service print > weatherd.service
    """
    from weatherd.cli.commands.service import show  # noqa: PLC0415

    return show()
