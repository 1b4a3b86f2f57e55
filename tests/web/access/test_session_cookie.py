"""Cookies of browsers that have signed in."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weatherd.web.access.session_cookie import LIFETIME, cookie_name, is_token, make_session, session_seconds

_TOKEN, _NOW = "a-long-token", 1_800_000_000.0


def test_a_cookie_ends_after_its_lifetime() -> None:
    """It is valid for 12 hours, and not longer if the clock was wrong when it was made."""
    value = make_session(_TOKEN, _NOW)
    assert session_seconds(_TOKEN, value, _NOW) == LIFETIME
    assert session_seconds(_TOKEN, value, _NOW + LIFETIME - 1) == 1
    assert session_seconds(_TOKEN, value, _NOW + LIFETIME) == 0
    assert session_seconds(_TOKEN, value, _NOW - 10 * LIFETIME) == LIFETIME


def test_a_cookie_ends_with_the_token() -> None:
    """Another token has cookies of another name and signature."""
    assert session_seconds("another-token", make_session(_TOKEN, _NOW), _NOW) == 0
    assert cookie_name("another-token") != cookie_name(_TOKEN)
    assert _TOKEN not in make_session(_TOKEN, _NOW) + cookie_name(_TOKEN)


@given(value=st.text(max_size=100))
def test_forged_cookies_are_invalid(value: str) -> None:
    """No text is a valid cookie, unless it was made with the token."""
    assert session_seconds(_TOKEN, value, _NOW) == 0


@pytest.mark.parametrize(
    "change", [lambda text: f"9{text}", lambda text: text[:-1], lambda text: f"{text}0", str.upper]
)
def test_changed_cookies_are_invalid(change: object) -> None:
    """The end and the signature belong together."""
    assert callable(change)
    assert session_seconds(_TOKEN, change(make_session(_TOKEN, _NOW)), _NOW) == 0


@pytest.mark.parametrize("candidate", ["", "a-long-tokem", "a-long-token ", "ä", "\ud800"])
def test_other_texts_are_not_the_token(candidate: str) -> None:
    """Only the token itself is the token; any text can be compared."""
    assert not is_token(candidate, _TOKEN)
