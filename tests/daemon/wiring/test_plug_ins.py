"""Plug-ins are opened with their settings and closed as context managers; their errors do not affect others."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel
from structlog.testing import capture_logs

from tests.support import virtual_time
from tests.support.fakes import FakeProvider, FakeSink
from weatherd.config.loader import parse_settings
from weatherd.config.settings import Settings
from weatherd.daemon.wiring import open_providers, open_sinks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from weatherd.providers import Resources


SEEN: list[str] = []


@pytest.fixture(autouse=True)
def forget_seen() -> None:
    """Forget what the plug-ins of an earlier test saw."""
    SEEN.clear()


@contextlib.asynccontextmanager
async def open_attentive(_: Settings) -> AsyncIterator[FakeSink]:
    """Open a sink that records how its context ended."""
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


async def test_plug_ins_receive_the_error_that_ends_the_daemon(install: Callable[..., None]) -> None:
    """It is passed to each plug-in's context manager, and none of them can suppress it."""
    install("sinks", "attentive", "forgiving", "breaking")
    with capture_logs() as logs, pytest.raises(ZeroDivisionError):
        async with open_sinks(Settings(log={"observations": False})):
            raise ZeroDivisionError("a bug")
    assert SEEN == ["ZeroDivisionError('a bug')"]
    assert not logs


async def test_an_error_while_closing_a_plug_in_is_contained(install: Callable[..., None]) -> None:
    """It is logged; the other plug-ins are closed and do not receive it."""
    install("sinks", "attentive", "forgiving", "breaking")
    with capture_logs() as logs:
        async with open_sinks(Settings(log={"observations": False})) as sinks:
            assert sinks.keys() >= {"attentive", "forgiving", "breaking"}
    assert SEEN == ["closed"]
    facts: list[Any] = [(event["event"], event["plugin"]) for event in logs]
    assert facts == [("plugin.broken", "breaking")]


class Account(BaseModel):
    """The settings of one sink."""

    token: str
    level: int = 1


class Station(BaseModel):
    """The settings of another sink; none is required."""

    station: int = 12


@contextlib.asynccontextmanager
async def open_demanding(settings: Settings) -> AsyncIterator[FakeSink]:
    """Open a sink that requires a token."""
    SEEN.append(f"demanding {settings.plugins['demanding'].token}")
    yield FakeSink()


@contextlib.asynccontextmanager
async def open_modest(settings: Settings) -> AsyncIterator[FakeSink]:
    """Open a sink whose settings have defaults."""
    SEEN.append(f"modest {settings.plugins['modest'].station}")
    yield FakeSink()


@contextlib.asynccontextmanager
async def open_strict(settings: Settings, _: Resources) -> AsyncIterator[FakeProvider]:
    """Open a provider that requires a token."""
    SEEN.append(f"strict {settings.plugins['strict'].token}")
    yield FakeProvider()


open_demanding.settings_model = Account  # type: ignore[attr-defined]
open_modest.settings_model = Station  # type: ignore[attr-defined]
open_strict.settings_model = Account  # type: ignore[attr-defined]


async def test_a_plug_in_gets_its_own_settings(install: Callable[..., None]) -> None:
    """They are validated and have defaults; a sink without a required key is disabled."""
    install("sinks", "demanding", "modest")
    quiet = Settings(log={"observations": False})
    async with open_sinks(quiet) as sinks:
        assert sinks.keys() & {"demanding", "modest"} == {"modest"}
    assert SEEN == ["modest 12"]
    configured = parse_settings("plugins: {demanding: {token: t}, modest: {station: 5}}", "f.yaml", {})
    async with open_sinks(configured) as sinks:
        assert sinks.keys() >= {"demanding", "modest"}
    assert SEEN[1:] == ["demanding t", "modest 5"]


async def test_a_provider_that_lacks_a_required_setting_is_rejected(install: Callable[..., None]) -> None:
    """The problem names the key, and affects only cities that use the provider."""
    install("providers", "strict")
    async with open_providers(Settings(), virtual_time.now, boot=virtual_time.boot) as providers:
        assert (
            str(providers.rejected["strict"])
            == "the plug-in 'strict' needs settings: 'plugins.strict.token' is missing"
        )
    settings = parse_settings("plugins: {strict: {token: t}}", "f", {})
    async with open_providers(settings, virtual_time.now, boot=virtual_time.boot) as providers:
        assert "strict" in providers.usable
    assert SEEN == ["strict t"]
