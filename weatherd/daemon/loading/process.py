"""Loading of the configuration in a process of its own, which ends afterwards.

In the daemon, pydantic and pydantic-settings would take 12 MB of memory for good. What such a process cannot load, and
everything once pydantic is in the daemon's memory, for example for the web page, the daemon loads itself.
"""

from __future__ import annotations

import functools
import gc
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weatherd import plugins
from weatherd.daemon.loading.answer import decode_answer, encode_answer
from weatherd.daemon.loading.loaded import load_with_snapshot
from weatherd.errors import LoadingError

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    from weatherd.config.configuration import Configuration
    from weatherd.config.lists.known_rows import KnownRows
    from weatherd.daemon.loading.loaded import Loaded


def begin_loading(config: Path | None) -> Callable[[], Loaded | None]:
    """Begin to load the configuration of ``--config``, and return a function that waits for it.

    The process is a fork, so that nothing has to be imported twice: call this before a thread is started. The function
    returns None if the daemon has to load the configuration. It raises ConfigError and LoadingError.
    """
    if "pydantic" in sys.modules:
        return lambda: None
    reader, writer = os.pipe()
    try:
        child = os.fork()
    except OSError as error:
        return functools.partial(_raise_no_process, error)
    if not child:
        _send_and_exit(config, writer)
    os.close(writer)
    return functools.partial(_wait, child, reader)


def _wait(child: int, reader: int) -> Loaded | None:
    with open(reader, "rb") as stream:
        answer = stream.read()
    return decode_answer(answer, os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))


def _send_and_exit(config: Path | None, writer: int) -> NoReturn:
    """Send the configuration, and exit in any case: otherwise, the fork would go on as a second daemon."""
    try:
        with open(writer, "wb") as stream:
            stream.write(encode_answer(config))
        os._exit(0)
    finally:
        os._exit(1)


def load_again(file: Path, known: KnownRows, *, is_clustered: bool = False, **flags: Any) -> Configuration:
    """Load the configuration while the daemon runs, in the daemon or in a process of its own.

    *known* has the rows to reuse, *flags* the settings of a demo. In a cluster, the daemon does not load it, because a
    long list takes far more memory than this node's part. Raises ConfigError and LoadingError.
    """
    is_own = bool(flags) or ("pydantic" in sys.modules and not is_clustered)
    loaded = None if is_own else _load_in_new_process(file)
    if loaded is None:
        loaded = load_with_snapshot(file, os.environ, list(plugins.find_plugins("providers")), known, **flags)
    return loaded.configuration


def _load_in_new_process(file: Path) -> Loaded | None:
    """Run a new interpreter, because a fork of a process with threads may wait for a lock of one of them for ever."""
    command = [sys.executable, "-P", "-m", "weatherd.daemon.loading.process", str(file)]
    environ = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    try:
        done = subprocess.run(  # noqa: S603 - our own module
            command,
            env=environ,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            check=False,
            start_new_session=True,  # so that Ctrl-C reaches the daemon only
        )
    except OSError as error:
        _raise_no_process(error)
    return decode_answer(done.stdout, done.returncode, done.stderr.decode(errors="replace"))


def _raise_no_process(error: OSError) -> NoReturn:
    raise LoadingError(f"the process that loads the configuration cannot be started: {error.strerror}") from None


if __name__ == "__main__":
    gc.disable()  # as during every start
    sys.stdout.buffer.write(encode_answer(Path(sys.argv[1])))
