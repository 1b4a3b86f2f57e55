"""Files of the settings: where the settings file is searched, and what paths in it mean."""

from __future__ import annotations

import operator
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import trustme

from tests.support.users import without_privileges
from weatherd.config.loader import SHIPPED_SETTINGS, find_settings_file, parse_settings
from weatherd.errors import ConfigError


def test_the_settings_file_is_searched_in_the_documented_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Flag, variable, ./config, the user's folder, then the shipped file."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    own, users = tmp_path / "config", tmp_path / "xdg" / "weatherd"
    for folder in (own, users, tmp_path / ".config" / "weatherd"):
        folder.mkdir(parents=True)
        (folder / "weatherd.yaml").touch()
    environ = {"WEATHERD_CONFIG": "~/env.yaml", "XDG_CONFIG_HOME": str(tmp_path / "xdg")}
    assert find_settings_file(Path("flag.yaml"), environ) == Path("flag.yaml")
    assert find_settings_file(None, environ) == tmp_path / "env.yaml"
    assert find_settings_file(None, environ | {"WEATHERD_CONFIG": ""}) == Path("config/weatherd.yaml")
    (own / "weatherd.yaml").unlink()
    assert find_settings_file(None, {"XDG_CONFIG_HOME": str(tmp_path / "xdg")}) == users / "weatherd.yaml"
    assert find_settings_file(None, {"XDG_CONFIG_HOME": "n" * 5000}) in (
        SHIPPED_SETTINGS,
        Path("/etc/weatherd/weatherd.yaml"),
    )
    assert find_settings_file(None, {}) == tmp_path / ".config" / "weatherd" / "weatherd.yaml"
    assert find_settings_file(Path("~nobody-of-that-name/x"), {}) == Path("~nobody-of-that-name/x")


def test_a_settings_file_of_the_machine_that_cannot_be_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is an error that says what to do; the shipped cities would be a surprise. A missing one is no error."""
    monkeypatch.chdir(tmp_path)
    with TemporaryDirectory() as name:  # not below tmp_path, which only its owner may enter
        Path(name).chmod(0o755)
        folder = Path(name) / "weatherd"
        assert find_settings_file(None, {"XDG_CONFIG_HOME": "/nowhere"}, folder) == SHIPPED_SETTINGS
        folder.mkdir()
        (folder / "weatherd.yaml").touch()
        folder.chmod(0)
        with (
            without_privileges(),
            pytest.raises(ConfigError, match="cannot be read: Permission denied; run this with sudo"),
        ):
            find_settings_file(None, {"XDG_CONFIG_HOME": "/nowhere"}, folder)
        folder.chmod(0o700)


def test_the_ca_file_is_relative_to_the_settings(tmp_path: Path) -> None:
    """Also if a variable sets it; the default is none."""
    ca_file = tmp_path / "private" / "ca.pem"
    ca_file.parent.mkdir()
    trustme.CA().cert_pem.write_to_path(str(ca_file))
    name = str(tmp_path / "f.yaml")
    assert parse_settings("tls: {ca_file: private/ca.pem}", name, {}).tls.ca_file == ca_file
    assert parse_settings("", name, {"WEATHERD_TLS__CA_FILE": "private/ca.pem"}).tls.ca_file == ca_file
    assert parse_settings("", name, {}).tls.ca_file is None


def test_an_invalid_ca_file_is_an_error_at_startup(tmp_path: Path) -> None:
    """The error has the position of the setting and the reason."""
    (tmp_path / "ca.pem").write_text("-----BEGIN NONSENSE-----")
    name = str(tmp_path / "f.yaml")
    no_pem = f"should hold certificates in PEM format, which {tmp_path}/ca.pem does not"
    for text, environ, where, reason in (
        ("log: {}\ntls:\n  ca_file: ca.pem", {}, f"{name}:3:12", no_pem),
        ("tls: {ca_file: no.pem}", {}, f"{name}:1:16", f"cannot be read: {tmp_path}/no.pem: No such file or directory"),
        ("tls: {ca_file: .}", {}, f"{name}:1:16", "should be the path of a file or folder"),
        ("", {"WEATHERD_TLS__CA_FILE": "/"}, "WEATHERD_TLS__CA_FILE", "cannot be read: /: Is a directory"),
    ):
        with pytest.raises(ConfigError) as caught:
            parse_settings(text, name, environ)
        assert str(caught.value) == f"{where}: 'tls.ca_file' {reason}"


@pytest.mark.parametrize("key", ["cities", "state", "tls.ca_file"])
def test_a_home_folder_in_a_path_is_expanded(key: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """``~`` and ``~user`` mean the home folder in every path; an unknown one is an error with its position."""
    monkeypatch.setenv("HOME", str(tmp_path))
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "file"))
    text = f"{key.replace('.', ': {')}: ~/file{'}' if '.' in key else ''}"
    found = operator.attrgetter(key)(parse_settings(text, "f.yaml", {}))
    assert found == ((tmp_path / "file",) if key == "cities" else tmp_path / "file")
    with pytest.raises(ConfigError) as caught:
        parse_settings(text.replace("~", "~nobody-of-that-name"), "f.yaml", {})
    column = text.index("~") + 1
    reason = f"'{key}' begins with ~nobody-of-that-name, but that home folder is unknown"
    assert str(caught.value) == f"f.yaml:1:{column}: {reason}"
