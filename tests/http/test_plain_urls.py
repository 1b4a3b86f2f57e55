"""URLs in which nothing has to be encoded are the same as yarl's."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from weatherd.http.client import host_of, parse_address
from weatherd.http.errors import InvalidAddressError
from weatherd.http.plain_urls import join_plain_query, split_plain_url
from weatherd.http.polling import _encode_target

if TYPE_CHECKING:
    from collections.abc import Mapping

PARTS = [*"ab01.-_/:=&?+,%~é@# A", "..", "/.", "http", "//"]
urls = st.builds(
    "{}://{}{}{}".format,
    st.sampled_from(["http", "https", "HTTP", "ftp"]),
    st.lists(
        st.sampled_from(["h", "x1", "a.b", "127.0.0.1", "-", ".", "[::1]", "me@", "xn--mnchen-3ya"]),
        min_size=1,
        max_size=2,
    ).map("".join),
    st.sampled_from(["", ":80", ":443", ":8080", ":65535", ":65536", ":0"]),
    st.lists(st.sampled_from(PARTS), max_size=6).map("".join),
)
texts = st.lists(st.sampled_from(PARTS), max_size=4).map("".join)
queries = st.one_of(texts, st.dictionaries(texts, texts, max_size=3))


@given(urls)
def test_a_plain_url_has_the_parts_of_yarl(url: str) -> None:
    """All of its parts are equal, also those for the trace and the header Host."""
    plain = split_plain_url(url)
    if plain:
        address = URL(url)
        assert [*plain, plain.host_port_subcomponent] == [
            getattr(address, name) for name in [*plain._fields, "host_port_subcomponent"]
        ]
        assert host_of(url) == address.authority


@given(queries)
def test_a_plain_query_is_encoded_as_by_yarl(query: Mapping[str, str] | str) -> None:
    """A text and a mapping become what yarl sends."""
    text = join_plain_query(query)
    if text:
        assert text == URL("http://h/").with_query(query).raw_query_string


@given(urls, queries)
def test_the_target_of_a_plain_url_is_that_of_yarl(url: str, query: Mapping[str, str] | str) -> None:
    """A query is added to that of the URL; without one, nothing follows the path."""
    text = join_plain_query(query)
    if split_plain_url(url) and text is not None:
        assert _encode_target(url, query, text) == URL(url).extend_query(query).raw_path_qs


@pytest.mark.parametrize(
    "url",
    [
        "https://api.open-meteo.com/v1/forecast",
        "http://127.0.0.1:8081/data/2.5/weather?units=metric",
        "http://localhost",
    ],
)
def test_usual_addresses_are_plain(url: str) -> None:
    """They are parsed without yarl."""
    assert split_plain_url(url)


@pytest.mark.parametrize(
    "url",
    [
        "http://h/a b",
        "http://me:key@h/",
        "http://[::1]/",
        "http://ü/",
        "http://h/../a",
        "http://h:65536",
        "http://a.xn--mnchen-3ya",
        "h",
    ],
)
def test_other_addresses_are_not_plain(url: str) -> None:
    """Yarl encodes, normalizes or rejects them."""
    assert split_plain_url(url) is None


def test_the_punycode_of_a_host_may_be_invalid() -> None:
    """The address is refused by the resolver, and named as it is."""
    assert host_of("http://xn--/") == ""
    assert parse_address("http://xn--/").raw_host == "xn--"
    with pytest.raises(InvalidAddressError):
        parse_address("http:///a")
