"""Rows of a batch as parameters of one statement: an array for each column."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_JSON = "jsonb"


def build_rows_source(types: Mapping[str, str]) -> str:
    """Return the query of the rows in the parameters, with columns of these names and types.

    The parameters are typed, because a column of your own table may have another type: numeric(6, 1), real. JSON is
    passed as text, because the driver would look an array of it up in the catalog for each statement.
    """
    arrays = ", ".join(
        f"${number}::{'text' if kind == _JSON else kind}[]" for number, kind in enumerate(types.values(), 1)
    )
    values = ", ".join(f"{name}::{kind}" if kind == _JSON else name for name, kind in types.items())
    return f"SELECT {values} FROM unnest({arrays}) AS batch ({', '.join(types)})"  # noqa: S608 - all names are constants


def split_columns(rows: Sequence[Sequence[Any]]) -> list[list[Any]]:
    """Return the columns of rows, of which there is at least one."""
    return [list(column) for column in zip(*rows, strict=True)]


def split_repeats(rows: Iterable[tuple[tuple[Any, ...], Any]]) -> list[list[Any]]:
    """Return rows, which come with their identities, in groups in which no identity occurs twice, sorted by it.

    ``ON CONFLICT`` rejects a statement that has a row twice; in two statements, one after the other, the table decides
    between the two. Two sessions that write the same rows in the same order never wait for each other.
    """
    groups: list[dict[tuple[Any, ...], Any]] = []
    for identity, row in rows:
        group = next((group for group in groups if identity not in group), None)
        if group is None:
            groups.append(group := {})
        group[identity] = row
    return [[group[identity] for identity in sorted(group)] for group in groups]
