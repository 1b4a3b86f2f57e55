"""Discovery of providers, sinks and forwarders by entry points. The built-in ones are registered in the same way."""

from __future__ import annotations

import asyncio
import reprlib
import shlex
import sys
from importlib.metadata import EntryPoint, entry_points, requires
from typing import Any

from weatherd.errors import describe

_GROUPS = ("providers", "sinks", "forwarders")


def find_plugins(group: str) -> dict[str, EntryPoint]:
    """Return the entry points of ``weatherd.<group>`` by name, without importing them."""
    return {point.name: point for point in entry_points(group=f"weatherd.{group}")}


def is_built_in(point: EntryPoint) -> bool:
    """Return whether a plug-in is a part of weatherd."""
    return point.module.startswith("weatherd.")


def find_installed() -> list[EntryPoint]:
    """Return the entry points of the plug-ins that are not built in."""
    points = (point for group in _GROUPS for point in find_plugins(group).values())
    return [point for point in points if not is_built_in(point)]


def explain_missing_library(extra: str) -> str:
    """Return a message with the command that installs the libraries of an optional *extra* of weatherd.

    It names the interpreter and the library, not ``weatherd[extra]``, because pip does not know where weatherd is from:
    a checkout, a wheel or an index. Example: ``needs asyncpg: /opt/venv/bin/python -m pip install 'asyncpg>=0.30'``.
    """
    requirements = [text.partition(";") for text in requires("weatherd") or ()]
    libraries = [text.strip() for text, _, marker in requirements if f"extra == {extra!r}" in marker.replace('"', "'")]
    command = shlex.join([sys.executable, "-m", "pip", "install", *libraries])
    return f"needs {' and '.join(library.partition('>')[0] for library in libraries)}: {command}"


def find_attribute(opener: Any, name: str) -> Any:
    """Return an attribute of a plug-in's opening function, or else of the module that defines it; None if unset."""
    own = getattr(opener, name, None)
    return getattr(sys.modules.get(getattr(opener, "__module__", "")), name, None) if own is None else own


def quote_value(value: Any) -> str:
    """Return a short text for a wrong value of a plug-in's attribute: ``5``, or ``dict`` for that class."""
    return value.__name__ if isinstance(value, type) else reprlib.repr(value)


def explain_plugin_error(point: EntryPoint, error: Exception) -> str:
    """Return the module of a plug-in, and the type and the message of its error: ``my_module: ValueError: boom``."""
    message, kind = describe(error), type(error).__name__
    return f"{point.module}: {message if message == kind else f'{kind}: {message}'}"


class contain:  # noqa: N801 - used like a function of contextlib; @contextmanager would double its cost, and each poll uses it
    """Context manager that converts exceptions which could end the daemon into RuntimeError, for calls of plug-ins.

    They are SystemExit, KeyboardInterrupt, and a CancelledError in a task that was not cancelled, which would end the
    task silently. A real cancellation is passed on.
    """

    __slots__ = ()

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: object) -> None:
        """Convert the exception if it is not an Exception."""
        match error:
            case None | Exception() | GeneratorExit():
                return
            case asyncio.CancelledError():
                task = asyncio.current_task()
                if not (task and task.cancelling()):
                    raise RuntimeError("the plug-in raised CancelledError") from error
            case _:
                text = f": {message}" if (message := describe(error)) != (kind := type(error).__name__) else ""
                raise RuntimeError(f"the plug-in raised {kind}{text}") from error
