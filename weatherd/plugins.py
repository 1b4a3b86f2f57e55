"""Providers, sinks and forwarders, found by entry points; the built-in ones are registered in the same way."""

from __future__ import annotations

import asyncio
from importlib.metadata import EntryPoint, entry_points


def find_plugins(group: str) -> dict[str, EntryPoint]:
    """Return the entry points of ``weatherd.<group>`` by name, without importing them."""
    return {point.name: point for point in entry_points(group=f"weatherd.{group}")}


class contain:  # noqa: N801 - used like a function of contextlib; @contextmanager would double the cost for each poll
    """Turn what is not an Exception into a RuntimeError, so that a plug-in cannot end the daemon.

    That is SystemExit, KeyboardInterrupt, and a CancelledError although the task was not cancelled: raised by the code
    inside the ``with``, it would end the task silently. A real cancellation passes.
    """

    __slots__ = ()

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: object) -> None:
        """Translate the exception."""
        match error:
            case None | Exception() | GeneratorExit():
                return
            case asyncio.CancelledError():
                task = asyncio.current_task()
                if not (task and task.cancelling()):
                    raise RuntimeError("it was cancelled by itself") from error
            case _:
                raise RuntimeError(f"it raised {type(error).__name__}") from error
