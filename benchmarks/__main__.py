"""Run all measurements: ``python -m benchmarks [quick]``, or ``make bench`` and ``make bench-quick``."""

from __future__ import annotations

import sys

from benchmarks import concurrency
from benchmarks.speed import run

if __name__ == "__main__":
    is_quick = "quick" in sys.argv[1:]
    if not is_quick:
        concurrency.main()
    run.main(quick=is_quick)
