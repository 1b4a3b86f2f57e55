"""Plug-ins are opened and closed as their context managers expect, and their errors stop nobody else."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from tests.support.fakes import FakeSink
from weatherd.config.settings import Settings
from weatherd.daemon.wiring import open_sinks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

SEEN: list[str] = []


@contextlib.asynccontextmanager
async def open_attentive(_: Settings) -> AsyncIterator[FakeSink]:
    """Open a sink that records how its life ended."""
    try:
        yield FakeSink()
    except BaseException as error:
        SEEN.append(repr(error))
        raise
    else:
        SEEN.append("closed")


@contextlib.asynccontextmanager
async def open_forgiving(_: Settings) -> AsyncIterator[FakeSink]:
    """Open a sink that would suppress every error."""
    with contextlib.suppress(BaseException):
        yield FakeSink()


@contextlib.asynccontextmanager
async def open_breaking(_: Settings) -> AsyncIterator[FakeSink]:
    """Open a sink that fails when it is closed."""
    yield FakeSink()
    raise SystemExit(3)


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Install a package with the three sinks; the attentive one is closed last."""
    SEEN.clear()
    metadata = tmp_path / "sinks-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: sinks\nVersion: 1.0\n")
    lines = [f"{name} = {__name__}:open_{name}" for name in ("attentive", "forgiving", "breaking")]
    (metadata / "entry_points.txt").write_text("\n".join(["[weatherd.sinks]", *lines]))
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("installed")
async def test_a_plug_in_learns_that_the_daemon_failed() -> None:
    """The error that ends the daemon reaches each plug-in's context manager, and none of them can suppress it."""
    with capture_logs() as logs, pytest.raises(ZeroDivisionError):
        async with open_sinks(Settings(log={"observations": False})):
            raise ZeroDivisionError("a bug")
    assert SEEN == ["ZeroDivisionError('a bug')"]
    assert not logs


@pytest.mark.usefixtures("installed")
async def test_a_plug_in_that_breaks_while_it_is_closed_stops_nobody() -> None:
    """Whatever it raises is logged; the others are closed, and not told of it."""
    with capture_logs() as logs:
        async with open_sinks(Settings(log={"observations": False})) as sinks:
            assert sinks.keys() >= {"attentive", "forgiving", "breaking"}
    assert SEEN == ["closed"]
    facts: list[Any] = [(event["event"], event["plugin"]) for event in logs]
    assert facts == [("plugin.broken", "breaking")]
