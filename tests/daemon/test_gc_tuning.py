"""The garbage collector during startup."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_PROGRAM = """
import gc
from weatherd.__main__ import main
from weatherd.daemon import lifecycle
async def report_collector(*_, **__):
    print(gc.isenabled(), gc.get_freeze_count() > 10_000, flush=True)
    return True
lifecycle.run_daemon = report_collector
gc.collect()
gc.callbacks.append(lambda phase, _: print(phase, flush=True))
main()
"""


def test_startup_collects_nothing(tmp_path: Path) -> None:
    """The collector is disabled until the daemon runs, and then ignores all objects that exist by then."""
    (tmp_path / "weatherd.yaml").write_text("state: state\nhttp: {enabled: false}\n")
    (tmp_path / "cities.yaml").write_text("cities: []\n")
    command = [sys.executable, "-c", _PROGRAM, "run", "--config", str(tmp_path / "weatherd.yaml")]
    ended = subprocess.run(command, text=True, capture_output=True, check=False)  # noqa: S603
    assert (ended.returncode, ended.stdout) == (0, "True True\n"), ended.stderr
