"""The progress bar of long work."""

from __future__ import annotations

import contextlib
import io

import pytest

from weatherd.cli.progress.bar import show_progress


class Terminal(io.StringIO):
    """A standard error that is a terminal."""

    def isatty(self) -> bool:
        """Return True."""
        return True


@pytest.fixture(autouse=True)
def _terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use a terminal that understands escape sequences."""
    monkeypatch.setenv("TERM", "xterm")


def report_work(total: int, done: int, delay: float = -1.0) -> str:
    """Report some work; return what is printed on a terminal, where a bar appears at once by default."""
    with contextlib.redirect_stderr(Terminal()) as stream, show_progress("polling", total, delay) as report:
        report(done)
    return stream.getvalue()


def test_a_terminal_gets_a_bar() -> None:
    """It has what is done, of how much; more than the total is no error."""
    text = report_work(200, 50)
    assert "polling" in text
    assert "50/200" in text
    assert "7/7" in report_work(1, 7)


def test_short_work_has_no_bar() -> None:
    """Work that ends within the delay prints nothing."""
    assert not report_work(200, 50, delay=60.0)


def test_pipes_and_dumb_terminals_get_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """There is no bar and no escape sequence."""
    with show_progress("polling", 200, delay=-1.0) as report:
        report(50)
    assert capsys.readouterr() == ("", "")
    monkeypatch.setenv("TERM", "dumb")
    assert not report_work(200, 50)
