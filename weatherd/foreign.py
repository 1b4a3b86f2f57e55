"""Other people's code, held to the rules: what comes out of it is an Exception, or a cancellation of ours."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextlib.contextmanager
def contained() -> Iterator[None]:
    """Turn whatever else is raised inside the ``with`` into a RuntimeError: SystemExit, say, or a stray cancellation.

    A cancellation that nobody asked of this task is an error of the code inside: it would end the task in silence.
    """
    try:
        yield
    except asyncio.CancelledError as error:
        task = asyncio.current_task()
        if task and task.cancelling():
            raise
        raise RuntimeError("it was cancelled by itself") from error  # noqa: ASYNC104 - nobody asked for it
    except (Exception, GeneratorExit):
        raise
    except BaseException as error:
        raise RuntimeError(f"it raised {type(error).__name__}") from error


def words(error: BaseException) -> str:
    """Say what *error* says; its type if it says nothing, or cannot even do that."""
    try:
        text = (error.strerror if isinstance(error, OSError) else None) or str(error)
    except Exception:  # noqa: BLE001 - also this is other people's code
        text = ""
    return text or type(error).__name__
