"""JSON Schemas of both configuration files, with the sections of the installed plug-ins."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from weatherd.config.lists.city_row import CityRow
from weatherd.config.plugin_models import combine_models
from weatherd.config.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pydantic import BaseModel

    from weatherd.config.plugin_models import PluginModels

SCHEMA_DIALECT = {"$schema": "https://json-schema.org/draft/2020-12/schema"}


def settings_schema(plugins: Mapping[str, PluginModels]) -> dict[str, Any]:
    """Return the JSON Schema of weatherd.yaml."""
    schema = SCHEMA_DIALECT | Settings.model_json_schema()
    models = {name: models.settings for name, models in plugins.items() if models.settings}
    schema["properties"]["plugins"] |= _add_plugins(models, "Plugins", schema["$defs"])
    return schema


def cities_schema(plugins: Mapping[str, PluginModels]) -> dict[str, Any]:
    """Return the JSON Schema of cities.yaml."""
    rows = TypeAdapter(list[CityRow]).json_schema(ref_template="#/$defs/City")
    definitions = {"City": rows.pop("$defs")["CityRow"]}
    properties = definitions["City"]["properties"]
    for key in ("interval", "providers", "timezone", "tags", "warnings", "backfill", "compare", "plugins"):
        properties[key].pop("default")  # the settings define most of them, and the others' defaults are not YAML
    models = {name: models.city for name, models in plugins.items() if models.city}
    properties["plugins"] |= _add_plugins(models, "CityPlugins", definitions)
    return {
        **SCHEMA_DIALECT,
        "title": "City list of weatherd",
        "type": "object",
        "properties": {"cities": rows},
        "required": ["cities"],
        "additionalProperties": False,
        "$defs": definitions,
    }


def _add_plugins(models: Mapping[str, type[BaseModel]], title: str, definitions: dict[str, Any]) -> dict[str, Any]:
    """Return the schema of the ``plugins`` key, and add the models of the plug-ins to *definitions*."""
    schema = combine_models(models, title).model_json_schema()
    # Prefixed, because a plug-in's model may have the same name as one of weatherd's
    names = {f"#/$defs/{name}": f"{title}.{name}" for name in schema.get("$defs", {})}
    for name, definition in schema.pop("$defs", {}).items():
        # Even if the model allows unknown keys, because weatherd rejects them
        strict = {"additionalProperties": False} if definition.get("type") == "object" else {}
        definitions[f"{title}.{name}"] = _rename(definition, names) | strict
    return {key: _rename(schema[key], names) for key in ("properties", "additionalProperties") if key in schema}


def _rename(node: Any, names: Mapping[str, str]) -> Any:
    if isinstance(node, dict):
        return {
            key: f"#/$defs/{names[value]}" if key == "$ref" else _rename(value, names) for key, value in node.items()
        }
    return [_rename(item, names) for item in node] if isinstance(node, list) else node
