"""Commands that are imported when they are first used, so that a command does not load all the others."""

from __future__ import annotations

import importlib
import keyword
from collections import UserDict
from typing import Any

import typer
from typer.main import get_command

from weatherd.cli.options import TYPER_SETTINGS, Command

_PACKAGE = "weatherd.cli.commands"


class LazyCommands(UserDict[str, Any]):
    """Typer's commands by name. Before its first use, a command is the heading in the help and the name of its module.

    The module defines a function or a Typer with the name of the command, or with ``_`` after a word of Python.
    """

    def __getitem__(self, name: str) -> Any:
        """Return a command. Raises KeyError."""
        command = self.data[name]
        if isinstance(command, tuple):
            command = self.data[name] = _load_command(name, *command)
        return command


def _load_command(name: str, heading: str, module: str) -> Any:
    found = getattr(importlib.import_module(f"{_PACKAGE}.{module}"), f"{name}_" if keyword.iskeyword(name) else name)
    group = typer.Typer(**TYPER_SETTINGS, callback=lambda: None, add_completion=False)
    if isinstance(found, typer.Typer):
        group.add_typer(found, name=name, rich_help_panel=heading)
    else:
        group.command(name, cls=Command, rich_help_panel=heading)(found)
    built: Any = get_command(group)
    return built.commands[name]
