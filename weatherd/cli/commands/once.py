"""``weatherd once``: poll every city once."""
# ruff: noqa: D301 - \b before the examples preserves their line breaks

from __future__ import annotations

import asyncio
import json
import sys
from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from weatherd.cli.exit_codes import ExitCode
from weatherd.cli.options import (
    ConfigFile,
    OutputFormat,
    TagFilter,
    load_user_configuration,
    parse_tags,
    require_tagged,
    warn_of_quarantined_rows,
)
from weatherd.cli.terminal import print_formatted, print_text, write_csv

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.config.settings import Settings
    from weatherd.observation import FetchedObservation


def once(
    config: ConfigFile = None,
    tag: TagFilter = None,
    format: OutputFormat = "text",  # noqa: A002 - the option's name
) -> int:
    """Poll every city once and print the observations.

    Exit code 69 if a city failed; errors are printed on standard error.

    \b
    Examples:
      weatherd once
      weatherd once --format csv > now.csv
      weatherd once --tag region=north
    """
    from weatherd.cli.progress.bar import show_progress
    from weatherd.cli.single_poll import poll_once

    configuration = load_user_configuration(config)
    if tags := parse_tags(tag or ()):
        cities = tuple(city for city in configuration.cities if city.has_tags(tags.items()))
        require_tagged(cities, tags)
        configuration = replace(configuration, cities=cities)
    if not configuration.cities:
        print_text("the list has no cities; add one with weatherd cities add NAME", err=True)
    with show_progress("polling", len(configuration.cities)) as report:
        outcomes = asyncio.run(poll_once(configuration, warn_of_quarantined_rows, report))
    _print([fetched for fetched, _ in outcomes.values() if fetched], format, configuration.settings)
    errors = {city: error for city, (_, error) in outcomes.items() if error}
    for city, error in errors.items():
        print_text(f"{city.name}: {error}", err=True)
    return ExitCode.UNAVAILABLE if errors else ExitCode.OK


def _print(batch: Sequence[FetchedObservation], style: Literal["text", "json", "csv"], settings: Settings) -> None:
    from weatherd.formatting import TEMPLATE_FIELDS, LineTemplate, to_dict

    rows = [{"name": fetched.city.name, **to_dict(fetched.observation), "stale": fetched.stale} for fetched in batch]
    match style:
        case "text":
            line = LineTemplate(settings.console.format, settings.display)
            for fetched in batch:
                print_formatted(line.format(fetched))
        case "json":
            named = [row | {"tags": dict(fetched.city.tags)} for row, fetched in zip(rows, batch, strict=True)]
            print_text(json.dumps(named, ensure_ascii=False, indent=2))
        case "csv":
            columns = dict.fromkeys(f"tags.{key}" for fetched in batch for key, _ in fetched.city.tags)
            flat = (
                row | {f"tags.{key}": value for key, value in fetched.city.tags}
                for row, fetched in zip(rows, batch, strict=True)
            )
            write_csv(sys.stdout, (*TEMPLATE_FIELDS, "stale", *columns), flat)
