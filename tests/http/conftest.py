"""Every property of a GET request holds for both clients: the general one, and the one for polls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.http.clients import Polls
from weatherd.http import client

if TYPE_CHECKING:
    from tests.http.clients import Get


@pytest.fixture(params=["client", "link"])
def get(request: pytest.FixtureRequest) -> Get:
    """Return the function of one of the two clients."""
    return client.get if request.param == "client" else Polls().get
