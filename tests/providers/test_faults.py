"""Faults of a server: providers raise ProviderError, and never reveal their key."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import traceback
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from tests.support.fakes import BERLIN, KIEL, resources
from weatherd.config.settings import Settings
from weatherd.errors import ConfigError, Failure, Problem, ProviderError
from weatherd.http.connections import ClientTls
from weatherd.http.connector import CheckedConnector
from weatherd.http.links.link_connector import LinkConnector
from weatherd.http.session import Session, open_session
from weatherd.providers.bright_sky import client as bright_sky
from weatherd.providers.metar import client as metar
from weatherd.providers.nws import client as nws
from weatherd.providers.open_meteo import client as open_meteo
from weatherd.providers.openweathermap import client as openweathermap

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from weatherd.providers import Provider

    Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

KEY = "0123456789abcdef"
SERVICES: dict[str, Callable[..., contextlib.AbstractAsyncContextManager[Provider]]] = {
    "open_meteo": open_meteo.open_provider,
    "openweathermap": openweathermap.open_provider,
}


@contextlib.asynccontextmanager
async def opened(service: str, base_url: str) -> AsyncIterator[Provider]:
    """Open a provider with a key, for a test server."""
    block: Any = {service: {"base_url": base_url, "api_key": KEY}}
    async with (
        open_session("weatherd/test") as session,
        SERVICES[service](Settings(**block), resources(session)) as provider,
    ):
        yield provider


async def echo(request: web.Request) -> web.Response:
    """Quote the URL in the reason."""
    return web.json_response(
        {"cod": 400, "message": str(request.url), "error": True, "reason": str(request.url)}, status=400
    )


async def echo_under_200(request: web.Request) -> web.Response:
    """Quote the URL in the reason of an error under status 200."""
    return web.json_response({"cod": 401, "message": str(request.url), "error": True, "reason": str(request.url)})


async def echo_a_value(request: web.Request) -> web.Response:
    """Quote the URL in the place of numbers."""
    text = str(request.url)
    return web.json_response({"main": {"temp": text}, "dt": text, "current": {"time": text, "temperature_2m": text}})


async def echo_escaped(_: web.Request) -> web.Response:
    """Quote the key with every character escaped, at a place where the reason is shortened."""
    key = "".join(f"\\u{ord(character):04x}" for character in KEY)
    reason = f'"{"x" * 185} {key}"'
    body = f'{{"cod": 400, "message": {reason}, "error": true, "reason": {reason}}}'
    return web.Response(text=body, status=400, content_type="application/json")


async def respond_with_page(request: web.Request) -> web.Response:
    """Respond with an HTML page, as a proxy does."""
    return web.Response(text=f"<html>{request.url}</html>", content_type="text/html")


async def outage(request: web.Request) -> web.Response:
    """Respond with 503."""
    return web.Response(status=503, text=f"{request.url}")


async def redirect_in_circle(request: web.Request) -> web.Response:
    """Redirect to the same URL."""
    return web.Response(status=302, headers={"Location": str(request.url)})


async def redirect_nowhere(request: web.Request) -> web.Response:
    """Redirect to something that is not an HTTP URL and has the key in it."""
    return web.Response(status=302, headers={"Location": f"mailto:{request.url}"})


async def hang_up(request: web.Request) -> web.Response:
    """Close the connection."""
    assert request.transport
    request.transport.abort()
    return web.Response()


async def hang(_: web.Request) -> web.Response:
    """Do not respond for a day."""
    await asyncio.sleep(86400)
    return web.Response()


async def truncate(request: web.Request) -> web.StreamResponse:
    """Announce more bytes than are sent."""
    response = web.StreamResponse(headers={"Content-Length": "100"})
    await response.prepare(request)
    await response.write(b"{}")
    assert request.transport
    request.transport.close()
    return response


FAULTS: dict[Handler, Failure] = {
    echo: Failure.REJECTED,
    echo_escaped: Failure.REJECTED,
    echo_a_value: Failure.EMPTY,
    respond_with_page: Failure.MALFORMED,
    outage: Failure.UNAVAILABLE,
    redirect_in_circle: Failure.UNAVAILABLE,
    redirect_nowhere: Failure.UNAVAILABLE,
    hang_up: Failure.UNAVAILABLE,
    hang: Failure.BROKEN,
    truncate: Failure.BROKEN,
}


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize(("handler", "failure"), [*FAULTS.items(), (echo_under_200, None)])
async def test_a_fault_does_not_reveal_the_key(
    service: str, handler: Handler, failure: Failure | None, caplog: pytest.LogCaptureFixture
) -> None:
    """Every fault is a ProviderError of one line; the key is in no message, repr, traceback or log line."""
    caplog.set_level(logging.DEBUG)
    application = web.Application()
    application.router.add_get("/{path:.*}", handler)
    async with (
        TestServer(application) as server,
        opened(service, str(server.make_url(""))) as provider,
    ):
        errors = await asyncio.gather(provider.fetch(KIEL), provider.fetch(BERLIN), return_exceptions=True)
        assert asyncio.get_running_loop().time() < 61
        assert KEY not in repr(provider)
    for error in errors:
        assert isinstance(error, ProviderError)
        assert str(error).isprintable()
        assert failure in (error.failure, None)
        assert KEY[:5] not in "".join([str(error), repr(error), *traceback.format_exception(error)])
    messages = [
        record.getMessage() for record in caplog.records if record.name != "aiohttp.access"
    ]  # which is the server's
    assert KEY not in "".join(messages)


@pytest.mark.parametrize("service", SERVICES)
async def test_an_unavailable_service_costs_one_request_per_poll(service: str) -> None:
    """A 503 is raised for each city; there is no immediate retry."""
    requests = 0

    async def handler(_: web.Request) -> web.Response:
        nonlocal requests
        requests += 1
        return web.Response(status=503, headers={"Retry-After": "120"})

    application = web.Application()
    application.router.add_get("/{path:.*}", handler)
    async with TestServer(application) as server, opened(service, str(server.make_url(""))) as provider:
        with pytest.raises(ProviderError) as caught:
            await provider.fetch(KIEL)
    assert (requests, caught.value.retry_after) == (1, 120)


@pytest.mark.parametrize("service", SERVICES)
async def test_an_error_of_the_user_is_not_wrapped(service: str) -> None:
    """A provider does not wrap a ConfigError in a group, because the command line treats it differently from a bug."""

    async def user() -> None:
        async with opened(service, "http://127.0.0.1:1"):
            raise ConfigError(Problem("openweathermap.api_key", "is not set"))

    with pytest.raises(ConfigError, match="is not set"):
        await user()


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("after", [0, 0.01, 1, 10])
async def test_a_fetch_may_be_cancelled_at_any_moment(service: str, after: float) -> None:
    """A cancelled fetch ends at once; closing takes no time and leaves no task."""
    application = web.Application()
    application.router.add_get("/{path:.*}", hang)
    async with TestServer(application) as server:
        before = asyncio.all_tasks()
        async with opened(service, str(server.make_url(""))) as provider:
            task = asyncio.create_task(provider.fetch(KIEL))
            await asyncio.sleep(after)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert asyncio.get_running_loop().time() < after + 1
        assert {task for task in asyncio.all_tasks() - before if task.get_name() == "batch"} == set()


class NoNames(aiohttp.abc.AbstractResolver):
    """A resolver that fails for every name without sending anything."""

    async def resolve(self, *_: Any, **__: Any) -> list[aiohttp.abc.ResolveResult]:
        """Fail as the system's resolver does."""
        raise OSError(-2, "Name or service not known")

    async def close(self) -> None:
        """Do nothing."""


@pytest.mark.parametrize(
    ("service", "key", "host"),
    [
        ("open_meteo", None, "api.open-meteo.com"),
        ("open_meteo", KEY, "customer-api.open-meteo.com"),
        ("openweathermap", KEY, "api.openweathermap.org"),
    ],
)
async def test_the_public_service_is_the_default(service: str, key: str | None, host: str) -> None:
    """Open-Meteo has another host for customers; the error may name the host."""
    block: Any = {service: {"api_key": key}}
    resolver = NoNames()
    connector = LinkConnector(resolver, ClientTls())
    async with (
        aiohttp.ClientSession(connector=CheckedConnector(resolver=resolver)) as client,
        SERVICES[service](Settings(**block), resources(Session(lambda: client, {}, connector))) as provider,
    ):
        with pytest.raises(ProviderError) as caught:
            await provider.fetch(KIEL)
    assert str(caught.value) == f"the name {host} cannot be resolved"


@pytest.mark.parametrize("key", [None, KEY])
async def test_a_key_is_sent_if_there_is_one(key: str | None) -> None:
    """Open-Meteo gets a customer's key and never an empty one; without a key the reason is not redacted."""
    keys: list[str | None] = []

    async def handler(request: web.Request) -> web.Response:
        keys.append(request.query.get("apikey"))
        return web.json_response({"error": True, "reason": f"no key {KEY}"}, status=400)

    application = web.Application()
    application.router.add_get("/v1/forecast", handler)
    async with TestServer(application) as server, open_session("weatherd/test") as session:
        block: Any = {"open_meteo": {"base_url": str(server.make_url("")), "api_key": key}}
        async with open_meteo.open_provider(Settings(**block), resources(session)) as provider:
            with pytest.raises(ProviderError) as caught:
                await provider.fetch(KIEL)
    assert keys == [key]
    assert str(caught.value) == ("400: no key [redacted]" if key else f"400: no key {KEY}")


KEYLESS: dict[str, Callable[..., contextlib.AbstractAsyncContextManager[Provider]]] = {
    "bright_sky": bright_sky.open_provider,
    "metar": metar.open_provider,
    "nws": nws.open_provider,
}
KEYLESS_FAULTS = {handler: failure for handler, failure in FAULTS.items() if handler is not echo_a_value}


@pytest.mark.parametrize("service", KEYLESS)
@pytest.mark.parametrize(("handler", "failure"), KEYLESS_FAULTS.items())
async def test_a_fault_of_a_service_without_a_key(service: str, handler: Handler, failure: Failure) -> None:
    """Every fault is a ProviderError of one line for each city, within the deadline of a request."""
    application = web.Application()
    application.router.add_get("/{path:.*}", handler)
    async with TestServer(application) as server, open_session("weatherd/test") as session:
        block: Any = {service: {"base_url": str(server.make_url(""))}}
        async with KEYLESS[service](Settings(**block), resources(session)) as provider:
            errors = await asyncio.gather(provider.fetch(KIEL), provider.fetch(BERLIN), return_exceptions=True)
            assert asyncio.get_running_loop().time() < 62
    for error in errors:
        assert isinstance(error, ProviderError)
        assert str(error).isprintable()
        assert error.failure is failure


@pytest.mark.parametrize("service", KEYLESS)
@pytest.mark.parametrize("after", [0, 0.01, 1, 10])
async def test_a_fetch_without_a_key_may_be_cancelled_at_any_moment(service: str, after: float) -> None:
    """A cancelled fetch ends at once; closing takes no time."""
    application = web.Application()
    application.router.add_get("/{path:.*}", hang)
    async with TestServer(application) as server, open_session("weatherd/test") as session:
        block: Any = {service: {"base_url": str(server.make_url(""))}}
        async with KEYLESS[service](Settings(**block), resources(session)) as provider:
            task = asyncio.create_task(provider.fetch(KIEL))
            await asyncio.sleep(after)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        assert asyncio.get_running_loop().time() < after + 1
