"""The ordinary words for present weather in each language, by WMO code. The tables are in the folder ``languages``."""

from __future__ import annotations

import functools
from importlib import resources
from typing import TYPE_CHECKING, Literal, get_args

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

Language = Literal["en", "de", "fr", "es", "it", "nl", "pl", "pt", "nb", "nn", "sv", "da", "fi", "cs"]
LANGUAGES: tuple[Language, ...] = get_args(Language)


Words = str | tuple[str, str]  # a pair has the words for the day and those for the night


def translate_code(code: int, language: Language, *, is_day: bool) -> str:
    """Return the words for a WMO code: ``sonnig`` or ``klar`` for 0 in German; "" for a code that has none.

    Words that are missing in the language are English.
    """
    return choose_words(code, (load_words(language), load_words("en")), is_day=is_day)


def choose_words(code: int, tables: Iterable[Mapping[int, Words]], *, is_day: bool) -> str:
    """Return the words for a code from the first of *tables* that has it, or else ""."""
    words = next((table[code] for table in tables if code in table), "")
    return words if isinstance(words, str) else words[0 if is_day else 1]


@functools.cache
def load_words(language: Language) -> Mapping[int, Words]:
    """Return a language's words by WMO code."""
    table = resources.files("weatherd.text") / "languages" / f"{language}.json"
    return msgspec.json.decode(table.read_bytes(), type=dict[int, Words])
