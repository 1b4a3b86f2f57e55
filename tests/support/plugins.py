"""Installation of plug-ins, as pip would do it."""

from __future__ import annotations

import sys
import textwrap
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    import pytest


def write_package(folder: Path, name: str, entry_points: str, **modules: str) -> None:
    """Write the metadata of a package, and its modules: their source code by name."""
    metadata = folder / f"{name}-1.0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name.replace('_', '-')}\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(entry_points)
    for module, code in modules.items():
        (folder / f"{module}.py").write_text(textwrap.dedent(code), encoding="utf-8")


def install_package(
    monkeypatch: pytest.MonkeyPatch, folder: Path, name: str, entry_points: str, **modules: str
) -> None:
    """Write a package and make it importable; its modules are imported anew."""
    write_package(folder, name, entry_points, **modules)
    monkeypatch.syspath_prepend(folder)
    for module in modules:
        sys.modules.pop(module, None)
