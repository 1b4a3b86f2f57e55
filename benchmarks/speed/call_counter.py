"""Run weatherd, and count the calls of its functions. The source of this module runs in the process of any build.

Counting begins when the file ``begin`` appears in the folder of the configuration, and ends when ``end`` appears; then
``calls.json`` has the calls by file and function, and the moves between files. A move is a call in another file than
the call before it in the same thread. When a coroutine continues, Python's profiler reports another call.
"""

from __future__ import annotations

import json
import sys
import threading
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from types import CodeType, FrameType

_PACKAGE = f"{Path.cwd() / 'weatherd'}/"
_POLL_INTERVAL = 0.005  # seconds


class CallCounter:
    """Calls of the package's functions, and moves between its files, since the last reset."""

    def __init__(self) -> None:
        self._files: dict[CodeType, str] = {}  # empty for functions outside the package
        self._previous = threading.local()
        self.reset()

    def reset(self) -> None:
        """Count from zero."""
        self.calls: Counter[tuple[str, str]] = Counter()
        self.moves: Counter[tuple[str, str]] = Counter()

    def profile(self, frame: FrameType, event: str, _: Any) -> None:
        """Count a call. This is the function that ``sys.setprofile`` takes."""
        if event != "call":
            return
        code = frame.f_code
        file = self._files.get(code)
        if file is None:
            file = code.co_filename.removeprefix(_PACKAGE) if code.co_filename.startswith(_PACKAGE) else ""
            self._files[code] = file
        if file:
            self.calls[file, code.co_qualname] += 1
            previous = getattr(self._previous, "file", file)
            if previous != file:
                self.moves[previous, file] += 1
            self._previous.file = file


def _write_counts(folder: Path, counter: CallCounter) -> None:
    _wait_for(folder / "begin")
    counter.reset()
    _wait_for(folder / "end")
    counts = {"calls": [*counter.calls.items()], "moves": [*counter.moves.items()]}
    new = folder / "calls.new"
    new.write_text(json.dumps(counts), encoding="utf-8")
    new.replace(folder / "calls.json")


def _wait_for(file: Path) -> None:
    while not file.exists():
        time.sleep(_POLL_INTERVAL)


def main() -> None:
    """Run weatherd with the arguments of the command line."""
    from weatherd.__main__ import main as run_weatherd  # noqa: PLC0415 - of the build in the current folder

    counter = CallCounter()
    folder = Path(sys.argv[-1]).parent
    threading.Thread(target=_write_counts, args=(folder, counter), daemon=True).start()  # itself not profiled
    threading.setprofile(counter.profile)
    sys.setprofile(counter.profile)
    run_weatherd()


if __name__ == "__main__":
    main()
