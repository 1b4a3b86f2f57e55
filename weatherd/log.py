"""Logging: one structured line per event on standard error, libraries included, with secrets redacted."""

from __future__ import annotations

import contextlib
import functools
import io
import json
import logging
import os
import re
import sys
import threading
import time
from collections import deque
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

import msgspec
import structlog

from weatherd.text.control_characters import escape_controls, escape_lines
from weatherd.text.redaction import Redaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from structlog.typing import EventDict, ExcInfo, Processor, WrappedLogger


_KEPT_WARNINGS = 200


def recent_warnings() -> list[str]:
    """Return the last 200 lines of level warning and above, as they were written, the newest last."""
    return list(_writer.warnings) if _writer else []


def configure(
    level: str = "info",
    style: str = "auto",
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
    write: Callable[[str], None] | None = None,
) -> None:
    """Send every event, warning, library log record and uncaught exception to *stream*, one line each.

    *style* is ``json``, ``pretty``, or ``auto``: pretty on a terminal, else JSON. *secrets* are redacted in every line.
    If *write* is given, it receives the finished lines instead of *stream*. In systemd's journal they have a priority.
    """
    global _writer  # noqa: PLW0603 - one log per process, as in logging and structlog
    stream = stream or sys.stderr
    pretty = style == "pretty" or (style == "auto" and stream.isatty())
    tail: list[Processor] = [_console_renderer(stream)] if pretty else [structlog.processors.format_exc_info, _JSON]
    render_batch = functools.partial(_render_singly, tail[-1]) if pretty else _dump_batch
    write = write or functools.partial(_write_now, stream)
    priorities = _PRIORITIES if _is_journal(stream, os.environ) else {}
    writer = LogWriter(write, Redaction(secrets), _number(level), render_batch, priorities)
    structlog.configure(
        processors=[*_HEAD, *tail],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: writer,
        cache_logger_on_first_use=False,  # or a logger used before configure() would keep the old configuration
    )
    handler = _Handler(writer)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_HEAD, _name_library],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *tail],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(logging.WARNING, _number(level)), force=True)
    logging.captureWarnings(capture=True)
    _install_hooks()
    _writer = writer


def set_level(level: str) -> None:
    """Change the minimum level of the events that are logged, and nothing else. :func:`configure` comes first."""
    get_log_writer().level = _number(level)
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(level))
    logging.root.setLevel(max(logging.WARNING, _number(level)))


def get_log_writer() -> LogWriter:
    """Return the writer made by the last call of :func:`configure`. Raises RuntimeError if it was never called."""
    if _writer is None:
        raise RuntimeError("weatherd.log.configure() has not been called")
    return _writer


class LogWriter:
    """Writer of structlog's finished lines, and of batches of events for the log sink.

    Each event passes through two chains of processors: the head (context, level, time) and the tail (exception,
    renderer). The head adds the same to all events of a batch, so :meth:`write_batch` runs it once per batch.
    """

    def __init__(
        self,
        write: Callable[[str], None],
        redact: Callable[[str], str],
        level: int,
        render_batch: Callable[[EventDict, Sequence[msgspec.Struct]], str],
        priorities: Mapping[int, str],
    ) -> None:
        self.level = level
        self.warnings: deque[str] = deque(maxlen=_KEPT_WARNINGS)  # the last ones, redacted, for the web page
        self._write = write
        self._redact = redact
        self._render_batch = render_batch
        self._priorities = priorities

    def write(self, level: int, text: str) -> None:
        """Redact and write one line, or several lines separated by line breaks, each after the priority of *level*."""
        text = self._redact(text)
        if level >= logging.WARNING:
            self.warnings.append(text)
        if prefix := self._priorities.get(level):
            text = prefix + text.replace("\n", f"\n{prefix}")
        self._write(text)

    # structlog calls the method of the event's level
    debug = functools.partialmethod(write, logging.DEBUG)
    info = functools.partialmethod(write, logging.INFO)
    warning = functools.partialmethod(write, logging.WARNING)
    error = functools.partialmethod(write, logging.ERROR)
    critical = functools.partialmethod(write, logging.CRITICAL)

    def write_batch(self, event: str, batch: Sequence[msgspec.Struct]) -> None:
        """Log *event* at level info once for each item of *batch*, as ``info(event, **facts)`` would, in one write.

        The facts of an item are its fields. All lines have the same timestamp. The facts must not contain an exception,
        because it would not be formatted.
        """
        if self.level > logging.INFO or not batch:
            return
        head: Any = {"event": event}
        for process in _HEAD:
            head = process(self, "info", head)
        self.write(logging.INFO, self._render_batch(head, batch))


_writer: LogWriter | None = None


def _number(level: str) -> int:
    return logging.getLevelNamesMapping()[level.upper()]


# The journal reads the syslog priority of a line from its beginning and removes it:
# https://www.freedesktop.org/software/systemd/man/latest/sd-daemon.html
_PRIORITIES = {
    logging.DEBUG: "<7>",
    logging.INFO: "<6>",
    logging.WARNING: "<4>",
    logging.ERROR: "<3>",
    logging.CRITICAL: "<2>",
}


def _is_journal(stream: TextIO, environ: Mapping[str, str]) -> bool:
    """Return whether systemd has connected *stream* to its journal: systemd.exec(5), ``$JOURNAL_STREAM``."""
    with contextlib.suppress(OSError, ValueError):  # no file, or a closed one
        status = os.fstat(stream.fileno())
        return environ.get("JOURNAL_STREAM") == f"{status.st_dev}:{status.st_ino}"
    return False


def _write_now(stream: TextIO, line: str) -> None:
    with contextlib.suppress(OSError, ValueError):  # a closed log stream must not stop the program
        stream.write(f"{line}\n")
        stream.flush()


class _Handler(logging.Handler):
    def __init__(self, writer: LogWriter) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        self._writer.write(record.levelno, self.format(record))


_ENCODER = msgspec.json.Encoder(enc_hook=str)


def _dumps(event: EventDict, **_: object) -> str:
    """Render an event as JSON, including texts that msgspec rejects."""
    try:
        return _ENCODER.encode(event).decode()
    except UnicodeEncodeError:  # a lone surrogate
        return json.dumps(event, default=str)


_JSON = structlog.processors.JSONRenderer(_dumps)
_NEXT_EVENT = re.compile("\n{")  # because str.replace() takes three times as long for a text of two characters


def _dump_batch(head: EventDict, batch: Sequence[msgspec.Struct]) -> str:
    """Render events with the same head as lines of JSON: encode the head once, and all facts in one call.

    Example: the head is ``{"event":"observation"}`` and the facts are ``{"city":"kiel"}`` and ``{"city":"berlin"}``,
    one on each line. Then ``{"event":"observation",`` takes the place of each opening brace at the start of a line. A
    line break inside of a text is escaped in JSON, so no other brace follows one.
    """
    try:
        facts = _ENCODER.encode_lines(batch).decode()
    except UnicodeEncodeError:  # a lone surrogate
        facts = "".join(f"{_dumps(msgspec.to_builtins(item))}\n" for item in batch)
    opening = f"{_dumps(head)[:-1]},"
    return opening + f"\n{opening}".join(_NEXT_EVENT.split(facts[1:-1]))


def _render_singly(render: Processor, head: EventDict, batch: Sequence[msgspec.Struct]) -> str:
    """Render events with the same head, one line each."""
    return "\n".join(str(render(None, "info", {**head, **msgspec.to_builtins(item)})) for item in batch)


def _console_renderer(stream: TextIO) -> Processor:
    render = structlog.dev.ConsoleRenderer(
        colors=stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb",
        exception_formatter=_format_traceback,
        pad_event_to=18,
    )
    return lambda logger, name, event: render(logger, name, _escape_facts(event))


def _escape_facts(event: EventDict) -> EventDict:
    """Escape control characters, which a terminal would execute, and line breaks, which could forge an event."""
    return {name: escape_controls(fact) if isinstance(fact, str) else fact for name, fact in event.items()}


def _format_traceback(stream: TextIO, error: ExcInfo) -> None:
    text = io.StringIO()
    structlog.dev.plain_traceback(text, error)
    stream.write(escape_lines(text.getvalue()))


def _stamp(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Put time, level and event first, so that consecutive lines align."""
    second, fraction = divmod(time.time(), 1)
    now = f"{_second(second)}.{int(fraction * 1000):03}Z"
    return {"timestamp": now, "level": event["level"], "event": event["event"], **event}


# These processors depend on the time and the context, not on the facts of an event
_HEAD: Sequence[Processor] = (structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, _stamp)


@functools.lru_cache(maxsize=4)
def _second(posix: float) -> str:
    return f"{datetime.fromtimestamp(posix, UTC):%Y-%m-%dT%H:%M:%S}"


def _name_library(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Rename a library's log record to the constant event ``library``; its text becomes the fact ``message``."""
    record: logging.LogRecord = event["_record"]
    return {**event, "event": "library", "logger": record.name, "message": event["event"]}


def _install_hooks() -> None:
    """Log the exceptions that Python would print as a traceback: uncaught (also in threads) and unraisable ones."""
    log: Any = structlog.get_logger()

    def log_uncaught(kind: type[BaseException], error: BaseException, _: object) -> None:
        if issubclass(kind, KeyboardInterrupt):
            return
        log.critical("uncaught", exc_info=error)

    sys.excepthook = log_uncaught
    threading.excepthook = lambda args: log.critical("uncaught", exc_info=args.exc_value, thread=str(args.thread))
    sys.unraisablehook = lambda args: log.error("unraisable", exc_info=args.exc_value, message=args.err_msg)
