"""``weatherd cities keep-ids``: the ids that earlier releases made from names, written into the rows."""
# ruff: noqa: D301 - \b before the examples preserves their line breaks

from __future__ import annotations

import contextlib
from itertools import groupby
from typing import TYPE_CHECKING

from weatherd.cli.commands.cities.list_rows import ListRows, read_rows, require_editable
from weatherd.cli.exit_codes import ExitCode
from weatherd.cli.lookup import find_journal
from weatherd.cli.options import ConfigFile, load_user_configuration
from weatherd.cli.terminal import print_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from weatherd.cli.commands.cities.list_rows import ListedCity
    from weatherd.journal.reader import Reader


def keep_ids(config: ConfigFile = None) -> int:
    """Write the ids that the journal knows into rows whose names make other ids since an upgrade.

    Earlier releases made a hash from a name without Latin letters. With the hash in its row, a city keeps its history
    and its place in other programs. Rows whose former id is not in the journal are left as they are.

    \b
    Examples:
      weatherd cities keep-ids
    """
    from weatherd.config.yaml import atomic_write, editor, reader
    from weatherd.journal.reader import Reader

    configuration = load_user_configuration(config)
    rows = list(read_rows(configuration.list_paths))
    with contextlib.closing(Reader(find_journal(configuration))) as journal:
        found = list(_find_former_ids(rows, journal))
    for file, changes in groupby(found, key=lambda change: change[0].file):
        text = reader.read_text(require_editable(file))
        for row, former in changes:
            text = editor.rename_row(text, "cities", row.position, {"name": str(row.name), "id": former}, str(file))
            print_text(f"{row.where}: {row.name} keeps the id {former}")
        atomic_write.write_atomically(file, text)
    if not found:
        print_text("every city of the list that the journal knows has its id")
    return ExitCode.OK


def _find_former_ids(rows: Sequence[ListedCity], journal: Reader) -> Iterator[tuple[ListedCity, str]]:
    """Yield the rows without an id whose former id is in the journal and free in the list, and that id."""
    from weatherd.city import make_former_slug

    listed = ListRows(rows)
    for row in rows:
        former = make_former_slug(row.name) if row.name and not row.has_id else row.id
        if former and former != row.id and journal.has_city(former) and not listed.find_id(former):
            yield row, former
