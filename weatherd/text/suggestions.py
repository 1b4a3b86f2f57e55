"""Hints for a name that matches nothing, or several things."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from weatherd.text.name_folding import fold_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_MIN_PREFIX = 3  # letters of a known word


def closest_match(word: str, known: Iterable[str]) -> str | None:
    """Return the known word that is most similar to *word*, or the only one that begins with it or begins it, or None.

    A locale such as ``de_DE`` is begun by its language. Case and the Unicode form are ignored.
    """
    words, start = {fold_name(name): name for name in known}, fold_name(word)
    found = difflib.get_close_matches(start, words, n=1, cutoff=0.6)
    if len(start) > 1 and not (found and found[0][0] == start[0]):  # latitude is similar to altitude, but means lat
        longer = [name for name in words if name.startswith(start)]  # ca: ca_file
        shorter = [  # latitude: lat
            name for name in words if start.startswith((name if len(name) >= _MIN_PREFIX else f"{name}-", f"{name}_"))
        ]
        found = next((names for names in (longer, shorter) if len(names) == 1), found)
    return words[found[0]] if found else None


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return ``; did you mean 'x'?``, or "" if no known word is similar."""
    guess = closest_match(word, known)
    return f"; did you mean {guess!r}?" if guess else ""


def explain_namesakes(name: str, ids: Sequence[str]) -> str:
    """Return a message that names the first ids of the cities that have the same name."""
    more = ", …" if ids[10:] else ""
    return f"{len(ids):,} cities are named {name!r}: use an id ({', '.join(ids[:10])}{more})"
