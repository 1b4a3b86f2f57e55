"""The section ``daemon`` of the rules file: changes of the built-in rules about the daemon itself."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema

from weatherd.alerts.builtin.daemon_rules import (
    CITIES_DOWN,
    DAEMON_PREFIX,
    DAEMON_RULES,
    FORWARDER_BEHIND,
    LIST_SHRUNK,
    QUOTA,
    ROWS_QUARANTINED,
)
from weatherd.alerts.rule import AlertSeverity
from weatherd.alerts.states import Timing
from weatherd.config.messages import explain_error, quote_shortened
from weatherd.config.sections.value_types import Duration, Word
from weatherd.config.yaml import reader
from weatherd.text.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable

    from weatherd.alerts.builtin.daemon_rules import DaemonRule
    from weatherd.config.yaml.reader import Position

    Report = Callable[[Position, str], None]

_T = TypeVar("_T", bound=BaseModel)

_MIN_REPEAT = 60.0  # seconds
_ROW_FORM = "should be false, which switches the rule off, or a mapping such as {for: 30m}"
_SHARE_FORM = "should be a share such as 10%, up to 100%"
_PERCENT = re.compile(r"(\d+(?:\.\d+)?)\s*%", re.ASCII)
_SHARE_SCHEMA = {
    "anyOf": [
        {"type": "string", "pattern": r"^\d+(\.\d+)?\s*%$"},
        {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
    ]
}


def _check_repeat(value: float | None) -> float | None:
    if value is not None and value < _MIN_REPEAT:
        raise ValueError("should be 1m or more")
    return value


def _parse_share(value: Any) -> float:
    if isinstance(value, str) and (found := _PERCENT.fullmatch(value.strip())):
        value = float(found[1]) / 100
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 1:
        raise ValueError(_SHARE_FORM)
    return float(value)


Repeat = Annotated[
    Duration | None,
    AfterValidator(_check_repeat),
    Field(description="Time after which a firing alert is notified again; default: never"),
]
_Names = Annotated[list[Word], Field(description="Names of those to notify")]


class _Section(BaseModel):
    model_config = ConfigDict(extra="ignore", frozen=True)

    notify: _Names = []
    repeat: Repeat = None


class _Row(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    hold: Annotated[Duration | None, Field(alias="for", description="How long the condition must hold")] = None
    severity: Annotated[AlertSeverity | None, Field(description="How serious the alert is")] = None
    notify: _Names | None = None
    repeat: Repeat = None


class _ShareRow(_Row):
    share: Annotated[
        float | None,
        BeforeValidator(_parse_share),
        WithJsonSchema(_SHARE_SCHEMA),
        Field(description="The alert fires from this share on: 10% or 0.1"),
    ] = None


class _RowsRow(_Row):
    rows: Annotated[int | None, Field(ge=1, description="The alert fires from this number of rows on")] = None


_ROWS: dict[str, type[_Row]] = {
    CITIES_DOWN: _ShareRow,
    QUOTA: _ShareRow,
    LIST_SHRUNK: _ShareRow,
    ROWS_QUARANTINED: _RowsRow,
}
_RULES = {rule.name.removeprefix(DAEMON_PREFIX): rule for rule in DAEMON_RULES}
_KEYS = [*_Section.model_fields, *_RULES]


def daemon_schema() -> dict[str, Any]:
    """Return the JSON Schema of the section."""
    schema = _Section.model_json_schema()
    rows = {
        name: {"anyOf": [_ROWS.get(rule.name, _Row).model_json_schema(), {"const": False}]}
        for name, rule in _RULES.items()
    }
    return schema | {
        "title": "Built-in rules",
        "description": "Changes of the built-in rules about the daemon itself; false switches one off",
        "properties": schema["properties"] | rows,
        "additionalProperties": False,
    }


def parse_daemon_rules(document: reader.YamlMapping, section: str, report: Report) -> tuple[DaemonRule, ...]:
    """Return the built-in rules with the changes in the *section* of the rules file; report each mistake."""
    row = document.get(section)
    if row is None:
        return DAEMON_RULES
    if not isinstance(row, reader.YamlMapping):
        report(document.value_positions[section], f"{section!r} should be a mapping such as {{notify: [ops]}}")
        return DAEMON_RULES
    for key, position in row.key_positions.items():
        if key not in _KEYS:
            hint = did_you_mean(key, _KEYS) or f"; the rules are {', '.join(_RULES)}"
            report(position, f"{section}: unknown key {quote_shortened(key)}{hint}")
    defaults = _validate(_Section, row, (section,), document, report) or _Section()
    rules = []
    for name, rule in _RULES.items():
        changes = row.get(name)
        if changes is False:
            continue
        if changes is not None and not isinstance(changes, dict):
            report(row.value_positions[name], f"{section}: {name!r} {_ROW_FORM}")
        elif checked := _validate(_ROWS.get(rule.name, _Row), changes or {}, (section, name), document, report):
            rules.append(_change_rule(rule, checked, defaults))
    return tuple(rules)


def _validate(
    model: type[_T], row: Any, path: tuple[str, ...], document: reader.YamlMapping, report: Report
) -> _T | None:
    """Return a row with the right types; report its mistakes and return None if it has any."""
    try:
        return model.model_validate(row)
    except ValidationError as error:
        known = [field.alias or name for name, field in model.model_fields.items()]
        for detail in error.errors(include_url=False):
            position = reader.find_position(document, (*path, *detail["loc"]), key=detail["type"] == "extra_forbidden")
            report(position, f"{'.'.join(path)}: {explain_error(detail, known)}")
        return None


def _change_rule(rule: DaemonRule, row: _Row, defaults: _Section) -> DaemonRule:
    """Return a rule with the changes of its row, and what the section has for all rules."""
    threshold, hold = rule.threshold, rule.timing.hold if row.hold is None else row.hold
    if isinstance(row, _ShareRow) and row.share is not None:
        threshold = row.share
    if isinstance(row, _RowsRow) and row.rows is not None:
        threshold = row.rows
    if rule.name == FORWARDER_BEHIND:  # whose time is the age of the oldest entry, also before the last start
        threshold, hold = threshold if row.hold is None else row.hold, 0.0
    return replace(
        rule,
        threshold=threshold,
        timing=Timing(hold, row.repeat or defaults.repeat),
        severity=row.severity or rule.severity,
        notify=tuple(defaults.notify if row.notify is None else row.notify),
    )
