"""The installation of plug-ins that a test module defines."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.support.plugins import install_package

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


WRONG = """
import math
from weatherd.providers import ProviderTraits
from weatherd.providers.past import PastTraits

def open_wrong(settings, resources=None): ...
"""


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> Callable[..., None]:
    """Return a function that installs plug-ins of the test's module; the first ones are closed last.

    With *wrong*, the source code of an attribute, it also installs a plug-in ``wrong`` that has this attribute.
    """

    def install(group: str, *names: str, wrong: str = "") -> None:
        lines = [f"[weatherd.{group}]", *(f"{name} = {request.module.__name__}:open_{name}" for name in names)]
        modules = {"wrong_plugin": f"{WRONG}\nopen_wrong.{wrong}\n"} if wrong else {}
        lines += [f"wrong = {module}:open_wrong" for module in modules]
        install_package(monkeypatch, tmp_path, group, "\n".join(lines), **modules)

    return install
