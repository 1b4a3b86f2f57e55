"""Commands of weatherd, run in the process of the test."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weatherd.cli.app import execute

if TYPE_CHECKING:
    import pytest

HERE = ["--lat", "54.78", "--lon", "9.44"]  # options of a new city


def run_weatherd(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run a command; return its exit code, standard output and standard error, which has no traceback."""
    code = execute(list(arguments))
    out, err = capsys.readouterr()
    assert "Traceback" not in err, err
    return code, out, err
