"""Messages sent by Apprise (https://github.com/caronc/apprise), which knows a hundred services.

An address is secret as a whole, and so is what Apprise logs: its "private" form still has the values of headers.
"""

from __future__ import annotations

import asyncio
import logging
import re
from typing import TYPE_CHECKING, Self

from weatherd.errors import ConfigError, DeliveryError, Problem
from weatherd.plugins import explain_missing_library
from weatherd.text.duration import format_duration
from weatherd.worker_thread import WorkerThread

if TYPE_CHECKING:
    from apprise import AppriseResult

    from weatherd.alerts.targets import AppriseTarget, NamedTarget
    from weatherd.http.session import Session
    from weatherd.pipeline.notifications.message import AlertMessage

# Seconds; ntfy and e-mail take 5.5 s a message, and Apprise waits before each one
_TIME_LIMIT = 60.0
_RETRY_UNCERTAIN = 600.0  # seconds before a message is sent again that was perhaps delivered
# retry= and wait= would repeat at once what the service has rejected; optional= calls a failure a success
_FORBIDDEN_OPTION = re.compile(r"[?&](retry|wait|optional)=", re.IGNORECASE)
_SCHEME = re.compile(r"([a-z][a-z0-9+-]{0,24})://", re.IGNORECASE)
_STATUS = re.compile(r"\berror=(\d{3})\b")
_NO_CONNECTION = re.compile("connection error", re.IGNORECASE)
_TYPES = {"info": "info", "warning": "warning", "error": "failure", "critical": "failure"}


class AppriseSender:
    """One Apprise object, used by one thread, because its calls block.

    Raises ConfigError if Apprise is not installed, or does not accept the address.
    """

    def __init__(self, named: NamedTarget, target: AppriseTarget) -> None:
        address = named.reveal(target.address)
        try:
            import apprise  # noqa: PLC0415 - only for those who use it
        except ImportError:
            raise ConfigError(Problem(named.where, f"{named.name}: {explain_missing_library('notify')}")) from None
        if option := _FORBIDDEN_OPTION.search(address):
            text = f"{named.name}: {option[1].lower()}= is not allowed in the address: weatherd itself retries"
            raise ConfigError(Problem(named.where, text))
        _silence_log()
        # Without a limit of its own, Apprise calls the service in our thread; its own threads would delay our end
        asset = apprise.AppriseAsset(
            app_id="weatherd",
            app_desc="weatherd",
            async_mode=False,
            service_timeout=0,
            storage_mode="memory",
            http_redirects=False,
        )
        scheme = _SCHEME.match(address)
        service = apprise.Apprise.instantiate(address, asset=asset) if scheme else None
        if not scheme or not service:
            text = f"{named.name}: should be an address that Apprise accepts: https://appriseit.com/services/"
            raise ConfigError(Problem(named.where, text))
        self.kind = scheme[1].lower()
        self._apprise = apprise.Apprise(asset=asset)
        self._apprise.add(service)
        self._worker = WorkerThread(f"weatherd-notify-{named.name}")

    def __enter__(self) -> Self:
        self._worker.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.__exit__()

    async def send(self, message: AlertMessage, session: Session) -> None:  # noqa: ARG002 - Apprise has its own
        """Send a message. Raises DeliveryError."""
        try:
            async with asyncio.timeout(_TIME_LIMIT):
                result = await self._worker.run(lambda: self._notify(message))
        except TimeoutError:
            reason = f"no result within {format_duration(_TIME_LIMIT)}: the message was perhaps delivered"
            raise DeliveryError(reason, retry_after=_RETRY_UNCERTAIN) from None
        except Exception as error:  # noqa: BLE001 - a bug of Apprise, whose text may have the address
            raise DeliveryError(f"Apprise failed: {type(error).__name__}") from None
        _require_success(result)

    def _notify(self, message: AlertMessage) -> AppriseResult:
        """Send a message; this blocks. The text is given as such, so that ``<`` in it is not a tag."""
        kind = "success" if message.event == "resolved" else _TYPES[message.severity]
        return self._apprise.notify(message.text, message.title, notify_type=kind, body_format="text")


def _silence_log() -> None:
    """Keep Apprise's records out of our log; those of a call are in its result."""
    log = logging.getLogger("apprise")
    log.propagate = False
    log.setLevel(logging.WARNING)  # otherwise the root's level decides which records a result has


def _require_success(result: AppriseResult) -> None:
    """Raise DeliveryError unless the service accepted the message. Only the status counts, not the result's truth."""
    status = result.status.name
    if status == "SUCCESS":
        return
    if status == "TIMEOUT":
        raise DeliveryError("no result in time: the message was perhaps delivered", retry_after=_RETRY_UNCERTAIN)
    records = " ".join(entry.message for entry in result.logs())
    if code := _STATUS.search(records):
        raise DeliveryError(f"the service responded with status {code[1]}")
    if _NO_CONNECTION.search(records):
        raise DeliveryError("there is no connection to the service")
    raise DeliveryError("the service did not accept the message")
