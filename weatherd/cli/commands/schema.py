"""``weatherd schema``: the JSON Schemas of both configuration files, for editors."""
# ruff: noqa: D301 - the mark backslash-b keeps the line breaks of the examples

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

import typer

from weatherd.cli.exit_codes import ExitCode

_DIALECT = {"$schema": "https://json-schema.org/draft/2020-12/schema"}


def schema(
    file: Annotated[Literal["weatherd", "cities"] | None, typer.Argument(help="Which one; default: both.")] = None,
) -> int:
    """Print the JSON Schemas of both configuration files.

    Editors use them to complete keys and to mark mistakes.

    \b
    Examples:
      weatherd schema cities > config/cities.schema.json
    """
    from weatherd.config.settings import Settings

    schemas = {"weatherd": _DIALECT | Settings.model_json_schema(), "cities": _city_list_schema()}
    typer.echo(json.dumps(schemas[file] if file else schemas, ensure_ascii=False, indent=2))
    return ExitCode.OK


def _city_list_schema() -> dict[str, Any]:
    from pydantic import TypeAdapter

    from weatherd.city import City

    rows = TypeAdapter(list[City]).json_schema(ref_template="#/$defs/{model}")
    definitions = rows.pop("$defs")
    for key in ("interval", "providers"):
        definitions["City"]["properties"][key].pop("default")  # because the settings may set another default
    return {
        **_DIALECT,
        "title": "The city list of weatherd",
        "type": "object",
        "properties": {"cities": rows},
        "required": ["cities"],
        "additionalProperties": False,
        "$defs": definitions,
    }
