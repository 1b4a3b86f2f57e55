"""The log: every line parses, whichever code logs it, and holds no secret."""

from __future__ import annotations

import io
import json
import logging
import os
import re
import subprocess
import sys
import warnings
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import structlog

from weatherd import log
from weatherd.text.redaction import REDACTED, Redaction

if TYPE_CHECKING:
    from pathlib import Path

SECRET = 'k3y"with\\quotes'


class Facts(msgspec.Struct, omit_defaults=True):
    """Facts of an event of a batch."""

    city: str
    note: str = ""


@pytest.fixture
def stream() -> io.StringIO:
    """Configure the log to write JSON to memory."""
    text = io.StringIO()
    log.configure("info", "json", [SECRET], text)
    return text


def _lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_starts_with_time_level_and_event(stream: io.StringIO) -> None:
    """An event is one JSON object: time, level, event, then its facts in order."""
    structlog.get_logger().info("city.down", city="kiel", failures=1, name="München")
    line = stream.getvalue()
    assert list(json.loads(line)) == ["timestamp", "level", "event", "city", "failures", "name"]
    assert "München" in line
    assert json.loads(line)["timestamp"].endswith("Z")


def test_events_below_the_level_are_dropped(stream: io.StringIO) -> None:
    """This holds for weatherd's own events and for library log records."""
    structlog.get_logger().debug("city.still_down")
    logging.getLogger("aiohttp").info("chatter")
    assert stream.getvalue() == ""


def test_library_records_and_warnings_are_json_too(stream: io.StringIO) -> None:
    """A library's log record, with its traceback, and a warning are each one event."""
    try:
        raise ValueError("broken\nline")  # noqa: TRY301 - a traceback is wanted
    except ValueError:
        logging.getLogger("asyncio").exception("Task exception was never retrieved")
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        warnings.warn("old", DeprecationWarning, stacklevel=1)
    library, warning = _lines(stream)
    assert (library["event"], library["logger"], library["level"]) == ("library", "asyncio", "error")
    assert "broken" in library["exception"]
    assert warning["logger"] == "py.warnings"


def test_an_exception_is_one_line(stream: io.StringIO) -> None:
    """A traceback is a fact of its event, not extra lines that do not parse."""
    structlog.get_logger().error("sink.down", exc_info=KeyError("x"))
    assert "KeyError" in _lines(stream)[0]["exception"]


def test_no_secret_is_ever_printed(stream: io.StringIO) -> None:
    """A secret is redacted in facts, tracebacks, library records and URLs."""
    structlog.get_logger().info("event", fact=SECRET, other=f"http://x/?lat=1&appid={SECRET}")
    structlog.get_logger().error("event", exc_info=ValueError(SECRET))
    logging.getLogger("x").error("library says %r", SECRET)
    structlog.get_logger().info("event", url="https://api.example/data?lat=1&APPID=unknown-key&lon=2")
    text = stream.getvalue()
    assert "k3y" not in text
    assert "unknown-key" not in text
    assert text.count(REDACTED) >= 4
    assert "&lon=2" in text


def test_a_closed_stream_does_not_stop_the_program(stream: io.StringIO) -> None:
    """Writing to a closed stream is ignored."""
    stream.close()
    structlog.get_logger().error("event")
    assert stream.closed


@pytest.mark.parametrize(
    "code",
    [
        "raise ValueError('oh')",
        "import threading; t = threading.Thread(target=lambda: 1 / 0); t.start(); t.join()",
        "class A:\n def __del__(self): 1 / 0\nA()",
        "import warnings; warnings.warn('old')",
        "import asyncio\nasync def main(): asyncio.get_running_loop().call_soon(lambda: 1 / 0)\nasyncio.run(main())",
    ],
    ids=["uncaught", "thread", "unraisable", "warning", "asyncio"],
)
def test_every_line_of_a_process_parses(code: str) -> None:
    """After configure(), every error of a process is a JSON object on standard error."""
    program = f"from weatherd import log\nlog.configure()\n{code}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)  # noqa: S603
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert lines
    assert all({"timestamp", "level", "event"} <= line.keys() for line in lines)


def test_pretty_lines_for_a_person() -> None:
    """The pretty style prints time, level, event and facts, without colours when the stream is not a terminal."""
    text = io.StringIO()
    log.configure("info", "pretty", [], text)
    structlog.get_logger().warning("city.down", city="kiel", reason="out of order")
    line = text.getvalue()
    assert "[warning" in line
    assert "city.down" in line
    assert "city=kiel" in line
    assert "\x1b" not in line


@pytest.mark.parametrize("style", ["json", "pretty"])
def test_a_batch_renders_the_same_lines_as_single_events(style: str) -> None:
    """The order of facts and the redaction are those of ``info()``; only the time is shared."""
    stream = io.StringIO()
    log.configure("info", style, [SECRET], stream)
    batch = [Facts("kiel", SECRET), Facts("berlin"), Facts("{\n{\r\n\\n{", "}\n{\x00")]
    log.get_log_writer().write_batch("observation", batch)
    together = stream.getvalue()
    for facts in batch:
        structlog.get_logger().info("observation", **msgspec.to_builtins(facts))
    first, second = (re.sub(r"\d{4}-\S+Z", "", text) for text in (together, stream.getvalue()[len(together) :]))
    assert first == second
    assert SECRET not in stream.getvalue()


def test_a_terminal_executes_nothing_in_an_event() -> None:
    """Control characters in facts and exceptions are escaped, and a line break in a fact forges no event."""
    stream = io.StringIO()
    log.configure("info", "pretty", (), stream)
    structlog.get_logger().info("provider.paused", reason="\x1b[31mred\nfake", host="\x9b2J\u202e")
    structlog.get_logger().error("plugin.broken", exc_info=ValueError("\x1b]8;;http://evil\x07"))
    lines = stream.getvalue().splitlines()
    assert all(line.isprintable() for line in lines)
    assert "u001b[31mred" in lines[0]
    assert not any(line.startswith("fake") for line in lines)
    assert lines[-1].endswith(r"\u001b]8;;http://evil\u0007")


def test_a_dumb_terminal_gets_no_colors(monkeypatch: pytest.MonkeyPatch) -> None:
    """``TERM=dumb`` and ``NO_COLOR`` disable colors on a terminal."""
    monkeypatch.delenv("NO_COLOR", raising=False)
    for variable, value, has_colors in (("TERM", "xterm", True), ("TERM", "dumb", False)):
        monkeypatch.setenv(variable, value)
        stream = io.StringIO()
        monkeypatch.setattr(stream, "isatty", lambda: True)
        log.configure("info", "auto", (), stream)
        structlog.get_logger().info("daemon.ready")
        assert ("\x1b" in stream.getvalue()) is has_colors


def test_a_batch_has_the_context_of_its_task(stream: io.StringIO) -> None:
    """Bound context variables are in each line of a batch."""
    with structlog.contextvars.bound_contextvars(reload=1):
        log.get_log_writer().write_batch("observation", [Facts("kiel"), Facts("berlin")])
    assert [line["reload"] for line in _lines(stream)] == [1, 1]


def test_a_batch_below_the_level_is_dropped(stream: io.StringIO) -> None:
    """A batch is logged at level info."""
    log.configure("warning", "json", stream=stream)
    log.get_log_writer().write_batch("observation", [Facts("kiel")])
    assert stream.getvalue() == ""


def test_a_batch_with_a_lone_surrogate_is_logged(stream: io.StringIO) -> None:
    """A text that is not valid Unicode does not cost the other lines of its batch."""
    log.get_log_writer().write_batch("observation", [Facts("kiel"), Facts("\ud800"), Facts("berlin")])
    assert [line["city"] for line in _lines(stream)] == ["kiel", "\ud800", "berlin"]


def test_a_batch_is_one_write() -> None:
    """The lines of a batch are written together; an empty batch writes nothing."""
    written = list[str]()
    log.configure("info", "json", write=written.append)
    log.get_log_writer().write_batch("observation", [Facts("kiel"), Facts("berlin")])
    log.get_log_writer().write_batch("observation", [])
    (text,) = written
    assert [json.loads(line)["city"] for line in text.split("\n")] == ["kiel", "berlin"]


def test_the_longer_of_two_secrets_is_redacted_whole() -> None:
    """A secret that is a prefix of another does not leave the rest of it in the line."""
    redact = Redaction(["secret", "secret-and-more"])
    assert redact("a=secret-and-more b=secret") == f"a={REDACTED} b={REDACTED}"


def test_there_is_no_writer_before_configure() -> None:
    """A log sink that is opened too early fails with a message, not with lines in another format."""
    program = "from weatherd import log\nlog.get_log_writer()"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)  # noqa: S603
    assert done.stderr.endswith("RuntimeError: weatherd.log.configure() has not been called\n")


def test_the_level_can_change(stream: io.StringIO) -> None:
    """A new level holds for loggers that exist already, for libraries and for batches."""
    logger = structlog.get_logger()
    log.set_level("error")
    logger.warning("city.down")
    logging.getLogger("aiohttp").warning("chatter")
    log.get_log_writer().write_batch("observation", [Facts("kiel")])
    assert _lines(stream) == []
    log.set_level("debug")
    logger.debug("city.still_down")
    assert [line["event"] for line in _lines(stream)] == ["city.still_down"]


@pytest.mark.parametrize("style", ["json", "pretty"])
def test_the_journal_gets_priorities(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, style: str) -> None:
    """In systemd's journal each line, also of a traceback, begins with a priority; elsewhere none does."""
    file = tmp_path / "stderr"
    with file.open("w") as stream:
        status = os.fstat(stream.fileno())
        for connected in (f"{status.st_dev}:{status.st_ino}", f"{status.st_dev}:1"):
            monkeypatch.setenv("JOURNAL_STREAM", connected)
            log.configure("debug", style, stream=stream)
            logger = structlog.get_logger()
            logger.debug("one")
            logger.info("two")
            log.get_log_writer().write_batch("three", [Facts("kiel"), Facts("berlin")])
            logger.warning("four")
            logging.getLogger("aiohttp").error("five")
            logger.critical("six", exc_info=ValueError("not\na line"))
            stream.write("--\n")
    with_priorities, without, _ = file.read_text().split("--\n")
    priorities = [line[:3] for line in with_priorities.splitlines()]
    assert priorities[:6] == ["<7>", "<6>", "<6>", "<6>", "<4>", "<3>"]
    assert set(priorities[6:]) == {"<2>"}
    assert len(priorities[6:]) == (1 if style == "json" else len(without.splitlines()) - 6)
    assert not re.search("^<", without, re.MULTILINE)
