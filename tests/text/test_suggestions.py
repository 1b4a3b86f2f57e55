"""Hints for words that match nothing."""

from __future__ import annotations

from typing import get_args

import pytest

from weatherd.text.condition_words import Language
from weatherd.text.suggestions import closest_match


@pytest.mark.parametrize(
    ("word", "language"),
    [("de-DE", "de"), ("pt_BR", "pt"), ("en_US.UTF-8", "en"), ("nb_NO", "nb"), ("DE", "de"), ("Klingon", None)],
)
def test_a_locale_suggests_its_language(word: str, language: str | None) -> None:
    """People copy the value of LANG, or the language of a web page."""
    assert closest_match(word, get_args(Language)) == language
