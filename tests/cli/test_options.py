"""How commands find the running daemon."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.private_ca import serve_healthy_daemon
from weatherd.cli.client import ClientError
from weatherd.cli.options import find_daemon, load_client_settings
from weatherd.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _settings_alone(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset the port that the fixture ``folder`` sets, because the address is tested here."""
    assert folder.is_dir()
    monkeypatch.delenv("WEATHERD_HTTP__PORT")


@pytest.mark.parametrize(
    ("section", "url"),
    [
        ("{}", "http://127.0.0.1:8080"),
        ("{port: 9000}", "http://127.0.0.1:9000"),
        ("{insecure: true, host: 0.0.0.0}", "http://127.0.0.1:8080"),
        ("{insecure: true, host: '::'}", "http://[::1]:8080"),
        ("{insecure: true, host: weather.example}", "http://weather.example:8080"),
    ],
)
def test_the_address_is_that_of_the_settings(folder: Path, section: str, url: str) -> None:
    """A daemon that listens on all addresses is contacted on loopback."""
    (folder / "weatherd.yaml").write_text(f"http: {section}\n")
    assert find_daemon(load_client_settings(None), None).url == url


@pytest.mark.parametrize(
    ("section", "reason"), [("{enabled: false}", "http.enabled is false"), ("{port: 0}", "http.port is 0")]
)
def test_settings_without_an_address_need_the_option(folder: Path, section: str, reason: str) -> None:
    """The error names the setting; ``--url`` works without it."""
    (folder / "weatherd.yaml").write_text(f"http: {section}\n")
    with pytest.raises(ClientError, match=reason):
        find_daemon(load_client_settings(None), None)
    assert find_daemon(load_client_settings(None), "http://127.0.0.1:9/").url == "http://127.0.0.1:9"


@pytest.mark.real_time
async def test_the_certificates_in_the_settings_are_trusted(folder: Path) -> None:
    """A daemon behind a server whose certificate a private CA has signed needs only ``tls.ca_file``."""
    (folder / "weatherd.yaml").write_text("tls: {ca_file: ca.pem}\n")
    async with serve_healthy_daemon(folder / "ca.pem") as url, find_daemon(load_client_settings(None), url) as client:
        assert (await client.get_health()).ok


def test_only_the_health_check_tolerates_invalid_settings(folder: Path) -> None:
    """The daemon may still run with the settings from before an invalid edit."""
    (folder / "weatherd.yaml").write_text("bad: 1\n")
    with pytest.raises(ConfigError):
        find_daemon(load_client_settings(None), None)
    assert find_daemon(load_client_settings(None, tolerant=True), None).url == "http://127.0.0.1:8080"
