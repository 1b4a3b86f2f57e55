"""All measurements, one after another: ``python -m benchmarks [quick]``, or ``make bench`` and ``make bench-quick``."""

from __future__ import annotations

import sys

from benchmarks import seed
from benchmarks.speed import run

if __name__ == "__main__":
    is_quick = "quick" in sys.argv[1:]
    if not is_quick:
        seed.main()
    run.main(quick=is_quick)
