"""All measurements, one after another: ``python -m benchmarks``, or ``make bench``."""

from __future__ import annotations

from benchmarks import seed

if __name__ == "__main__":
    seed.main()
