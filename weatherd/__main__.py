"""The program's entry: ``weatherd`` and ``python -m weatherd``."""

from __future__ import annotations

import os
import sys

from weatherd.daemon import signals
from weatherd.daemon.gc_tuning import set_threshold


def main() -> None:
    """Run the command line and exit with its code."""
    if sys.argv[1:2] == ["run"]:
        signals.block_signals()  # the daemon takes them when it is ready to
    _replace_closed_streams()
    set_threshold()
    try:
        from weatherd.cli.app import main as run  # noqa: PLC0415 - an interrupt while this is imported is quiet, too
    except KeyboardInterrupt:
        sys.exit(130)
    sys.exit(run(sys.argv[1:]))


def _replace_closed_streams() -> None:
    """Write to nowhere where whoever started us has closed standard output or standard error."""
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_WRONLY)
            if nowhere != number:
                os.dup2(nowhere, number)
            setattr(sys, name, open(number, "w", encoding="utf-8", closefd=False))  # noqa: SIM115 - a descriptor


if __name__ == "__main__":
    main()
