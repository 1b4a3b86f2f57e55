"""The progress bar of long work."""

from __future__ import annotations

import contextlib
import io

import pytest

from weatherd.cli import progress
from weatherd.cli.progress import show_progress


class Terminal(io.StringIO):
    """A standard error that is a terminal."""

    def isatty(self) -> bool:
        """Return True."""
        return True


@pytest.fixture(autouse=True)
def _at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a bar appear at once, on a terminal that understands escape sequences."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr(progress, "_DELAY", -1.0)


def report_work(total: int, done: int) -> str:
    """Report some work; return what is printed on a terminal."""
    with contextlib.redirect_stderr(Terminal()) as stream, show_progress("polling", total) as report:
        report(done)
    return stream.getvalue()


def test_a_terminal_gets_a_bar() -> None:
    """It has what is done, of how much; more than the total is no error."""
    text = report_work(200, 50)
    assert "polling" in text
    assert "50/200" in text
    assert "7/7" in report_work(1, 7)


def test_short_work_has_no_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    """Work that ends within a moment prints nothing."""
    monkeypatch.setattr(progress, "_DELAY", 60.0)
    assert not report_work(200, 50)


def test_pipes_and_dumb_terminals_get_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is no bar and no escape sequence."""
    with show_progress("polling", 200) as report:
        report(50)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setenv("TERM", "dumb")
    assert not report_work(200, 50)
