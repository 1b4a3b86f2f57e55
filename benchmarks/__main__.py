"""Run the benchmark: ``python -m benchmarks [MODE [BASE]]``, or ``make bench MODE=... BASE=...``.

MODE is ``full``, ``quick``, ``page`` (the web page) or ``million`` (the memory of a million cities). BASE is the
previous build: a checkout with a virtual environment, or a commit.
"""

from __future__ import annotations

import argparse

from benchmarks import concurrency
from benchmarks.speed import run
from benchmarks.speed.plan import PLANS, PREVIOUS_COMMIT

if __name__ == "__main__":
    _parser = argparse.ArgumentParser(prog="python -m benchmarks")
    _parser.add_argument("mode", choices=PLANS, nargs="?", default="full")
    _parser.add_argument("base", nargs="?", default=PREVIOUS_COMMIT, help="checkout or commit of the previous build")
    _arguments = _parser.parse_args()
    if _arguments.mode == "full":
        concurrency.main()
    run.main(_arguments.mode, _arguments.base)
