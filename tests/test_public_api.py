"""The names that plug-ins and scripts may use."""

from __future__ import annotations

import inspect
import subprocess
import sys

import pytest

import weatherd


@pytest.mark.parametrize("name", weatherd.__all__)
def test_every_public_name_is_documented(name: str) -> None:
    """Each name in ``__all__`` can be imported and has a docstring of its own."""
    documented = getattr(weatherd, name)
    assert inspect.getdoc(documented)
    assert documented.__doc__ != WEATHERD_ERROR_DOC or name == "WeatherdError"


WEATHERD_ERROR_DOC = weatherd.WeatherdError.__doc__


def test_an_unknown_name_is_an_attribute_error() -> None:
    """A name that is not public is reported like a missing attribute of any module."""
    with pytest.raises(AttributeError, match="no attribute 'Clientt'"):
        weatherd.Clientt  # noqa: B018


def test_importing_the_package_imports_no_library() -> None:
    """``import weatherd`` loads no library into a host process, sets no handler, and replaces no module."""
    code = (
        "import signal, sys; before = dict(sys.modules), signal.getsignal(signal.SIGINT), sys.excepthook\n"
        "import gc, warnings; thresholds = gc.get_threshold()\n"
        "import weatherd\n"
        "assert gc.get_threshold() == thresholds\n"
        "assert (signal.getsignal(signal.SIGINT), sys.excepthook) == before[1:]\n"
        "assert all(sys.modules[name] is module for name, module in before[0].items())\n"
        "print(*{'aiohttp', 'pydantic', 'structlog', 'rich', 'typer', 'yaml'} & sys.modules.keys())"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603
    assert run.stdout.split() == []
