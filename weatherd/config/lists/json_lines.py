"""JSON Lines lists (https://jsonlines.org): an object with the keys of a row on each line."""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from weatherd.config.lists.text_lines import split_lines
from weatherd.config.messages import quote_shortened
from weatherd.config.yaml.reader import YamlMapping, format_position, parse_yaml
from weatherd.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from weatherd.city import City
    from weatherd.config.yaml.reader import Position


class JsonRow(NamedTuple):
    """The value of a line, or its known city, and the line's text and position."""

    value: Any
    position: Position
    line: str

    def locate_values(self) -> Any:
        """Return the value with the positions of its parts, in the first line.

        JSON is nearly a part of YAML, so the YAML parser finds them. Where it reads the line otherwise, as with
        surrogate pairs in text, the parts have the position of the row.
        """
        if not isinstance(self.value, dict):
            return self.value
        with contextlib.suppress(ConfigError):
            located = parse_yaml(self.line, "")
            if located == json.loads(self.line):  # not the value, which may have got the defaults
                return located
        row = YamlMapping((1, self.position[1]))
        row.update(self.value)
        return row


def read_json_lines(
    text: str, name: str, find_city: Callable[[str], City | None] = lambda _: None
) -> Iterator[JsonRow]:
    """Yield the rows in *text*, the text of the file *name*. Empty lines are skipped.

    A line whose city *find_city* returns is not parsed. Raises ConfigError if a line is not JSON, or if there are none,
    because the file may have been cut off.
    """
    is_empty = True
    for number, line in enumerate(split_lines(text), 1):
        if not line.strip(" \t\r"):
            continue
        is_empty = False
        column = len(line) - len(line.lstrip(" \t")) + 1
        try:
            value = find_city(line) or json.loads(line, object_pairs_hook=_build_object)
        except json.JSONDecodeError as error:
            where = format_position(name, (number, error.pos + 1))
            raise ConfigError(Problem(where, f"is not valid JSON: {error.msg}")) from None
        except (ValueError, RecursionError) as error:
            message = "is nested too deep" if isinstance(error, RecursionError) else f"is not valid JSON: {error}"
            raise ConfigError(Problem(format_position(name, (number, column)), message)) from None
        yield JsonRow(value, (number, column), line)
    if is_empty:
        raise ConfigError(Problem(format_position(name, (1, 1)), 'should have a city on each line: {"name": …}'))


def _build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    built = dict(pairs)
    if len(built) < len(pairs):
        names = [key for key, _ in pairs]
        duplicate = next(key for key in names if names.count(key) > 1)
        raise ValueError(f"duplicate key {quote_shortened(duplicate)}")
    return built
