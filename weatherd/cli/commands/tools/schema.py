"""``weatherd schema``: print the JSON Schemas of the configuration files, for editors."""
# ruff: noqa: D301 - \b before the examples preserves their line breaks

from __future__ import annotations

import json
from typing import Annotated, Literal

import typer

from weatherd.cli.exit_codes import ExitCode
from weatherd.cli.terminal import print_text


def schema(
    file: Annotated[
        Literal["weatherd", "cities", "alerts"] | None,
        typer.Argument(metavar="FILE", help="The file to describe: weatherd, cities or alerts; default: all."),
    ] = None,
) -> int:
    """Print the JSON Schemas of the configuration files, with the sections of the installed plug-ins.

    Editors use them to complete keys and to highlight mistakes.

    \b
    Examples:
      weatherd schema cities > config/cities.schema.json
    """
    from weatherd.alerts.rules_file import rules_schema
    from weatherd.config.plugin_models import find_plugin_models
    from weatherd.config.schema import cities_schema, settings_schema

    plugins = find_plugin_models()
    schemas = {"weatherd": settings_schema(plugins), "cities": cities_schema(plugins), "alerts": rules_schema()}
    print_text(json.dumps(schemas[file] if file else schemas, ensure_ascii=False, indent=2))
    return ExitCode.OK
