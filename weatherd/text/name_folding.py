"""Comparison of names: case and the Unicode form do not matter."""

from __future__ import annotations

import unicodedata


def fold_name(name: str) -> str:
    """Return the form of a name in which all its spellings are equal, by Unicode's canonical caseless matching.

    For example, ü is one character (NFC) or two (NFD, as in file names of macOS) in ``München``, and ``MÜNCHEN`` is the
    same name.
    """
    if name.isascii():
        return name.casefold()
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", name).casefold())
