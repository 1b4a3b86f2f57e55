"""The ordinary words for present weather in each language, by WMO code. The tables are in the folder ``languages``."""

from __future__ import annotations

import functools
from importlib import resources
from typing import TYPE_CHECKING, Literal

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

Language = Literal["en", "de", "fr", "es", "it", "nl", "pl", "pt", "nb", "nn", "sv", "da", "fi", "cs"]
Words = str | tuple[str, str]  # a pair has the words for the day and those for the night


@functools.cache
def load_words(language: Language) -> Mapping[int, Words]:
    """Return the words of a language by WMO code; those that it lacks are English."""
    return fill_gaps(read_words(language), read_words("en"))


def fill_gaps(words: Mapping[int, Words], english: Mapping[int, Words]) -> Mapping[int, Words]:
    """Return the words by code, in English for the codes that have no others."""
    return {**english, **words}


def read_words(language: Language) -> Mapping[int, Words]:
    """Return a language's own words by WMO code."""
    table = resources.files("weatherd.text") / "languages" / f"{language}.json"
    return msgspec.json.decode(table.read_bytes(), type=dict[int, Words])
