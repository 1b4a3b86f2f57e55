"""Addresses of servers."""

from __future__ import annotations

import pytest

from weatherd.text.addresses import format_url, is_loopback


@pytest.mark.parametrize(
    ("host", "url"),
    [("127.0.0.1", "http://127.0.0.1:80"), ("example.org", "http://example.org:80"), ("::1", "http://[::1]:80")],
)
def test_a_url_has_brackets_around_ipv6(host: str, url: str) -> None:
    """Only an IPv6 address is put in brackets."""
    assert format_url(host, 80) == url


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("localhost", True),
        ("127.8.8.8", True),
        ("::1", True),
        ("0.0.0.0", False),  # noqa: S104 - an address to tell apart
        ("192.168.1.1", False),
        ("example.org", False),
        ("", False),
    ],
)
def test_loopback(host: str, expected: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Only the addresses of this machine, and the name that stands for them, are loopback."""
    assert is_loopback(host) is expected
