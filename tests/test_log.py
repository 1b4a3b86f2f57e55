"""The log: lines that parse, whoever speaks, and no secret in them."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
import warnings
from typing import Any

import pytest
import structlog

from weatherd import log
from weatherd.redaction import REDACTED, Redaction

SECRET = 'k3y"with\\quotes'


@pytest.fixture
def stream() -> io.StringIO:
    """Send the log to memory."""
    text = io.StringIO()
    log.configure("info", "json", [SECRET], text)
    return text


def _lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_says_when_how_urgent_and_what(stream: io.StringIO) -> None:
    """An event is one JSON object with time, level and event first, then its facts."""
    structlog.get_logger().info("city.down", city="kiel", failures=1, name="München")
    line = stream.getvalue()
    assert list(json.loads(line)) == ["timestamp", "level", "event", "city", "failures", "name"]
    assert "München" in line
    assert json.loads(line)["timestamp"].endswith("Z")


def test_quiet_events_are_left_out(stream: io.StringIO) -> None:
    """Events below the level do not appear."""
    structlog.get_logger().debug("city.still_down")
    logging.getLogger("aiohttp").info("chatter")
    assert stream.getvalue() == ""


def test_libraries_and_warnings_speak_json_too(stream: io.StringIO) -> None:
    """A library's log line, with its traceback, and a warning are events like any other."""
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
    """A traceback is a fact of its event, not a dozen lines that do not parse."""
    structlog.get_logger().error("sink.down", exc_info=KeyError("x"))
    assert "KeyError" in _lines(stream)[0]["exception"]


def test_no_secret_is_ever_printed(stream: io.StringIO) -> None:
    """A secret is taken out wherever it stands: in a fact, a traceback, a library's words, an address."""
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
    """When nobody reads the log any more, logging is silent."""
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
    """Whatever goes wrong in a process whose log is set up, each line on standard error is a JSON object."""
    program = f"from weatherd import log\nlog.configure()\n{code}"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)  # noqa: S603
    lines = [json.loads(line) for line in done.stderr.splitlines()]
    assert lines
    assert all({"timestamp", "level", "event"} <= line.keys() for line in lines)


def test_pretty_lines_for_a_person() -> None:
    """On a terminal a line reads well: time, level, event, facts; without colours when they are not wanted."""
    text = io.StringIO()
    log.configure("info", "pretty", [], text)
    structlog.get_logger().warning("city.down", city="kiel", reason="out of order")
    line = text.getvalue()
    assert "[warning" in line
    assert "city.down" in line
    assert "city=kiel" in line
    assert "\x1b" not in line


def test_many_of_an_event_are_logged_as_one_by_one(stream: io.StringIO) -> None:
    """A batch gives the lines that ``info()`` would: head, order of facts, no secret, nothing below the level."""
    many = [{"city": "kiel", "note": SECRET}, {"city": "berlin"}]
    log.each("observation", many)
    together = _lines(stream)
    for facts in many:
        structlog.get_logger().info("observation", **facts)
    assert [line | {"timestamp": ""} for line in _lines(stream)] == [line | {"timestamp": ""} for line in together] * 2
    assert list(together[0]) == ["timestamp", "level", "event", "city", "note"]
    assert SECRET not in stream.getvalue()
    log.configure("warning", "json", stream=stream)
    log.each("observation", many)
    assert len(_lines(stream)) == 4


def test_many_lines_are_written_at_once() -> None:
    """A batch is one write, however many lines it has, and none where there is nothing to say."""
    written = list[str]()
    log.configure("info", "json", write=written.append)
    log.each("observation", [{"city": "kiel"}, {"city": "berlin"}])
    log.each("observation", [])
    (text,) = written
    assert [json.loads(line)["city"] for line in text.split("\n")] == ["kiel", "berlin"]


def test_the_longer_of_two_secrets_is_hidden_whole() -> None:
    """A secret that is a part of another leaves nothing of it."""
    redact = Redaction(["secret", "secret-and-more"])
    assert redact("a=secret-and-more b=secret") == f"a={REDACTED} b={REDACTED}"


def test_a_processor_may_drop_one_of_many() -> None:
    """What is dropped is left out, and the others are logged."""
    with structlog.testing.capture_logs() as logs:
        log.each("observation", [{"city": "kiel"}, {"city": "berlin"}])
    assert [event["city"] for event in logs] == ["kiel", "berlin"]
