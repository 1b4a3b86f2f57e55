"""Commands that read a cluster's database, where the driver of PostgreSQL is not installed."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Weatherd

_SETTINGS = """
http: {port: 9}
postgres: {dsn: 'postgresql://localhost/weather'}
cluster: {dsn: 'postgresql://localhost/weather'}
"""


@pytest.mark.parametrize("command", [("history", "Kiel"), ("export",), ("cluster", "status", "--database")])
def test_the_message_has_the_command_that_installs_it(
    weatherd: Weatherd, folder: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """It is exit code 78, as for ``weatherd run``."""
    monkeypatch.setitem(sys.modules, "asyncpg", None)
    monkeypatch.delenv("WEATHERD_HTTP__PORT", raising=False)
    (folder / "weatherd.yaml").write_text(_SETTINGS)
    code, _, err = weatherd(*command)
    assert (code, "needs asyncpg: " in err) == (78, True)
