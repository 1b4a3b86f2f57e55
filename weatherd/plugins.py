"""Providers, sinks and forwarders, found by entry points; the built-in ones come by the same door."""

from __future__ import annotations

import asyncio
from importlib.metadata import EntryPoint, entry_points


def find_plugins(group: str) -> dict[str, EntryPoint]:
    """Return the entry points of ``weatherd.<group>`` by their names; nothing is imported yet."""
    return {point.name: point for point in entry_points(group=f"weatherd.{group}")}


class contain:  # noqa: N801 - it is used as contextlib's are; a generator would cost each poll twice as much
    """Turn whatever else is raised inside the ``with`` into a RuntimeError: SystemExit, say, or a stray cancellation.

    A cancellation that nobody asked of this task is an error of the code inside: it would end the task in silence.
    """

    __slots__ = ()

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, _: type[BaseException] | None, error: BaseException | None, __: object) -> None:
        """Translate what was raised."""
        match error:
            case None | Exception() | GeneratorExit():
                return
            case asyncio.CancelledError():
                task = asyncio.current_task()
                if not (task and task.cancelling()):
                    raise RuntimeError("it was cancelled by itself") from error
            case _:
                raise RuntimeError(f"it raised {type(error).__name__}") from error
