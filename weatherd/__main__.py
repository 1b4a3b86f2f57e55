"""The program's entry: ``weatherd`` and ``python -m weatherd``."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command line and exit with its code."""
    from weatherd.cli import main as run  # noqa: PLC0415 - an interrupt while this is imported is quiet, too

    sys.exit(run(sys.argv[1:]))


if __name__ == "__main__":
    main()
