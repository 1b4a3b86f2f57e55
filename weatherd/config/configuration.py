"""The loaded configuration as one frozen value, and the files that it comes from."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from weatherd.config.lists.known_rows import NO_ROWS, KnownRows

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from weatherd.city import City
    from weatherd.config.settings import Settings
    from weatherd.errors import Problem

SETTINGS_FILE_NAME = "weatherd.yaml"
DEFAULT_SHUTDOWN_GRACE = 8.0  # seconds
# The settings that are the defaults of a city's keys
GENERAL_KEYS = ("interval", "providers", "timezone", "warnings", "backfill", "compare")
_FOLDER = Path(__file__).resolve().parent
_IN_CHECKOUT = _FOLDER.parents[1] / "config" / SETTINGS_FILE_NAME
# An installed package contains a copy of both files of the checkout's config/
SHIPPED_SETTINGS = _IN_CHECKOUT if _IN_CHECKOUT.is_file() else _FOLDER / SETTINGS_FILE_NAME


class RetentionPeriods(NamedTuple):
    """How long the journal keeps observations, in seconds; None: for ever."""

    raw: float | None  # all of them
    hourly: (
        float | None
    )  # one an hour of each city and service; not shorter than raw, and equal if there is no such part


@dataclass(frozen=True, slots=True)
class Configuration:
    """The settings and cities, the settings file, and the problems of the quarantined rows. Frozen."""

    file: Path
    settings: Settings  # in the daemon, a PlainSettings with the same attributes
    cities: Sequence[City]  # a tuple, or in a cluster a PackedCities if the list is long
    quarantined: tuple[tuple[Problem, ...], ...]
    # Returns the position of a city's row, "cities.yaml:2:5", by the city's id
    locate: Callable[[str], str] | None = field(default=None, compare=False, repr=False)
    rows: KnownRows = field(default=NO_ROWS, compare=False, repr=False)  # for the next reload

    @property
    def list_paths(self) -> tuple[Path, ...]:
        """The paths of the city list: files, and folders of files."""
        return find_list_paths(self.file, self.settings)

    @property
    def alerts_path(self) -> Path | None:
        """The path of the alert rules; None without rules."""
        return self.file.parent / self.settings.alerts if self.settings.alerts else None

    @property
    def list_name(self) -> str:
        """The paths of the city list as text, for messages."""
        return ", ".join(map(str, self.list_paths))


def find_list_paths(file: Path, settings: Settings) -> tuple[Path, ...]:
    """Return the paths of the city list, files and folders, for the settings in *file*."""
    return tuple(file.parent / path for path in settings.cities)
