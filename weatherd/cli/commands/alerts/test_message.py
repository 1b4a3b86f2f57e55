"""A test message to a target of the rules file."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from weatherd import log
from weatherd.alerts.rule import MQTT_TARGET
from weatherd.alerts.rules_file import load_targets
from weatherd.cli.exit_codes import ExitCode
from weatherd.cli.options import ArgumentError
from weatherd.cli.terminal import print_text
from weatherd.config.plain_settings import collect_secrets
from weatherd.daemon.wiring import USER_AGENT
from weatherd.errors import DeliveryError, RejectedError
from weatherd.http.session import open_session
from weatherd.pipeline.notifications.message import create_test_message
from weatherd.pipeline.notifications.sender import open_sender
from weatherd.text.suggestions import did_you_mean

if TYPE_CHECKING:
    from pathlib import Path

    from weatherd.alerts.targets import NamedTarget
    from weatherd.config.settings import Settings


def deliver_test_message(settings: Settings, path: Path, name: str) -> ExitCode:
    """Send a test message to the target *name* of the rules file *path*. Raises ConfigError or ArgumentError."""
    targets = {target.name: target for target in load_targets(path)}
    if name == MQTT_TARGET:
        raise ArgumentError(f"{name!r} is the broker in the settings: weatherd check --online connects to it")
    if name not in targets:
        known = f"; the names are {', '.join(targets)}" if targets else "; it has no section 'notify'"
        raise ArgumentError(f"there is no {name!r} in {path}{did_you_mean(name, targets) or known}")
    log.configure("error", secrets=[*collect_secrets(settings), *targets[name].reveal_all()])
    return asyncio.run(_send(targets[name], settings))


async def _send(named: NamedTarget, settings: Settings) -> ExitCode:
    with open_sender(named) as sender:
        async with open_session(USER_AGENT, ca_file=settings.tls.ca_file) as session:
            label = f"{named.name} ({sender.kind})"
            try:
                await sender.send(create_test_message(named.name), session)
            except (DeliveryError, RejectedError) as error:
                print_text(f"{label}: not accepted: {error}", err=True)
                return ExitCode.UNAVAILABLE
    print_text(f"{label}: accepted")
    return ExitCode.OK
