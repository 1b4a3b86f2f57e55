"""Servers behind TLS, with a certificate that a private CA has signed."""

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


def create_server_tls(ca_file: Path, host: str) -> ssl.SSLContext:
    """Write the certificate of a new CA to *ca_file*, and return the TLS context of a server of that name."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert(host).configure_cert(context)
    authority.cert_pem.write_to_path(str(ca_file))
    return context


@contextlib.asynccontextmanager
async def serve_healthy_daemon(ca_file: Path) -> AsyncIterator[str]:
    """Write the CA's certificate to *ca_file*, serve ``/-/healthy``, and yield the URL."""
    context = create_server_tls(ca_file, "127.0.0.1")

    async def respond(_: web.Request) -> web.Response:
        return web.json_response({"ok": True, "faults": []})

    app = web.Application()
    app.router.add_get("/-/healthy", respond)
    server = TestServer(app, host="127.0.0.1")
    await server.start_server(ssl=context)
    async with server:
        yield str(server.make_url("/"))
