"""A daemon's health check behind TLS, with a certificate that a private CA has signed."""

from __future__ import annotations

import contextlib
import ssl
from typing import TYPE_CHECKING

import trustme
from aiohttp import web
from aiohttp.test_utils import TestServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@contextlib.asynccontextmanager
async def serve_healthy_daemon(ca_file: Path) -> AsyncIterator[str]:
    """Write the CA's certificate to *ca_file*, serve ``/-/healthy``, and yield the URL."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.cert_pem.write_to_path(str(ca_file))

    async def respond(_: web.Request) -> web.Response:
        return web.json_response({"ok": True, "faults": []})

    app = web.Application()
    app.router.add_get("/-/healthy", respond)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server(ssl=context)
    async with server:
        yield str(server.make_url("/"))
