"""TLS: which certificates the client trusts, and when it loads the CA certificates."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from typing import TYPE_CHECKING

import aiohttp
import pytest
import trustme

from tests.http.raw_server import RESPONSE, respond, serve_bytes
from weatherd.errors import ProviderError
from weatherd.http.connections import ClientTls
from weatherd.http.connector import CheckedConnector, TimedResolver
from weatherd.http.links.link_connector import LinkConnector
from weatherd.http.session import Session, open_session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.http.clients import Get
    from tests.http.raw_server import Talk


@contextlib.asynccontextmanager
async def serving(authority: trustme.CA, talk: Talk) -> AsyncIterator[str]:
    """Serve localhost over TLS with a certificate issued by *authority*."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)
    async with serve_bytes(talk, context) as port:
        yield f"https://localhost:{port}/"


def write_certificate(authority: trustme.CA, path: Path) -> Path:
    """Write the certificate of a CA to a file."""
    authority.cert_pem.write_to_path(str(path))
    return path


async def test_a_private_ca_is_trusted_in_addition(get: Get, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A CA file adds to the certificates that the system trusts and replaces none of them."""
    private, system = trustme.CA(), trustme.CA()
    monkeypatch.setenv("SSL_CERT_FILE", str(write_certificate(system, tmp_path / "system.pem")))
    ca_file = write_certificate(private, tmp_path / "private.pem")
    async with (
        serving(private, respond) as ours,
        serving(system, respond) as public,
        open_session("weatherd/test", ca_file=ca_file) as session,
        open_session("weatherd/test") as unaware,
    ):
        assert (await get(session, ours, {})).status == 200
        assert (await get(session, public, {})).status == 200
        assert (await get(unaware, public, {})).status == 200
        with pytest.raises(ProviderError) as caught:
            await get(unaware, ours, {})
    assert str(caught.value) == (
        "the certificate of localhost is not trusted: unable to get local issuer certificate; "
        "if a private CA has signed it, name that CA's certificate file in tls.ca_file"
    )


async def test_a_certificate_for_another_name_is_not_trusted(get: Get, tmp_path: Path) -> None:
    """This holds even if a trusted CA has signed it."""
    private = trustme.CA()
    ca_file = write_certificate(private, tmp_path / "private.pem")
    async with serving(private, respond) as url, open_session("weatherd/test", ca_file=ca_file) as session:
        with pytest.raises(ProviderError, match=r"the certificate of 127\.0\.0\.1 is not trusted"):
            await get(session, url.replace("localhost", "127.0.0.1"), {})


async def test_system_certificates_are_loaded_at_the_first_handshake(
    get: Get, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Loading takes time and memory, and setups with plain HTTP never need the certificates."""
    system = trustme.CA()
    monkeypatch.setenv("SSL_CERT_FILE", str(write_certificate(system, tmp_path / "system.pem")))
    monkeypatch.setenv("SSL_CERT_DIR", str(tmp_path))
    tls, resolver = ClientTls(), TimedResolver()
    assert (tls.verify_mode, tls.check_hostname) == (ssl.CERT_REQUIRED, True)
    async with (
        serving(system, respond) as url,
        aiohttp.ClientSession(connector=CheckedConnector(ssl=tls, resolver=resolver)) as client,
        contextlib.aclosing(Session(lambda: client, {}, LinkConnector(resolver, tls))) as session,
    ):
        assert tls.cert_store_stats()["x509"] == 0
        assert (await get(session, url, {})).status == 200
        assert tls.cert_store_stats()["x509"] == 1


async def test_an_unsolicited_response_is_discarded(get: Get, tmp_path: Path) -> None:
    """This holds over TLS too."""
    private = trustme.CA()
    ca_file = write_certificate(private, tmp_path / "private.pem")
    requests = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while request := await reader.readuntil(b"\r\n\r\n"):
            requests.append(request)
            writer.write(RESPONSE)
            await asyncio.sleep(1)
            writer.write(b"HTTP/1.1 408 Request Timeout\r\nContent-Length: 0\r\n\r\n")

    async with serving(private, talk) as url, open_session("weatherd/test", ca_file=ca_file) as session:
        for _ in range(3):
            assert (await get(session, url, {})).status == 200
            await asyncio.sleep(2)
    assert len(requests) == 3


async def test_a_connection_is_reused(get: Get, tmp_path: Path) -> None:
    """Data of TLS itself, such as session tickets after the handshake, is not an unsolicited response."""
    private = trustme.CA()
    ca_file = write_certificate(private, tmp_path / "private.pem")
    connections = 0

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        await respond(reader, writer)

    async with serving(private, talk) as url, open_session("weatherd/test", ca_file=ca_file) as session:
        for _ in range(3):
            await get(session, url, {})
            await asyncio.sleep(1)
    assert connections == 1
