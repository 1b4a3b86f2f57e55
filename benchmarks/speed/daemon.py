"""weatherd as a subject of the measurements: with default settings, and its output redirected to files."""

from __future__ import annotations

import contextlib
import json
import signal
import sqlite3
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from benchmarks.speed import city_lists
from benchmarks.speed.builds import THIS
from benchmarks.speed.log_tail import LogTail, count_lines_with
from benchmarks.speed.processes import SUBJECT_CORE, run_pinned, temporary_folder, wait_until
from benchmarks.speed.report import names
from benchmarks.speed.subjects import Subject

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from benchmarks.speed.builds import Build
    from benchmarks.speed.city_lists import ListedCity
    from benchmarks.speed.report.figures import Figures

UNBATCHED, BATCHED = "openweathermap", "open-meteo"
FORMS = {UNBATCHED: names.UNBATCHED, BATCHED: names.BATCHED}
WITH_UVLOOP = ("-m", "weatherd")
WITHOUT_UVLOOP = ("-c", "import sys; sys.modules['uvloop'] = None; from weatherd.__main__ import main; main()")
_STOP_TIMEOUT = 60.0  # seconds
_MIN_WARM_UP = 1.0  # seconds
_RULES_FILE = "alerts.yaml"
_LOG_EXCERPT = 4000  # bytes, enough for a traceback


@dataclass(frozen=True)
class Daemon(Subject):
    """Running weatherd. An observation counts when its line has been printed."""

    folder: Path
    begun: float  # on the monotonic clock

    @property
    def log(self) -> Path:
        """Log file."""
        return self.folder / "log"

    def ready(self) -> float:
        """Wait until the daemon is ready. Return the seconds since its start."""
        self._wait_for_event("daemon.ready", LogTail(self.log))
        return time.monotonic() - self.begun

    def page_address(self) -> str:
        """Wait until the HTTP interface listens. Return its URL."""
        return str(self._wait_for_event("http.ready", LogTail(self.log))["url"])

    def observed(self, count: int) -> float:
        """Wait for *count* observations. Return the seconds since the start of the daemon."""
        wait_until(self.process, lambda: self.done() >= count)
        return time.monotonic() - self.begun

    def on_schedule(self, count: int, interval: float) -> float:
        """Wait until each of *count* cities is polled at its ticks. Return the seconds until each was observed once.

        At the start all cities are polled at once; the next poll is at the first tick at least half an interval away.
        """
        took = self.observed(count)
        time.sleep(max(_MIN_WARM_UP, interval / 2))
        return took

    def reload(self, edited: Sequence[ListedCity]) -> tuple[float, dict[str, Any]]:
        """Replace the city list. Return the seconds until it is reloaded, and the log event."""
        tail = LogTail(self.log, self.log.stat().st_size)
        city_lists.write_list(edited, self.folder / "cities.yaml")
        begin = time.monotonic()
        event = self._wait_for_event("cities.reloaded", tail)
        return time.monotonic() - begin, event

    def stop(self) -> tuple[float, int]:
        """Send SIGTERM. Return the seconds until the exit, and the exit code."""
        begin = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(_STOP_TIMEOUT)
        return time.monotonic() - begin, code

    def _wait_for_event(self, event: str, tail: LogTail) -> dict[str, Any]:
        found: list[bytes] = []

        def has_appeared() -> bool:
            found.extend(filter(None, [tail.find(f'"event":"{event}"'.encode())]))
            return bool(found)

        wait_until(self.process, has_appeared)
        logged: dict[str, Any] = msgspec.json.decode(found[0])
        return logged


def make_settings(url: str, provider: str, interval: float, *, has_rules: bool) -> dict[str, Any]:
    """Return the settings of a daemon whose services are at *url* and have no limits; *interval* in seconds."""
    return {
        "interval": interval,
        "providers": [provider],
        "cities": "cities.yaml",
        "state": "state",
        "http": {"port": 0},
        "open_meteo": {"base_url": url, "plan": "unlimited"},
        "openweathermap": {"base_url": url, "plan": "unlimited", "api_key": "not-a-real-key"},
        **({"alerts": _RULES_FILE} if has_rules else {}),
    }


@contextlib.contextmanager
def run_weatherd(
    folder: Path,
    url: str,
    provider: str,
    cities: Sequence[ListedCity],
    interval: float,
    *,
    program: Sequence[str] = WITH_UVLOOP,
    build: Build = THIS,
    alerts: str = "",
    more: Mapping[str, Any] = {},
) -> Iterator[Daemon]:
    """Start the daemon with a city list in *folder*. The body of the ``with`` begins immediately after the start.

    *program* is what follows the interpreter; ``WITHOUT_UVLOOP`` runs as after an installation without the extra
    ``speed``. *alerts* is the text of a file with alert rules, and *more* are further settings.
    """
    city_lists.write_list(cities, folder / "cities.yaml")
    if alerts:
        (folder / _RULES_FILE).write_text(alerts)
    settings = {**make_settings(url, provider, interval, has_rules=bool(alerts)), **more}
    (folder / "weatherd.yaml").write_text(json.dumps(settings))
    out, log = folder / "out", folder / "log"
    command = [build.python, *program, "run", "--config", str(folder / "weatherd.yaml")]
    with out.open("w") as stdout, log.open("w") as stderr:
        begun = time.monotonic()
        with run_pinned(SUBJECT_CORE, command, stdout=stdout, stderr=stderr, cwd=build.checkout) as process:
            try:
                yield Daemon(process, LogTail(out).count, folder, begun)
            except RuntimeError as error:
                # The log goes into the error, because the folder is deleted next.
                error.add_note(log.read_bytes()[-_LOG_EXCERPT:].decode(errors="replace"))
                raise


@contextlib.contextmanager
def run_on_schedule(
    url: str, provider: str, cities: Sequence[ListedCity], interval: float, *, build: Build = THIS
) -> Iterator[Daemon]:
    """Run a build in a temporary folder. The body of the ``with`` begins when each city is polled at its ticks."""
    with temporary_folder() as folder, run_weatherd(folder, url, provider, cities, interval, build=build) as running:
        running.on_schedule(len(cities), interval)
        yield running


def count_rows(folder: Path) -> int:
    """Return the number of observations in the journal of a stopped daemon."""
    with contextlib.closing(sqlite3.connect(folder / "state" / "weatherd.sqlite")) as db:
        return int(db.execute("SELECT count(*) FROM observation").fetchone()[0])


def bytes_per_row(folder: Path) -> float:
    """Return the bytes on disk per observation in the journal of a stopped daemon."""
    file = folder / "state" / "weatherd.sqlite"
    with contextlib.closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return file.stat().st_size / max(1, count_rows(folder))


def stop_and_verify(running: Daemon, subject: str, figures: Figures, stop: str = names.STOP) -> None:
    """Stop the daemon, and verify that each observation was printed, logged and stored."""
    took, code = running.stop()
    figures.add(subject, stop, took)
    figures.add(names.EVERY_DAEMON, names.EXIT_CODE, code)
    counts = running.done(), count_lines_with(running.log, b'"event":"observation"'), count_rows(running.folder)
    figures.add(names.EVERY_DAEMON, names.LOST, max(counts) - min(counts))
