"""Messages about optional libraries."""

from __future__ import annotations

import sys

import pytest

from weatherd.plugins import explain_missing_library


@pytest.mark.parametrize(("extra", "library"), [("mqtt", "paho-mqtt"), ("postgres", "asyncpg"), ("parquet", "pyarrow")])
def test_a_missing_library_is_installed_by_its_own_name(extra: str, library: str) -> None:
    """The command names this interpreter and the library, so that it works whatever weatherd was installed from."""
    needs, command = explain_missing_library(extra).split(": ", 1)
    assert needs == f"needs {library}"
    assert command.startswith(f"{sys.executable} -m pip install '{library}>=")
    assert "weatherd" not in command.removeprefix(sys.executable)
