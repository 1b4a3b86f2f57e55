"""Other people's code, held to the rules: what comes out of it is an Exception, or a cancellation of ours."""

from __future__ import annotations

import asyncio


class contained:  # noqa: N801 - it is used as contextlib's are; a generator would cost each poll twice as much
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


def words(error: BaseException) -> str:
    """Say what *error* says; its type if it says nothing, or cannot even do that."""
    try:
        text = (error.strerror if isinstance(error, OSError) else None) or str(error)
    except Exception:  # noqa: BLE001 - also this is other people's code
        text = ""
    return text or type(error).__name__
