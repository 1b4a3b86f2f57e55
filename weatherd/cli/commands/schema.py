"""``weatherd schema``: JSON Schemas of both files, for editors."""

from __future__ import annotations

import json
from typing import Any, Literal

import typer
from pydantic import TypeAdapter

from weatherd.city import City
from weatherd.cli.exit_codes import OK
from weatherd.config.settings import Settings

File = Literal["weatherd", "cities"]
_DIALECT = {"$schema": "https://json-schema.org/draft/2020-12/schema"}


def schema(file: File | None) -> int:
    """Print the schema of one file, or an object with both."""
    schemas = {"weatherd": _settings(), "cities": _cities()}
    typer.echo(json.dumps(schemas[file] if file else schemas, ensure_ascii=False, indent=2))
    return OK


def _settings() -> dict[str, Any]:
    return _DIALECT | Settings.model_json_schema()


def _cities() -> dict[str, Any]:
    adapter = TypeAdapter(list[City])
    rows = adapter.json_schema(ref_template="#/$defs/{model}")
    definitions = rows.pop("$defs")
    for key in ("interval", "providers"):
        definitions["City"]["properties"][key].pop("default")  # the settings have another
    return {
        **_DIALECT,
        "title": "The cities that weatherd watches",
        "type": "object",
        "properties": {"cities": rows},
        "required": ["cities"],
        "additionalProperties": False,
        "$defs": definitions,
    }
