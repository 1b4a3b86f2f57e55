"""An event loop whose time jumps to the next timer when all tasks wait: a virtual day takes seconds, and is exact."""

from __future__ import annotations

import asyncio
import contextlib
import selectors
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from weatherd.worker_thread import WorkerThread

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from concurrent.futures import Executor

_T = TypeVar("_T")
SETTLE = 0.001  # real seconds for local sockets, if there are any, to become ready before time jumps
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class _JumpingSelector(selectors.DefaultSelector):
    """A selector that advances its own clock instead of sleeping."""

    now = 0.0
    in_threads = 0

    def __init__(self, settle: float) -> None:
        super().__init__()
        self._settle = settle

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if self.in_threads:  # because a thread is working, which takes real time
            return super().select(SETTLE)
        if timeout is None or timeout <= 0:
            return super().select(timeout)
        ready = super().select(self._settle if len(self.get_map()) > 1 else 0)  # another socket than the loop's own
        if not ready:
            self.now += timeout
        return ready


class VirtualTimeLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock starts at zero and jumps to the next timer when all tasks wait."""

    def __init__(self, settle: float = SETTLE) -> None:
        self._clock = _JumpingSelector(settle)
        super().__init__(self._clock)
        self.suspended = 0.0  # seconds; the loop's clock excludes them, the boot clock and the wall clock include them
        self.stepped = 0.0  # seconds by which the wall clock was set
        self._clock_resolution = 1e-6  # beyond half a year a float has no room for the one of the real clock

    def time(self) -> float:
        """Return the virtual seconds since the loop was made."""
        return self._clock.now

    def run_in_executor(  # type: ignore[override]
        self, executor: Executor | None, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        """Run *func* in a thread; virtual time stops until it is done."""
        self._clock.in_threads += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._thread_done)
        return future

    async def shutdown_default_executor(self, timeout: float | None = None) -> None:  # noqa: ARG002, ASYNC109 - the signature is asyncio's
        """Wait for the threads, in real time."""
        self._clock.in_threads += 1
        await super().shutdown_default_executor()

    @contextlib.contextmanager
    def stop_time(self) -> Iterator[None]:
        """Stop virtual time while a thread works."""
        self._clock.in_threads += 1
        try:
            yield
        finally:
            self._clock.in_threads -= 1

    def _thread_done(self, _: object) -> None:
        self._clock.in_threads -= 1


async def _run_in_thread(worker: WorkerThread, call: Callable[[], _T]) -> _T:
    loop = asyncio.get_running_loop()
    with loop.stop_time() if isinstance(loop, VirtualTimeLoop) else contextlib.nullcontext():
        return await _run(worker, call)


_run = WorkerThread.run
WorkerThread.run = _run_in_thread  # type: ignore[assignment, method-assign]  # as run_in_executor() above


def run(coroutine: Coroutine[Any, Any, Any], *, settle: float = 0.0) -> Any:
    """Run a coroutine on a fresh virtual loop; a task left behind is an error.

    *settle* is the real seconds to wait for sockets; without them 0 is a hundred times faster.
    """
    with asyncio.Runner(loop_factory=lambda: VirtualTimeLoop(settle)) as runner:
        result = runner.run(coroutine)
        assert not asyncio.all_tasks(runner.get_loop())
        return result


def now() -> datetime:
    """Return the wall-clock time of the running loop: EPOCH plus its time, suspends and steps."""
    return EPOCH + timedelta(seconds=boot() + getattr(asyncio.get_running_loop(), "stepped", 0.0))


def boot() -> float:
    """Return the boot clock of the running loop: its time plus the suspends."""
    loop = asyncio.get_running_loop()
    return loop.time() + getattr(loop, "suspended", 0.0)


def suspend(seconds: float) -> None:
    """Suspend the machine: the wall clock and the boot clock advance, the loop's clock and timers stand still."""
    _virtual_loop().suspended += seconds


def step(seconds: float) -> None:
    """Set the wall clock forward, or back if negative."""
    _virtual_loop().stepped += seconds


def _virtual_loop() -> VirtualTimeLoop:
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualTimeLoop)
    return loop
