"""A plug-in with a wrong attribute is logged once and not used; the others are opened."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest
from pydantic import BaseModel
from structlog.testing import capture_logs

from tests.support import virtual_time
from tests.support.fakes import FakeProvider
from weatherd.config.loader import parse_settings
from weatherd.config.settings import Settings
from weatherd.daemon.wiring import open_forwarders, open_providers, open_sinks
from weatherd.freshness import BUILT_IN_BUDGETS
from weatherd.journal.provider_state import in_memory_state

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Mapping

    from weatherd.pipeline.forwarders import ForwarderResources
    from weatherd.providers import Resources


@contextlib.asynccontextmanager
async def open_plain(_: Settings, __: Resources) -> AsyncIterator[FakeProvider]:
    """Open a provider that is not broken."""
    yield FakeProvider()


@dataclass(frozen=True)
class SizedForwarder:
    """A forwarder that only has a batch size."""

    batch_size: Any

    def connect(self) -> Any:
        """Connect to nothing."""


def open_sized(settings: Settings, _: ForwarderResources) -> Any:
    """Open a forwarder whose batch size is configured."""
    return SizedForwarder(settings.plugins["sized"].size)


class Size(BaseModel):
    """The settings of this forwarder."""

    size: Any


open_sized.settings_model = Size  # type: ignore[attr-defined]


@pytest.mark.parametrize(("size", "works"), [(1, True), (0, False), (-5, False), (2.5, False), ("many", False)])
async def test_a_forwarder_without_a_batch_size_is_broken(
    install: Callable[..., None], size: Any, *, works: bool
) -> None:
    """With a batch size of 0 it would skip every observation; the log has the rule, and the daemon runs without it."""
    install("forwarders", "sized")
    settings = parse_settings(f"plugins: {{sized: {{size: {size}}}}}", "f.yaml", {})
    state = in_memory_state(virtual_time.now)
    with capture_logs() as logs:
        async with open_forwarders(settings, state, lambda: (), BUILT_IN_BUDGETS) as forwarders:
            assert ("sized" in forwarders) is works
    if not works:
        assert [(event["event"], event["plugin"]) for event in logs] == [("plugin.broken", "sized")]
        expected = f"the forwarder's batch_size has to be an integer above 0, not {size!r}"
        assert [str(event["exc_info"]) for event in logs] == [expected]


@pytest.mark.parametrize(
    ("attribute", "value", "text"),
    [
        ("provider_traits", "5", "is 5, not a ProviderTraits or a function that returns one"),
        ("provider_traits", "{}", "is {}, not a ProviderTraits or a function that returns one"),
        ("provider_traits", "lambda _: 'x'", "returned 'x', not a ProviderTraits or a function that returns one"),
        ("settings_model", "5", "is 5, not a pydantic model class"),
        ("city_model", "dict", "is dict, not a pydantic model class"),
    ],
)
async def test_a_plug_in_with_a_wrong_attribute_is_broken(
    install: Callable[..., None], attribute: str, value: str, text: str
) -> None:
    """A wrong value of a documented attribute is logged once and makes this provider unusable; others are usable."""
    install("providers", "plain", wrong=f"{attribute} = {value}")
    with capture_logs() as logs:
        async with open_providers(Settings(), virtual_time.now, boot=virtual_time.boot) as providers:
            message = providers.rejected["wrong"].message
            assert (
                message
                == f"the provider 'wrong' cannot be opened: wrong_plugin: TypeError: the plug-in's {attribute} {text}"
            )
            assert "plain" in providers.usable
    assert [(event["event"], event["plugin"]) for event in logs] == [("plugin.broken", "wrong")]


@pytest.mark.parametrize("group", ["sinks", "forwarders"])
@pytest.mark.parametrize(("attribute", "value"), [("settings_model", "5"), ("city_model", "dict")])
async def test_a_sink_or_forwarder_with_a_wrong_attribute_is_broken(
    install: Callable[..., None], group: str, attribute: str, value: str
) -> None:
    """It is logged once with the same text as a provider's, and not used; the others are opened."""
    install(group, wrong=f"{attribute} = {value}")
    state, settings = in_memory_state(virtual_time.now), parse_settings("log: {observations: false}", "f.yaml", {})
    opened: contextlib.AbstractAsyncContextManager[Mapping[str, object]] = (
        open_sinks(settings) if group == "sinks" else open_forwarders(settings, state, lambda: (), BUILT_IN_BUDGETS)
    )
    with capture_logs() as logs:
        async with opened as usable:
            assert "wrong" not in usable
            assert ("console" in usable) is (group == "sinks")
    text = f"the plug-in's {attribute} is {value}, not a pydantic model class"
    assert [(event["event"], event["plugin"], str(event["exc_info"])) for event in logs] == [
        ("plugin.broken", "wrong", text)
    ]
