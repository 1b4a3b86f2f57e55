"""Parsing of the section ``notify`` of the rules file. No message shows a value, because it may be a secret."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from weatherd.alerts.rule import MQTT_TARGET
from weatherd.alerts.targets import TARGET_FORM, AppriseTarget, CommandTarget, Target, WebhookTarget
from weatherd.city import ID_PATTERN
from weatherd.config.messages import explain_error, quote_shortened
from weatherd.config.yaml import reader
from weatherd.text.suggestions import did_you_mean

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from weatherd.config.yaml.reader import Position

    Report = Callable[[Position, str], None]

_NAME_FORM = "should be lower-case letters, digits, '-' and '_', at most 64"
_KINDS: dict[str, type[Target]] = {"webhook": WebhookTarget, "command": CommandTarget, "address": AppriseTarget}


def parse_targets(document: reader.YamlMapping, section: str, report: Report) -> dict[str, Target]:
    """Return the targets in the *section* of the rules file by name; report each mistake."""
    rows = document.get(section)
    if rows is None:
        return {}
    if not isinstance(rows, reader.YamlMapping):
        report(document.value_positions[section], f"'{section}' should have a target under each name: {TARGET_FORM}")
        return {}
    for name, position in rows.key_positions.items():
        if name == MQTT_TARGET:
            report(
                position, f"the name '{name}' stands for the broker of the section mqtt in the settings: use another"
            )
        if not re.fullmatch(ID_PATTERN, name):
            report(position, f"the name {quote_shortened(name)} {_NAME_FORM}")
    found = {name: _parse_target(name, row, rows.value_positions[name], report) for name, row in rows.items()}
    return {name: target for name, target in found.items() if target}


def _parse_target(name: str, row: Any, position: Position, report: Report) -> Target | None:
    kind = next((_KINDS[key] for key in _KINDS if key in row), None) if isinstance(row, reader.YamlMapping) else None
    try:
        return kind.model_validate(row) if kind else AppriseTarget.model_validate({"address": row})
    except ValidationError as error:
        if kind is None:
            report(position, f"{name}: {TARGET_FORM}{_suggest_key(row)}")
            return None
        for detail in error.errors(include_url=False):
            is_unknown = detail["type"] == "extra_forbidden"
            where = reader.find_position(row, detail["loc"], key=is_unknown)
            detail["input"] = ()  # because only texts and numbers are shown in a message
            report(where, f"{name}: {explain_error(detail, kind.model_fields)}")
        return None


def _suggest_key(row: Any) -> str:
    keys = list(row) if isinstance(row, dict) else []
    if "quiet" in keys:
        return '; with quiet hours {address: ADDRESS, quiet: "22:00-07:00"}'
    return next(filter(None, (did_you_mean(str(key)[:24], [*_KINDS, "file"]) for key in keys)), "")


def check_names(rules: Mapping[str, Any], targets: Any, report: Report, *, is_about_cities: bool = True) -> None:
    """Report each name in a rule's ``notify`` that the section *targets* does not have.

    Rules about cities may name the broker, too.
    """
    known = [*(targets if isinstance(targets, dict) else ()), *([MQTT_TARGET] if is_about_cities else ())]
    for rule, row in rules.items():
        names = row.get("notify") if isinstance(row, reader.YamlMapping) else None
        for index, name in enumerate(names if isinstance(names, list) else []):
            if isinstance(name, str) and name not in known:
                position = reader.find_position(row, ("notify", index))
                if name == MQTT_TARGET:
                    report(position, f"{rule}: {name!r} is for rules about cities only")
                    continue
                hint = did_you_mean(name, known) or "; add it there, with an address"
                report(position, f"{rule}: {quote_shortened(name)} is not in the section 'notify'{hint}")
