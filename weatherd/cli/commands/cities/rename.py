"""``weatherd cities rename``: another name for a city that keeps its id, and so its history."""
# ruff: noqa: D301 - \b before the examples preserves their line breaks

from __future__ import annotations

from typing import Annotated

import typer

from weatherd.cli.commands.cities.list_rows import find_row, require_editable, validate_row
from weatherd.cli.exit_codes import ExitCode
from weatherd.cli.options import ConfigFile, load_user_configuration
from weatherd.cli.terminal import print_text
from weatherd.errors import ConfigError, Problem


def rename_city(
    city: Annotated[str, typer.Argument(metavar="CITY", help="The city's name or id.")],
    name: Annotated[str, typer.Argument(metavar="NAME", help="The new name.")],
    config: ConfigFile = None,
) -> int:
    """Give a city another name; it keeps its id, and so its history and its place in other programs.

    \b
    Examples:
      weatherd cities rename Kiel "Kiel, harbour"
    """
    from weatherd.city import make_slug
    from weatherd.config.yaml import atomic_write, editor, reader

    row = find_row(load_user_configuration(config), city)
    file = require_editable(row.file, row.where)
    if row.name is None:
        raise ConfigError(Problem(row.where, "this row has no name"))
    fields = {"name": validate_row({"name": name, "lat": 0, "lon": 0}).name}
    if not row.has_id and row.id and make_slug(name) != row.id:
        fields["id"] = row.id
    text = editor.rename_row(reader.read_text(file), "cities", row.position, fields, str(file))
    atomic_write.write_atomically(file, text)
    print_text(f"renamed {row.name} to {fields['name']} in {file}; its id is still {row.id}")
    return ExitCode.OK
