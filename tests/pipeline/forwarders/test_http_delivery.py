"""The meaning of a response's status for a batch."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from weatherd.errors import DeliveryError, RejectedError
from weatherd.http.session import open_session
from weatherd.pipeline.forwarders.http_delivery import post_body
from weatherd.text.redaction import Redaction

pytestmark = pytest.mark.real_time


async def deliver(status: int) -> Exception | None:
    """Return the error of a delivery to a server that responds with a status, or None."""

    async def respond(_: web.Request) -> web.Response:
        return web.Response(status=status, text="no")

    app = web.Application()
    app.router.add_post("/", respond)
    async with TestServer(app, host="127.0.0.1") as server, open_session("weatherd/test") as session:
        try:
            await post_body(
                session, str(server.make_url("/")), b"{}", {}, lambda: datetime.now(UTC), redact=Redaction([])
            )
        except (DeliveryError, RejectedError) as error:
            return error
        return None


@pytest.mark.parametrize(
    ("status", "is_rejected", "is_suspected"),
    [
        (400, True, False),
        (413, True, False),
        (422, True, False),
        (500, False, True),
        (501, False, True),
        (502, False, True),
        (403, False, True),  # a firewall that dislikes a text, or a wrong key
        (404, False, True),
        (429, False, False),
        (503, False, False),
    ],
)
async def test_the_status_says_what_failed(status: int, is_rejected: bool, is_suspected: bool) -> None:  # noqa: FBT001 - a table
    """A rejected body is not sent again; a body that may be the cause of an error is examined if the error lasts."""
    error = await deliver(status)
    assert isinstance(error, RejectedError if is_rejected else DeliveryError)
    assert getattr(error, "batch_suspected", False) == is_suspected


async def test_success_is_any_status_from_200_to_299() -> None:
    """A receiver may respond with 200, 202 or 204."""
    assert [await deliver(status) for status in (200, 202, 204)] == [None] * 3


async def test_a_server_that_cannot_be_reached_is_no_suspicion() -> None:
    """An outage of the connection says nothing about the batch, which keeps its key."""
    async with open_session("weatherd/test") as session:
        with pytest.raises(DeliveryError) as caught:
            await post_body(session, "http://127.0.0.1:9/", b"{}", {}, lambda: datetime.now(UTC), redact=Redaction([]))
    assert not caught.value.batch_suspected
