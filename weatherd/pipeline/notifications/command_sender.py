"""Messages given to a program: its arguments are made of the message, which is on its standard input as JSON."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import string
from typing import TYPE_CHECKING

from weatherd.config.setting_fields import CONFIG_VARIABLE, walk_settings
from weatherd.config.settings import Settings
from weatherd.errors import ConfigError, DeliveryError, Problem, describe
from weatherd.text.control_characters import escape_controls
from weatherd.text.duration import format_duration
from weatherd.text.suggestions import did_you_mean

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Iterator, Mapping

    from weatherd.alerts.targets import CommandTarget, NamedTarget
    from weatherd.http.session import Session
    from weatherd.pipeline.notifications.message import AlertMessage

_FIELDS = ("title", "text", "event", "rule", "severity", "key")
_MAX_OUTPUT = 4096  # bytes that are kept; a program that prints more is not stopped
_SHOWN_OUTPUT = 200  # characters
_FORMATTER = string.Formatter()
# systemd's variables for the daemon, which a program that it starts must not use: sd_notify(3), sd_listen_fds(3)
_DAEMON_VARIABLES = {"NOTIFY_SOCKET", "WATCHDOG_PID", "WATCHDOG_USEC", "LISTEN_PID", "LISTEN_FDS", "LISTEN_FDNAMES"}


class CommandSender:
    """Starts a program for each message, without a shell, in the folder of the rules file.

    The program and what it has started are killed at the time limit. Raises ConfigError if there is no such program, or
    an argument has an unknown field.
    """

    kind = "command"

    def __init__(self, named: NamedTarget, target: CommandTarget) -> None:
        program, *arguments = target.command
        folder = named.folder.absolute()
        found = str(folder / program) if "/" in program else program
        if not shutil.which(found):
            raise ConfigError(Problem(named.where, f"{named.name}: there is no program {program!r} to be started"))
        try:
            self._arguments = [tuple(_parse_argument(argument)) for argument in arguments]
        except ValueError as error:
            raise ConfigError(Problem(named.where, f"{named.name}: 'command' {error}")) from None
        self._program, self._folder, self._timeout = found, folder, target.timeout

    async def send(self, message: AlertMessage, session: Session) -> None:  # noqa: ARG002 - as other senders
        """Run the program. Raises DeliveryError unless it ends with exit status 0 within its time."""
        document = message.to_json()
        arguments = ["".join(_fill(part, document) for part in argument) for argument in self._arguments]
        try:
            process = await asyncio.create_subprocess_exec(
                self._program,
                *(argument.replace("\0", "") for argument in arguments),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                cwd=self._folder,
                env=_find_environment(os.environ),
                start_new_session=True,
            )
        except (OSError, ValueError) as error:
            raise DeliveryError(f"cannot be started: {describe(error)}") from None
        try:
            async with asyncio.timeout(self._timeout):
                output = await _communicate(process, json.dumps(document, ensure_ascii=False).encode())
        except TimeoutError:
            raise DeliveryError(f"killed after {format_duration(self._timeout)}") from None
        finally:
            await _kill_group(process)
        if process.returncode:
            text = escape_controls(" ".join(output.decode(errors="replace").split()))[:_SHOWN_OUTPUT]
            raise DeliveryError(f"exit status {process.returncode}{f': {text}' if text else ''}")


def _parse_argument(argument: str) -> Iterator[tuple[str, str]]:
    """Yield the parts of an argument, each a text and the field after it, or "". Raises ValueError for a mistake."""
    try:
        parts = list(_FORMATTER.parse(argument))
    except ValueError as error:
        raise ValueError(f"has an argument that is not a format string: {error}") from None
    for prefix, name, spec, conversion in parts:
        if name is not None and (name not in _FIELDS or spec or conversion):
            hint = did_you_mean(name, _FIELDS) or f"; the fields are {', '.join(_FIELDS)}"
            raise ValueError(
                f"should not contain {{{name}}}{hint}" if name not in _FIELDS else f"takes {{{name}}} alone"
            )
        yield prefix, name or ""


def _fill(part: tuple[str, str], document: Mapping[str, object]) -> str:
    prefix, name = part
    return f"{prefix}{document[name]}" if name else prefix


def _find_environment(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables for a program: all but those of weatherd, which may hold secrets."""
    own = {name for field in walk_settings(Settings) for name in field.variables} | {CONFIG_VARIABLE}
    hidden = own | _DAEMON_VARIABLES
    return {name: text for name, text in environ.items() if name not in hidden and not name.startswith("WEATHERD_")}


async def _communicate(process: Process, document: bytes) -> bytes:
    """Write the input and return the beginning of the output when the program has ended, and closed its output."""
    assert process.stdin  # noqa: S101 - both are pipes
    assert process.stdout  # noqa: S101
    with contextlib.suppress(ConnectionError):  # because a program need not read its input
        process.stdin.write(document)
        await process.stdin.drain()
    process.stdin.close()
    output = b""
    while chunk := await process.stdout.read(_MAX_OUTPUT):
        output = (output + chunk)[:_MAX_OUTPUT]
    await process.wait()
    return output


async def _kill_group(process: Process) -> None:
    """Kill the program and the processes that it has started, as far as they run."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)
    await process.wait()
