"""When a message about an alert was really delivered, across outages of the target and restarts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from tests.pipeline.alerting.alert_lives import AlertLives
from tests.support import virtual_time
from tests.support.fakes import KIEL
from weatherd.errors import DeliveryError

if TYPE_CHECKING:
    from pathlib import Path

    from weatherd.http.session import Session
    from weatherd.pipeline.notifications.message import AlertMessage

RULES = """\
alerts:
  frost: {when: temperature < 0, notify: [phone]}
  silent: {when: temperature < 0}
notify: {phone: {command: [x]}}
"""


class Phone:
    """A target that is down until a time of the loop."""

    kind = "fake"

    def __init__(self, down_until: float) -> None:
        self._down_until = down_until
        self.accepted: list[float] = []  # POSIX times

    async def send(self, message: AlertMessage, session: Session) -> None:  # noqa: ARG002
        """Accept a message, or fail."""
        if asyncio.get_running_loop().time() < self._down_until:
            raise DeliveryError("out of order")
        self.accepted.append(virtual_time.now().timestamp())


def find_sent(lives: AlertLives) -> dict[str, float | None]:
    """Return when the active alerts were sent, by rule."""
    assert lives.desk is not None
    return {alert.rule: lives.desk.recorder.sent.find(alert) for alert in lives.desk.scan()}


async def test_it_is_the_time_of_the_delivery(tmp_path: Path) -> None:
    """It is null while the target is down, and without a target, and survives a restart and a kill."""
    begin = asyncio.get_running_loop().time()
    lives, phone = AlertLives(tmp_path, RULES, [KIEL], lambda _: -3.0), Phone(begin + 3600)
    lives.senders = {"phone": phone}
    await lives.live(1800)
    assert find_sent(lives) == {"frost": None, "silent": None}
    await lives.live(3600, kill_at=20)
    (accepted,) = phone.accepted
    assert accepted >= 3600 + lives.entries()[0].at - 60
    assert find_sent(lives) == {"frost": accepted, "silent": None}
    await lives.live(60)
    assert find_sent(lives) == {"frost": accepted, "silent": None}


async def test_a_new_alert_was_not_sent(tmp_path: Path) -> None:
    """The message about an earlier alert of the same rule and city does not count."""
    begin = asyncio.get_running_loop().time()
    curve = [(600.0, -3.0), (1200.0, 4.0), (1e9, -3.0)]
    lives, phone = (
        AlertLives(tmp_path, RULES, [KIEL], lambda time: next(v for t, v in curve if time - begin < t)),
        Phone(0),
    )
    lives.senders = {"phone": phone}
    await lives.live(500)
    before = find_sent(lives)["frost"]
    assert before is not None
    lives.senders = {"phone": Phone(1e12)}
    await lives.live(1500)
    assert [event for _, rule, event in lives.events() if rule == "frost"] == ["firing", "resolved", "firing"]
    assert find_sent(lives)["frost"] is None


async def test_the_values_are_those_of_now(tmp_path: Path) -> None:
    """An alert has the values of the latest observation, not those with which it began."""
    begin = asyncio.get_running_loop().time()
    lives = AlertLives(tmp_path, RULES, [KIEL], lambda time: -3.0 if time - begin < 900 else -5.0)
    lives.senders = {"phone": Phone(0)}
    await lives.live(3600)
    assert lives.desk is not None
    assert lives.desk.read_values("kiel", "frost") == {"temperature": -5.0}
    assert lives.desk.read_values("kiel", "unknown") == lives.desk.read_values("unknown", "frost") == {}
