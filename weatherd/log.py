"""The log: structured lines on standard error, whoever speaks; and never a secret in one of them."""

from __future__ import annotations

import contextlib
import functools
import json
import logging
import os
import sys
import threading
import time
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, TextIO

import orjson
import structlog

from weatherd.redaction import Redaction

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from structlog.typing import EventDict, Processor, WrappedLogger


def configure(
    level: str = "info",
    style: str = "auto",
    secrets: Iterable[str] = (),
    stream: TextIO | None = None,
    write: Callable[[str], None] | None = None,
) -> None:
    """Send every event, warning, library's log line and uncaught exception to *stream*, a line each.

    *style* is ``json``, ``pretty``, or ``auto``: pretty on a terminal. *write*, if given, takes the finished lines.
    """
    stream = stream or sys.stderr
    writer = _Writer(write or functools.partial(_write_now, stream), Redaction(secrets))
    pretty = style == "pretty" or (style == "auto" and stream.isatty())
    finish: list[Processor] = _pretty(stream) if pretty else _json()
    structlog.configure(
        processors=[*_HEAD, *finish],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=lambda *_: writer,
        cache_logger_on_first_use=False,  # a logger used too early would keep what it found then
    )
    handler = _Handler(writer)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_HEAD, _source],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *finish],
        )
    )
    logging.basicConfig(handlers=[handler], level=max(logging.WARNING, _number(level)), force=True)
    logging.captureWarnings(capture=True)
    _catch_everything()


def each(event: str, many: Iterable[EventDict]) -> None:
    """Log *event* at level info with each of *many* facts, as ``info(event, **facts)`` does, but for their moment.

    It is for thousands a second: what is the same for all of them is made once, and they are written at once.
    """
    if not structlog.get_logger().bind().is_enabled_for(logging.INFO):
        return
    config = structlog.get_config()
    logger, processors = config["logger_factory"](), config["processors"]
    head = _processed(logger, [each for each in processors if each in _HEAD], {"event": event})
    done = [*_HEAD, structlog.processors.format_exc_info]  # facts hold no exception
    finish = [each for each in processors if each not in done]
    if lines := [line for facts in many if (line := _processed(logger, finish, {**head, **facts}))]:
        logger.info("\n".join(lines))


def _processed(logger: Any, processors: Iterable[Callable[..., Any]], line: Any) -> Any:
    try:
        for process in processors:
            line = process(logger, "info", line)
    except structlog.DropEvent:
        return None
    return line


def _number(level: str) -> int:
    return logging.getLevelNamesMapping()[level.upper()]


def _write_now(stream: TextIO, line: str) -> None:
    with contextlib.suppress(OSError, ValueError):  # nobody reads the log any more; that must not stop the program
        stream.write(f"{line}\n")
        stream.flush()


class _Writer:
    """Takes finished lines, one or more at once; the methods are those that structlog calls."""

    def __init__(self, write: Callable[[str], None], redact: Callable[[str], str]) -> None:
        self._write = write
        self._redact = redact

    def msg(self, line: str) -> None:
        self._write(self._redact(line))

    debug = info = warning = error = critical = msg


class _Handler(logging.Handler):
    def __init__(self, writer: _Writer) -> None:
        super().__init__()
        self._writer = writer

    def emit(self, record: logging.LogRecord) -> None:
        self._writer.msg(self.format(record))


def _json() -> list[Processor]:
    return [
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(_dumps),
    ]


def _dumps(event: EventDict, **_: object) -> str:
    """Write an event as JSON, whatever is in it."""
    try:
        return orjson.dumps(event, default=str).decode()
    except TypeError:  # a key that is no text, half a surrogate, or a number of more than 64 bits
        return json.dumps(event, default=str)


def _pretty(stream: TextIO) -> list[Processor]:
    colors = stream.isatty() and not os.environ.get("NO_COLOR")
    plain = structlog.dev.plain_traceback
    return [structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain, pad_event_to=18)]


def _stamp(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Put time, level and event first, so that the lines of a tail align."""
    second, fraction = divmod(time.time(), 1)
    now = f"{_second(second)}.{int(fraction * 1000):03}Z"
    return {"timestamp": now, "level": event["level"], "event": event["event"], **event}


# They put the same into every line of a moment
_HEAD: Sequence[Processor] = (structlog.contextvars.merge_contextvars, structlog.processors.add_log_level, _stamp)


@functools.lru_cache(maxsize=4)
def _second(posix: float) -> str:
    return f"{datetime.fromtimestamp(posix, UTC):%Y-%m-%dT%H:%M:%S}"


def _source(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Give what comes from libraries a constant name, with their words as a fact of it."""
    record: logging.LogRecord = event["_record"]
    return {**event, "event": "library", "logger": record.name, "message": event["event"]}


def _catch_everything() -> None:
    log: Any = structlog.get_logger()

    def uncaught(kind: type[BaseException], error: BaseException, _: object) -> None:
        if issubclass(kind, KeyboardInterrupt):
            return
        log.critical("uncaught", exc_info=error)

    sys.excepthook = uncaught
    threading.excepthook = lambda args: log.critical("uncaught", exc_info=args.exc_value, thread=str(args.thread))
    sys.unraisablehook = lambda args: log.error("unraisable", exc_info=args.exc_value, message=args.err_msg)
