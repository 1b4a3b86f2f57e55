"""The ordinary words for present weather in each language, by WMO code. The tables are in the folder ``languages``."""

from __future__ import annotations

import functools
from importlib import resources
from typing import TYPE_CHECKING, Literal, get_args

import msgspec

if TYPE_CHECKING:
    from collections.abc import Mapping

Language = Literal["en", "de", "fr", "es", "it", "nl", "pl", "pt", "nb", "nn", "sv", "da", "fi", "cs"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


Words = str | tuple[str, str]  # a pair has the words for the day and those for the night


def translate_code(code: int, language: Language, *, is_day: bool) -> str:
    """Return the words for a WMO code: ``sonnig`` or ``klar`` for 0 in German; "" for a code that has none."""
    words = load_words(language).get(code, "")
    return words if isinstance(words, str) else words[0 if is_day else 1]


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
