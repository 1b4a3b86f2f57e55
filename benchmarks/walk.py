"""Count the calls of functions for one observation: ``python -m benchmarks.walk [BASE]``.

Prints the calls by file and function, and the totals of this build and of BASE, a checkout or a commit.
"""

from __future__ import annotations

import sys

from benchmarks.speed import daemon
from benchmarks.speed.builds import THIS, prepare_build
from benchmarks.speed.measurements.call_counts import count_calls
from benchmarks.speed.plan import PREVIOUS_COMMIT
from benchmarks.speed.processes import UPSTREAM_CORE, leave_subject_core, temporary_folder
from benchmarks.speed.upstream import run_upstream


def main(base: str) -> None:
    """Count both builds, with one city a request and with 100."""
    previous = prepare_build(base)
    leave_subject_core()
    with temporary_folder() as folder, run_upstream(folder / "upstream", UPSTREAM_CORE) as url:
        for provider, form in daemon.FORMS.items():
            for build in (THIS, previous):
                counts = count_calls(url, build, provider)
                if build is THIS:
                    for (file, function), calls in sorted(counts.by_function.items()):
                        print(f"{calls:8.2f}  {file}  {function}")
                totals = f"{counts.calls:.1f} calls, {counts.moves:.1f} moves between {len(counts.by_file)} files"
                print(f"{build.title}, {form}: {totals} an observation", flush=True)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else PREVIOUS_COMMIT)
