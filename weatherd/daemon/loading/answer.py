"""What the process that loads the configuration sends to the daemon."""

from __future__ import annotations

import pickle
import signal
import traceback
from typing import TYPE_CHECKING

from weatherd import __version__
from weatherd.daemon.loading.loaded import Loaded, load_small
from weatherd.errors import ConfigError, LoadingError

if TYPE_CHECKING:
    from pathlib import Path

# With the version, because a newer weatherd may have been installed since the daemon's start.
_HEADER = f"weatherd {__version__}\n".encode()


def encode_answer(config: Path | None) -> bytes:
    """Load the configuration of ``--config`` and encode it, or None, a ConfigError or the traceback of a bug."""
    answer: Loaded | ConfigError | str | None
    try:
        answer = load_small(config)
    except ConfigError as error:
        answer = error
    except Exception:  # noqa: BLE001 - the daemon logs it
        answer = traceback.format_exc()
    return _HEADER + pickle.dumps(answer)


def decode_answer(answer: bytes, code: int, errors: str = "") -> Loaded | None:
    """Return what a process has sent that ended with *code*; *errors* is its standard error.

    Raises the ConfigError that was sent, LoadingError if the process failed, and RuntimeError for a bug.
    """
    if code:
        raise LoadingError(f"the process that loads the configuration {_explain_exit(code, errors)}")
    # After the header, because the interpreter's own start may print, for example a sitecustomize module.
    _, header, pickled = answer.partition(_HEADER)
    if not header:
        raise LoadingError(f"another version of weatherd than {__version__}, which runs, was installed: restart it")
    found: Loaded | ConfigError | str | None = pickle.loads(pickled)  # noqa: S301 - our own
    if isinstance(found, ConfigError):
        raise found
    if isinstance(found, str):
        raise RuntimeError(found)  # noqa: TRY004 - a bug
    return found


def _explain_exit(code: int, errors: str) -> str:
    if code < 0:
        return f"was killed by {signal.Signals(-code).name}; the machine may have too little memory"
    reason = errors.strip().rpartition("\n")[2] or "no message"
    return f"ended with exit code {code}: {reason}"
