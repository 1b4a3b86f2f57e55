"""weatherd as it is measured: as anybody would run it, with its output in files."""

from __future__ import annotations

import contextlib
import json
import signal
import sqlite3
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from benchmarks.speed import names, places
from benchmarks.speed.machine import SUBJECT_CORE, pinned, waited
from benchmarks.speed.subjects import Running
from benchmarks.speed.tail import Tail, marked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from benchmarks.speed.figures import Figures
    from benchmarks.speed.places import Place

UNBATCHED, BATCHED = "openweathermap", "open-meteo"
WAYS = {UNBATCHED: names.UNBATCHED, BATCHED: names.BATCHED}
_WITHOUT_SPEED = "import sys; sys.modules['uvloop'] = None; from weatherd.__main__ import main; main()"
_KILL = 60.0  # seconds
_WORDS = 4000  # bytes of the log, enough for a traceback


@dataclass(frozen=True)
class Daemon(Running):
    """weatherd at work. An observation counts when its line has been printed."""

    folder: Path
    begun: float  # on the monotonic clock

    @property
    def log(self) -> Path:
        """The file that its log goes to."""
        return self.folder / "log"

    def ready(self) -> float:
        """Wait until it says that it is ready; return the seconds from its start to then."""
        self._heard("daemon.ready", Tail(self.log))
        return time.monotonic() - self.begun

    def observed(self, count: int) -> float:
        """Wait until it has made so many observations; return the seconds from its start to then."""
        waited(self.process, lambda: self.done() >= count)
        return time.monotonic() - self.begun

    def reload(self, edited: Sequence[Place]) -> tuple[float, dict[str, Any]]:
        """Put another list in place of its own; return how long it took, and what the log says of it."""
        tail = Tail(self.log, self.log.stat().st_size)
        places.write(edited, self.folder / "cities.yaml")
        begin = time.monotonic()
        event = self._heard("cities.reloaded", tail)
        return time.monotonic() - begin, event

    def stop(self) -> tuple[float, int]:
        """Send SIGTERM; return the seconds until it has ended, and its exit code."""
        begin = time.monotonic()
        self.process.send_signal(signal.SIGTERM)
        code = self.process.wait(_KILL)
        return time.monotonic() - begin, code

    def _heard(self, event: str, tail: Tail) -> dict[str, Any]:
        found: list[bytes] = []

        def is_there() -> bool:
            found.extend(filter(None, [tail.find(f'"event":"{event}"'.encode())]))
            return bool(found)

        waited(self.process, is_there)
        told: dict[str, Any] = orjson.loads(found[0])
        return told


@contextlib.contextmanager
def weatherd(
    folder: Path, url: str, provider: str, cities: Sequence[Place], interval: float, *, fast: bool = True
) -> Iterator[Daemon]:
    """Run the daemon with a list in a folder of its own; it has just been started when the ``with`` begins.

    Unless it is to be *fast* it runs without the extra ``speed``, as ``pip install weatherd`` leaves it.
    """
    places.write(cities, folder / "cities.yaml")
    settings = {
        "interval": interval,
        "providers": [provider],
        "cities": "cities.yaml",
        "state": "state",
        "http": {"port": 0},
        "open_meteo": {"base_url": url, "plan": "unlimited"},
        "openweathermap": {"base_url": url, "plan": "unlimited", "api_key": "not-a-real-key"},
    }
    (folder / "weatherd.yaml").write_text(json.dumps(settings))
    out, log = folder / "out", folder / "log"
    program = ["-m", "weatherd"] if fast else ["-c", _WITHOUT_SPEED]
    command = [sys.executable, *program, "run", "--config", str(folder / "weatherd.yaml")]
    with out.open("w") as stdout, log.open("w") as stderr:
        begun = time.monotonic()
        with pinned(SUBJECT_CORE, command, stdout=stdout, stderr=stderr) as process:
            try:
                yield Daemon(process, Tail(out).count, folder, begun)
            except RuntimeError as error:
                error.add_note(log.read_bytes()[-_WORDS:].decode(errors="replace"))  # its folder is gone in a moment
                raise


def rows(folder: Path) -> int:
    """Return how many observations are in the journal of a daemon that has ended."""
    with contextlib.closing(sqlite3.connect(folder / "state" / "weatherd.sqlite")) as db:
        return int(db.execute("SELECT count(*) FROM observation").fetchone()[0])


def bytes_a_row(folder: Path) -> float:
    """Return what an observation takes of the disk, in the journal of a daemon that has ended."""
    file = folder / "state" / "weatherd.sqlite"
    with contextlib.closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return file.stat().st_size / max(1, rows(folder))


def account(running: Daemon, whose: str, figures: Figures, stop: str = names.STOP) -> None:
    """Stop it, and see that every observation was printed, logged and kept: none came cheaper by being left out."""
    took, code = running.stop()
    figures.add(whose, stop, took)
    figures.add(whose, names.CODE, code)
    counts = running.done(), marked(running.log, b'"event":"observation"'), rows(running.folder)
    figures.add(whose, names.LOST, max(counts) - min(counts))
