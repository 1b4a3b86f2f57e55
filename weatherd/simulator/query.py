"""What a client asked, and how a simulated service answers: the plain values between protocol and server."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple, TypeAlias

Query: TypeAlias = Mapping[str, Sequence[str]]  # parameters, each with all its values
Answer: TypeAlias = tuple[int, Any]  # status and JSON body


@dataclass(frozen=True, slots=True)
class Question:
    """All that a service may look at."""

    query: Query
    path: Mapping[str, str] = field(default_factory=dict)  # what stands in the path's placeholders
    headers: Mapping[str, str] = field(default_factory=dict)
    base: str = ""  # scheme and host that were asked, for addresses in answers


class Reply(NamedTuple):
    """An answer with a head of its own. A body that is a string is sent as plain text, None not at all."""

    status: int
    body: Any
    headers: Mapping[str, str] = {}
    content_type: str = "application/json"


class RefusedError(Exception):
    """A request that the service turns down; the text is its own wording."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.status = status


def last(query: Query, name: str, default: str = "") -> str:
    """Return the last value of a parameter, which is what web frameworks take of several."""
    return query[name][-1].strip() if query.get(name) else default


def listed(query: Query, name: str) -> list[str]:
    """Return all values of a parameter, given repeatedly, in comma lists, or both."""
    parts = (part.strip() for value in query.get(name, ()) for part in value.split(","))
    return [part for part in parts if part]


def whole(text: str) -> int | None:
    """Read a whole number of at most nine digits; anything else is None."""
    return int(text) if text.isdecimal() and len(text) <= 9 else None
