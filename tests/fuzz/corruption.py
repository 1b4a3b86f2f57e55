"""Corrupted responses: documents with replaced values, and bodies with changed bytes."""

from __future__ import annotations

import contextlib
import json
import math
import random
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from weatherd.errors import ProviderError

BODIES = 20_000  # for each parser and each set of seeds
SEED = 20260101

_LARGE = [0, -1, 1e308, -1e308, 2**63, 10**400, -(10**40), 5e-324, -0.0, 999, 1e12]
_TEXTS = [
    "",
    "NaN",
    "null",
    "-5",
    "\n\r",
    "\x00\x1b[31m",
    "\ud800",
    "\u2028\u202e",
    "é" * 300,
    "2026-01-01T00:00+99:99",
]
_NESTED: list[Any] = [[], {}, [[[]]], {"1h": {"1h": {}}}, [None], {"": ""}]
_VALUES: list[Any] = [None, True, False, math.nan, math.inf, -math.inf, *_LARGE, *_TEXTS, *_NESTED]
_TOKENS = [
    *(b"null", b"NaN", b"-Infinity", b"1e999", b"-", b"{}", b"[", b"]", b"}", b'"', b":", b",", b"\\u0000", b"nan"),
    *(b"<html>", b"\xff\xfe", b"\xef\xbb\xbf", b"Unexpected error while streaming data: x", b"9" * 5000, b"[" * 5000),
]

Path = tuple[Any, ...]


def find_paths(document: Any) -> list[Path]:
    """Return the path to every value inside a document, beginning with the document itself."""
    found: list[tuple[Path, Any]] = [((), document)]
    for path, value in found:  # grows meanwhile
        if isinstance(value, dict):
            found += [((*path, key), child) for key, child in value.items()]
        elif isinstance(value, list):
            found += [((*path, index), child) for index, child in enumerate(value)]
    return [path for path, _ in found]


def replace_value(document: Any, path: Path, new: Any) -> Any:
    """Return a copy of *document* with another value at *path*."""
    if not path:
        return new
    copy = dict(document) if isinstance(document, dict) else list(document)
    copy[path[0]] = replace_value(document[path[0]], path[1:], new)
    return copy


def corrupt_values(document: Any, draws: random.Random, paths: Sequence[Path] = ()) -> bytes:
    """Replace one to five values of a document; its *paths* need not be found again if they are given."""
    for _ in range(draws.choice((1, 1, 1, 2, 5))):
        document = replace_value(document, draws.choice(paths or find_paths(document)), draws.choice(_VALUES))
        paths = ()
    return json.dumps(document, ensure_ascii=draws.random() < 0.5).encode("utf-8", "surrogatepass")


def corrupt_bytes(body: bytes, draws: random.Random) -> bytes:
    """Truncate a body, flip bits, insert a token, or swap two parts."""
    corrupted = bytearray(body)
    for _ in range(draws.choice((1, 1, 2, 4))):
        here, there = sorted((draws.randrange(len(corrupted) + 1), draws.randrange(len(corrupted) + 1)))
        match draws.randrange(5):
            case 0:
                del corrupted[there:]
            case 1 if there < len(corrupted):
                corrupted[there] ^= 1 << draws.randrange(8)
            case 2:
                corrupted[here : draws.choice((here, here + 1, min(there, here + 9)))] = draws.choice(_TOKENS)
            case 3:
                corrupted[:] = corrupted[:here] + corrupted[there:]
            case 4:
                corrupted[:] = corrupted[there:] + corrupted[here:there] + corrupted[:here]
    return bytes(corrupted)


def draw_corrupted(bodies: Sequence[bytes], seed: str, count: int = BODIES) -> Iterator[bytes]:
    """Yield *count* corrupted bodies: about half with replaced values, the others with changed bytes."""
    draws, documents = random.Random(f"{SEED} {seed}"), []
    for body in bodies:
        with contextlib.suppress(ValueError):
            document = json.loads(body)
            documents.append((document, find_paths(document)))
    for _ in range(count):
        if draws.random() < 0.5:
            document, paths = draws.choice(documents)
            yield corrupt_values(document, draws, paths)
        else:
            yield corrupt_bytes(draws.choice(bodies), draws)


def count_found(parse: Callable[[int, bytes], int], bodies: Sequence[bytes], seed: str, count: int = BODIES) -> int:
    """Return what *parse* finds in *count* corrupted bodies in total; a tenth of them has another status than 200."""
    draws, found = random.Random(f"{SEED} statuses {seed}"), 0
    for body in draw_corrupted(bodies, seed, count):
        status = 200 if draws.random() < 0.9 else draws.randrange(100, 600)
        try:
            found += parse(status, body)
        except Exception as error:
            error.add_note(f"{status}: {body[:2000]!r}")  # to reproduce the failure
            raise
    return found


def assert_explained(error: ProviderError) -> None:
    """Check that the reason is one short line."""
    text = str(error)
    assert text
    assert text.isprintable()
    assert len(text) < 400  # an excerpt of 200 characters, and what to do
