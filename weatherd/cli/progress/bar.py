"""A progress bar for long work, on a terminal only: pipes and files get nothing of it."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


@contextlib.contextmanager
def show_progress(label: str, total: int, delay: float = 0.7) -> Iterator[Callable[[int], None]]:
    """Show a bar on standard error if the ``with`` takes longer than *delay* seconds, and remove it at the end.

    Yields a function that takes how much of *total* is done. Nothing else may be printed on the terminal meanwhile.
    The bar is delayed because one that disappears at once is a flicker.
    """
    if not sys.stderr.isatty() or os.environ.get("TERM") == "dumb":
        yield _ignore
        return
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from weatherd.cli.screen import open_console

    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(compact=True)
    bar = Progress(*columns, console=open_console(stderr=True), transient=True, refresh_per_second=5)
    task, begin = bar.add_task(label, total=total), time.monotonic()

    def report(done: int) -> None:
        bar.update(task, completed=done, total=max(total, done))
        if not bar.live.is_started and time.monotonic() - begin > delay:
            bar.start()

    try:
        yield report
    finally:
        bar.stop()


def _ignore(_: int) -> None:
    """Ignore how much is done."""
