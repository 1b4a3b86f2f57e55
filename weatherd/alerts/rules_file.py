"""The rules file, such as ``alerts.yaml``: every mistake is reported with file, line and column."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    InstanceOf,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
)

from weatherd.alerts.builtin.daemon_rules import DAEMON_RULES
from weatherd.alerts.builtin.daemon_section import Repeat, daemon_schema, parse_daemon_rules
from weatherd.alerts.hours import Hours, parse_hours
from weatherd.alerts.language.compiler import compile_expression
from weatherd.alerts.language.grammar import ExpressionError
from weatherd.alerts.language.value_ranges import find_conflicts
from weatherd.alerts.message import MessageTemplate, UnknownFieldError
from weatherd.alerts.rule import AlertSeverity, Rule, RuleCities
from weatherd.alerts.states import Timing
from weatherd.alerts.targets import AppriseTarget, CommandTarget, NamedTarget, Secret, WebhookTarget
from weatherd.alerts.targets_section import check_names, parse_targets
from weatherd.city import ID_PATTERN, parse_tag_value
from weatherd.config.messages import explain_error, quote_shortened
from weatherd.config.schema import SCHEMA_DIALECT
from weatherd.config.sections.value_types import Duration, Word
from weatherd.config.yaml import reader
from weatherd.errors import ConfigError, Problem
from weatherd.text.display import DEFAULT_DISPLAY, Display
from weatherd.text.suggestions import did_you_mean

if TYPE_CHECKING:
    from weatherd.alerts.builtin.daemon_rules import DaemonRule
    from weatherd.alerts.language.compiler import Expression
    from weatherd.config.yaml.reader import Position

_ALERTS, _NOTIFY, _DAEMON = "alerts", "notify", "daemon"
_KEYS_OF_FILE = (_ALERTS, _NOTIFY, _DAEMON)
_CITIES_FORM = "should be all, the id of a city, a list of ids, or {tag: {region: north}}"
_TAGS_SCHEMA = {"type": "object", "additionalProperties": {"type": ["string", "number", "boolean"]}}
_CITIES_SCHEMA = {
    "anyOf": [
        {"type": "string"},
        {"type": "array", "items": {"type": "string"}, "minItems": 1},
        {"type": "object", "properties": {"tag": _TAGS_SCHEMA}, "required": ["tag"], "additionalProperties": False},
    ]
}


def _parse_cities(value: Any) -> RuleCities:
    if isinstance(value, RuleCities):
        return value
    if value == "all":
        return RuleCities()
    ids = [value] if isinstance(value, str) else value
    if isinstance(ids, list) and ids and all(isinstance(city, str) for city in ids):
        return RuleCities(ids=tuple(ids))
    if isinstance(value, dict) and list(value) == ["tag"] and isinstance(value["tag"], dict) and value["tag"]:
        return RuleCities(tags=tuple((key, parse_tag_value(key, text)) for key, text in value["tag"].items()))
    raise ValueError(_CITIES_FORM)


class RuleRow(BaseModel):
    """A rule as it is written."""

    model_config = ConfigDict(extra="forbid", frozen=True, title="Alert rule")

    when: Annotated[Word, Field(description="The condition: temperature < 0 and wind_speed < 3")]
    hold: Annotated[Duration, Field(alias="for", description="How long the condition must hold")] = 0.0
    until: Annotated[
        Word | None, Field(description="The condition that ends the alert; default: the opposite of `when`")
    ] = None
    cities: Annotated[
        InstanceOf[RuleCities],
        BeforeValidator(_parse_cities),
        WithJsonSchema(_CITIES_SCHEMA),
        Field(
            default_factory=RuleCities,
            description="all, the id of a city, a list of ids, or {tag: {region: north}}; default: all",
        ),
    ]
    between: Annotated[
        InstanceOf[Hours] | None,
        BeforeValidator(parse_hours),
        WithJsonSchema({"type": "string", "pattern": r"^\d\d?:\d\d\s*[-–]\s*\d\d?:\d\d$"}),
        Field(description="Hours of the city's clock: 18:00-09:00; outside them, the condition does not hold"),
    ] = None
    severity: Annotated[AlertSeverity, Field(description="How serious the alert is")] = "warning"
    message: Annotated[
        Word | None, Field(description="Text of the alert, with {name}, {unit}, {local_time}, {temperature} …")
    ] = None
    notify: Annotated[list[Word], Field(description="Names of those to notify")] = []
    repeat: Repeat = None


class RulesFile(BaseModel):
    """Alert rules of weatherd."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    alerts: Annotated[dict[Annotated[str, Field(pattern=ID_PATTERN)], RuleRow], Field(description="Rules by name")] = {}
    daemon: Annotated[dict[str, Any], WithJsonSchema(daemon_schema())] = {}
    notify: Annotated[
        dict[Annotated[str, Field(pattern=ID_PATTERN)], WebhookTarget | CommandTarget | AppriseTarget | Secret],
        Field(description="To whom alerts are sent, by name: an Apprise address, a webhook or a command"),
    ] = {}


_ROW = TypeAdapter(RuleRow)
_KEYS = [field.alias or name for name, field in RuleRow.model_fields.items()]


def rules_schema() -> dict[str, Any]:
    """Return the JSON Schema of alerts.yaml."""
    return SCHEMA_DIALECT | RulesFile.model_json_schema()


def load_rules(path: Path, display: Display = DEFAULT_DISPLAY) -> tuple[Rule, ...]:
    """Load the rules of a file. Raises ConfigError with every mistake."""
    return parse_rules(reader.read_text(path), str(path), display)


def load_daemon_rules(path: Path | None) -> tuple[DaemonRule, ...]:
    """Load the built-in rules in force, with the changes in a rules file. Raises ConfigError with every mistake."""
    return parse_file(reader.read_text(path), str(path), DEFAULT_DISPLAY).daemon if path else DAEMON_RULES


def parse_rules(text: str, name: str, display: Display = DEFAULT_DISPLAY) -> tuple[Rule, ...]:
    """Parse the rules in *text*, the text of the file *name*. Raises ConfigError with every mistake."""
    return parse_file(text, name, display).rules


def load_targets(path: Path, display: Display = DEFAULT_DISPLAY) -> tuple[NamedTarget, ...]:
    """Load the targets in the section ``notify`` of a file. Raises ConfigError with every mistake in the file."""
    return parse_file(reader.read_text(path), str(path), display).targets


class ParsedFile(NamedTuple):
    """What is in a rules file."""

    rules: tuple[Rule, ...]
    daemon: tuple[DaemonRule, ...]  # the built-in rules that are on
    targets: tuple[NamedTarget, ...]


def parse_file(text: str, name: str, display: Display) -> ParsedFile:
    """Parse *text*, the text of the file *name*. Raises ConfigError with every mistake."""
    document = reader.parse_yaml(text, name)
    rows = document.get(_ALERTS) if isinstance(document, reader.YamlMapping) else None
    if rows is None and isinstance(document, reader.YamlMapping) and not document.keys().isdisjoint(_KEYS_OF_FILE):
        rows = reader.YamlMapping((1, 1))  # all rules may be comments, as in a file with targets alone
    if not isinstance(rows, reader.YamlMapping) or not isinstance(document, reader.YamlMapping):
        position = reader.find_position(document, (_ALERTS,))
        message = "should have the key 'alerts' with a rule under each name: frost: {when: temperature < 0}"
        raise ConfigError(Problem(reader.format_position(name, position), message))
    parser, folder = _Parser(text, name, display), Path(name).parent
    for key, position in document.key_positions.items():
        if key not in _KEYS_OF_FILE:
            parser.report(position, f"unknown key {quote_shortened(key)}{did_you_mean(key, _KEYS_OF_FILE)}")
    targets = parse_targets(document, _NOTIFY, parser.report)
    rules = [parser.parse_rule(key, row, rows) for key, row in rows.items()]
    daemon = parse_daemon_rules(document, _DAEMON, parser.report)
    section = document.get(_DAEMON)
    check_names(rows, document.get(_NOTIFY), parser.report)
    for named in ({_DAEMON: section}, section if isinstance(section, reader.YamlMapping) else {}):
        check_names(named, document.get(_NOTIFY), parser.report, is_about_cities=False)
    if parser.problems:
        raise ConfigError(*(problem for _, problem in sorted(parser.problems, key=lambda found: found[0])))
    named_targets = [
        NamedTarget(key, target, reader.format_position(name, reader.find_position(document, (_NOTIFY, key))), folder)
        for key, target in targets.items()
    ]
    return ParsedFile(tuple(rule for rule in rules if rule), daemon, tuple(named_targets))


class _Parser:
    """Parses rules, and collects the problems of their file with their positions."""

    def __init__(self, text: str, name: str, display: Display) -> None:
        self._lines = text.removeprefix(reader.BOM).split("\n")
        self._name, self._display = name, display
        self.problems: list[tuple[Position, Problem]] = []

    def report(self, position: Position, message: str) -> None:
        """Add a problem."""
        self.problems.append((position, Problem(reader.format_position(self._name, position), message)))

    def parse_rule(self, name: str, row: Any, rows: reader.YamlMapping) -> Rule | None:
        """Return a rule; report its mistakes and return None if it has any."""
        before = len(self.problems)
        if not re.fullmatch(ID_PATTERN, name):
            form = "should be lower-case letters, digits, '-' and '_', at most 64"
            self.report(rows.key_positions[name], f"the name {quote_shortened(name)} {form}")
        if not isinstance(row, reader.YamlMapping):
            self.report(rows.value_positions[name], f"{name}: should be a rule such as {{when: temperature < 0}}")
            return None
        when, until = (self._compile(name, key, row) for key in ("when", "until"))
        for key, conflict in find_conflicts(when and when.node, until and until.node):
            self.report(row.value_positions[key], f"{name}: '{key}' {conflict}")
        try:
            checked = _ROW.validate_python(row)
        except ValidationError as error:
            for detail in error.errors(include_url=False):
                position = reader.find_position(row, detail["loc"], key=detail["type"] == "extra_forbidden")
                self.report(position, f"{name}: {explain_error(detail, _KEYS)}")
            return None
        message = self._parse_message(name, checked, row)
        if len(self.problems) > before or when is None or message is None:
            return None
        timing = Timing(checked.hold, checked.repeat)
        return Rule(
            name, when, until, timing, checked.cities, checked.between, checked.severity, message, tuple(checked.notify)
        )

    def _compile(self, name: str, key: str, row: reader.YamlMapping) -> Expression | None:
        """Return the condition under a key; None if there is none, or if it has a mistake, which is reported."""
        text = row.get(key)
        if not isinstance(text, str) or not text:
            return None
        try:
            return compile_expression(text)
        except ExpressionError as error:
            self._report_part(row.value_positions[key], text, error.column, f"{name}: {key!r} {error}")
            return None

    def _parse_message(self, name: str, row: RuleRow, node: reader.YamlMapping) -> MessageTemplate | None:
        template = row.message if row.message is not None else "{name}: {rule}"
        try:
            return MessageTemplate(template, {"rule": name, "severity": row.severity}, self._display)
        except ValueError as error:
            column = template.find(error.text) + 1 if isinstance(error, UnknownFieldError) else 1
            self._report_part(node.value_positions["message"], template, column, f"{name}: 'message' {error}")
            return None

    def _report_part(self, position: Position, text: str, column: int, message: str) -> None:
        """Report a mistake at a column of a value, or of the whole value if it is not written in one line as it is."""
        line, start = position
        source = self._lines[line - 1][start - 1 :]
        quote = 1 if source[:1] in {'"', "'"} else 0
        if source[quote : quote + len(text)] == text:
            self.report((line, start + quote + column - 1), message)
        else:
            self.report(position, f"{message} (character {column} of the text)")
