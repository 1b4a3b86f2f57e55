"""Virtual time for every test, unless it is marked ``real_time``."""

from __future__ import annotations

import asyncio
import gc
import logging
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import structlog
from hypothesis import settings

from tests.support.virtual_time import VirtualTimeLoop

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

settings.register_profile("weatherd", deadline=None, derandomize=True, max_examples=50)
settings.load_profile("weatherd")


def pytest_asyncio_loop_factories(
    config: pytest.Config,  # noqa: ARG001 - the hook's signature
    item: pytest.Item,
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Choose the loop that a coroutine test runs on."""
    if item.get_closest_marker("real_time"):
        return {"real": asyncio.new_event_loop}
    return {"virtual": VirtualTimeLoop}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the tests that take long, so that none of them runs last and alone; the order is random otherwise."""
    items.sort(key=lambda item: not (item.get_closest_marker("once") or item.get_closest_marker("processes")))


def pytest_collection_finish() -> None:
    """Hide the thousands of collected tests from the garbage collector: a full collection takes 2 ms, not 100."""
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def _log_as_before() -> Iterator[None]:
    """Undo what a test does to the log of the whole process."""
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    handlers, level = logging.root.handlers[:], logging.root.level
    yield
    structlog.reset_defaults()
    logging.captureWarnings(capture=False)
    logging.root.handlers[:], logging.root.level = handlers, level
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks


@pytest.fixture(scope="session")
def recorded() -> Path:
    """Return the folder of recorded responses; where it is missing, what needs it is skipped."""
    folder = Path(__file__).parents[2] / "shared" / "recorded"
    if not folder.is_dir():
        pytest.skip("the folder of recorded responses is not here")
    return folder
