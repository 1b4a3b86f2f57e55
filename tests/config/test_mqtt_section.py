"""The files for TLS in the section ``mqtt``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import trustme

from weatherd.config.loader import parse_settings
from weatherd.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def files(tmp_path: Path) -> Path:
    """Return a folder with a CA, a certificate with its key, and the key of another one."""
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    first, other = authority.issue_cert("a.example"), authority.issue_cert("b.example")
    first.cert_chain_pems[0].write_to_path(str(tmp_path / "cert.pem"))
    first.private_key_pem.write_to_path(str(tmp_path / "key.pem"))
    first.private_key_and_cert_chain_pem.write_to_path(str(tmp_path / "both.pem"))
    other.private_key_pem.write_to_path(str(tmp_path / "other.pem"))
    return tmp_path


@pytest.mark.parametrize(
    "named",
    [{"ca_file": "ca.pem"}, {"cert_file": "cert.pem", "key_file": "key.pem"}, {"cert_file": "both.pem"}],
)
def test_files_are_relative_to_the_settings(files: Path, named: dict[str, str]) -> None:
    """A file name is relative to the folder of the settings file. One file may hold a certificate and its key."""
    section = parse_settings(json.dumps({"mqtt": {"tls": True, **named}}), str(files / "f.yaml"), {}).mqtt
    assert section
    found = section.model_dump(include={"ca_file", "cert_file", "key_file"}, exclude_none=True)
    assert found == {key: files / name for key, name in named.items()}


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("ca_file: ca.pem", "should have 'tls: true', as 'ca_file' is set"),
        ("tls: true, key_file: key.pem", "should have a 'cert_file', as 'key_file' is set"),
        ("tls: true, ca_file: key.pem", "should hold certificates in PEM format"),
        ("tls: true, ca_file: no.pem", "cannot be read: .*/no.pem: No such file or directory"),
        ("tls: true, cert_file: no.pem", "cannot be read: .*/no.pem: No such file or directory"),
        ("tls: true, cert_file: cert.pem, key_file: other.pem", "KEY_VALUES_MISMATCH"),
        ("tls: true, cert_file: cert.pem", "its key, not encrypted, in 'key_file'"),
        ("client_id: ''", "client_id"),
    ],
)
def test_a_file_that_cannot_be_used_is_an_error_at_startup(files: Path, text: str, reason: str) -> None:
    """The error has the place of the setting and the reason."""
    with pytest.raises(ConfigError, match=reason) as caught:
        parse_settings(f"mqtt: {{{text}}}", str(files / "f.yaml"), {})
    assert str(caught.value).startswith(f"{files}/f.yaml:1:")


@pytest.mark.parametrize("name", ["topic_prefix", "discovery_prefix"])
@pytest.mark.parametrize("topic", ["", "/", "a/", "/a", "a//b", "#", "a/#", "+", "a/+/b", "$SYS", "a b", "ä", "a\\n"])
def test_a_topic_that_cannot_be_published_is_an_error_at_startup(name: str, topic: str) -> None:
    """Otherwise only the broker would reject wildcards, its own topics and empty parts, by closing the connection."""
    with pytest.raises(ConfigError, match=f"f.yaml:1:.*'mqtt.{name}' should be letters, digits, '-' and '_'"):
        parse_settings(f'mqtt: {{{name}: "{topic}"}}', "f.yaml", {})


def test_a_topic_may_have_parts() -> None:
    """Parts between slashes are accepted, such as ``my_house/Weather-1``."""
    section = parse_settings("mqtt: {topic_prefix: my_house/Weather-1}", "f.yaml", {}).mqtt
    assert section
    assert section.topic_prefix == "my_house/Weather-1"
