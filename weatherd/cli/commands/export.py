"""``weatherd export``: stream the journal to a file in constant memory."""
# ruff: noqa: D301 - \b before the examples preserves their line breaks

from __future__ import annotations

import contextlib
import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from weatherd.cli.exit_codes import ExitCode
from weatherd.cli.exporting.output_file import open_output
from weatherd.cli.history.sources import open_history
from weatherd.cli.lookup import find_recorded_city, parse_time_range
from weatherd.cli.options import (
    ConfigFile,
    Since,
    TagFilter,
    Until,
    load_journal_configuration,
    parse_tags,
    require_tagged,
)
from weatherd.cli.terminal import write_csv
from weatherd.text.display import Display
from weatherd.text.local_zone import load_zone
from weatherd.text.units import ReaderUnits

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from datetime import tzinfo

    from weatherd.city import City
    from weatherd.cli.exporting.parquet_file import ParquetType
    from weatherd.cli.history.sources import HistorySource
    from weatherd.cli.lookup import RecordedCity
    from weatherd.config.loader import Configuration
    from weatherd.observation import Observation

_TEXT_FIELDS = ("city", "provider", "description", "station", "origin", "quality")
_TIME_FIELDS = ("observed_at", "fetched_at")
_LOCAL_DATE = "local_date"  # because the time zone data of a reader may be older than ours
_PARQUET_TYPES: dict[str, ParquetType] = {
    "observed_at": "time",
    "fetched_at": "time",
    "code": "integer",
    _LOCAL_DATE: "date",
}


def export(  # noqa: PLR0917 - one parameter per option
    cities: Annotated[
        list[str] | None, typer.Argument(metavar="CITY", help="Names or ids; default: all cities.")
    ] = None,
    config: ConfigFile = None,
    tag: TagFilter = None,
    format: Annotated[  # noqa: A002 - the option's name
        Literal["csv", "jsonl", "parquet"],
        typer.Option("--format", "-f", metavar="FORMAT", help="The output format: csv, jsonl or parquet."),
    ] = "csv",
    since: Since = None,
    until: Until = None,
    units: Annotated[
        ReaderUnits, typer.Option(metavar="UNITS", help="Units of the values: metric, us or uk.")
    ] = "metric",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="The output file; default: standard output.")
    ] = None,
    days: Annotated[  # noqa: FBT002
        bool, typer.Option("--days", help="Export the days instead, in metric units.")
    ] = False,
) -> int:
    """Export recorded observations as CSV, JSON Lines or Parquet.

    They are in the order of their arrival, with the dates in their cities, and the names and tags that these have now.
    Exit code 74 if there is no journal. In a cluster with the forwarder postgres, the observations of all nodes are
    read from its table, by city, service and time.

    \b
    Examples:
      weatherd export > all.csv
      weatherd export --format jsonl --since 7d Kiel Berlin
      weatherd export --tag region=north --since yesterday --units us
      weatherd export --format parquet --output weather.parquet
      weatherd export --days > days.csv
      weatherd export --days --format parquet --output days.parquet
    """
    if days and units != "metric":
        raise typer.BadParameter("days are exported in metric units", param_hint="'--days'")
    configuration = load_journal_configuration(config)
    with open_history(configuration) as reader:
        chosen = _choose_cities(configuration, cities or (), parse_tags(tag or ()), reader)
        zone = chosen[0].zone if len(chosen) == 1 else load_zone(configuration.settings.timezone)
        begin, end = parse_time_range(since, until, datetime.now(UTC), zone)
        if days:
            from weatherd.cli.history.day_export import iterate_days, list_recorded_cities

            found = chosen or list_recorded_cities(configuration, reader)
            _write_days(iterate_days(reader, found, begin, end), format, output)
            return ExitCode.OK
        rows = ExportedRows(configuration.cities, units, load_zone(configuration.settings.timezone))
        with _show_progress(reader, output) as report:
            observations = reader.iterate(begin, end if until else None, [city.id for city in chosen], report)
            if format == "parquet":
                _write_parquet(observations, rows, output)
            else:
                with open_output(output) if output else contextlib.nullcontext(sys.stdout) as stream:
                    (_write_csv if format == "csv" else _write_jsonl)(observations, rows, stream)
    return ExitCode.OK


def _write_days(days: Iterator[dict[str, Any]], format_name: str, output: Path | None) -> None:
    from weatherd.cli.history.day_export import DAY_COLUMNS, format_day_row

    if format_name == "parquet":
        from weatherd.cli.exporting.parquet_file import write_parquet_file

        write_parquet_file(days, DAY_COLUMNS, output)
        return
    target: contextlib.AbstractContextManager[Any] = (
        open_output(output) if output else contextlib.nullcontext(sys.stdout)
    )
    with target as stream:
        if format_name == "csv":
            write_csv(stream, list(DAY_COLUMNS), map(format_day_row, days))
        else:
            stream.writelines(json.dumps(format_day_row(day), ensure_ascii=False) + "\n" for day in days)


@contextlib.contextmanager
def _show_progress(reader: HistorySource, output: Path | None) -> Iterator[Callable[[int], None] | None]:
    """Show a progress bar, unless the observations themselves are printed on the terminal."""
    from weatherd.cli.progress.bar import show_progress
    from weatherd.journal.reader import Reader

    if (output is None and sys.stdout.isatty()) or not isinstance(reader, Reader):
        yield None
        return
    low, high = reader.read_bounds()
    with show_progress("exporting", high - low + 1) as report:
        yield lambda seq: report(seq - low + 1)


def _choose_cities(
    configuration: Configuration, names: Sequence[str], tags: Mapping[str, str], reader: HistorySource
) -> list[RecordedCity]:
    """Return the cities with these names and tags; [] stands for all. Raises ArgumentError if there are none."""
    if not tags:
        return [find_recorded_city(configuration, name, reader) for name in names]
    tagged = [city.id for city in configuration.cities if city.has_tags(tags.items())]
    require_tagged(tagged, tags)
    found = [find_recorded_city(configuration, name, reader) for name in names or tagged]
    chosen = [city for city in found if city.id in set(tagged)]
    require_tagged(chosen, tags)
    return chosen


class ExportedRows:
    """The observations as rows with local dates, names and tags, and with values in other units.

    A city that is not in the list has the time zone *default_zone*.
    """

    def __init__(self, cities: Iterable[City], units: ReaderUnits, default_zone: tzinfo) -> None:
        self._cities = {city.id: city for city in cities}
        self._zones = {city.id: load_zone(city.timezone) for city in self._cities.values() if city.timezone}
        self._default_zone = default_zone
        self._convert = Display(units).convert if units != "metric" else dict
        self.tag_keys = tuple(dict.fromkeys(key for city in self._cities.values() for key, _ in city.tags))

    def build(self, observation: Observation) -> dict[str, Any]:
        """Return the fields of an observation, its date in its city, and ``name`` and ``tags`` of the city."""
        city, zone = self._cities.get(observation.city), self._zones.get(observation.city, self._default_zone)
        values = self._convert(observation._asdict())
        values[_LOCAL_DATE] = observation.observed_at.astimezone(zone).date()
        return values | {"name": city.name if city else None, "tags": dict(city.tags) if city else {}}

    def build_flat(self, observation: Observation) -> dict[str, Any]:
        """Return the same with a key for each tag of the list: ``tags.region``."""
        row = self.build(observation)
        tags = row.pop("tags")
        return row | {f"tags.{key}": tags.get(key) for key in self.tag_keys}

    @property
    def columns(self) -> list[str]:
        """The keys of a flat row."""
        from weatherd.observation import FIELDS

        return [*FIELDS, _LOCAL_DATE, "name", *(f"tags.{key}" for key in self.tag_keys)]


def _write_csv(observations: Iterator[Observation], rows: ExportedRows, stream: Any) -> None:
    write_csv(stream, rows.columns, (_format_times(rows.build_flat(observation)) for observation in observations))


def _write_jsonl(observations: Iterator[Observation], rows: ExportedRows, stream: Any) -> None:
    for observation in observations:
        stream.write(json.dumps(_format_times(rows.build(observation)), ensure_ascii=False) + "\n")


def _format_times(row: dict[str, Any]) -> dict[str, Any]:
    texts = {name: _format_time(row[name]) for name in _TIME_FIELDS}
    return row | texts | {_LOCAL_DATE: row[_LOCAL_DATE].isoformat()}


def _format_time(moment: datetime) -> str:
    """Format a time in UTC, with microseconds if it has them, because an import finds the same observation by it."""
    from weatherd.formatting import format_rfc3339

    if not moment.microsecond % 1000:
        return format_rfc3339(moment)
    return f"{moment.astimezone(UTC).replace(tzinfo=None).isoformat(timespec='microseconds')}Z"


def _write_parquet(observations: Iterator[Observation], rows: ExportedRows, output: Path | None) -> None:
    """Write observations as Parquet. Raises ArgumentError and BadParameter as write_parquet_file() does."""
    from weatherd.cli.exporting.parquet_file import write_parquet_file
    from weatherd.observation import FIELDS

    texts, others = (*_TEXT_FIELDS, *rows.columns[len(FIELDS) + 1 :]), _PARQUET_TYPES
    types = {name: "text" if name in texts else others.get(name, "number") for name in rows.columns}
    write_parquet_file(map(rows.build_flat, observations), types, output)
