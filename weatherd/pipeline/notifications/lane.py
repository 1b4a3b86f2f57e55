"""The alerts that one cursor of a target is for: those that wait for the end of quiet hours, or those that do not."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from weatherd.alerts.quiet_hours import ALERT_SEVERITIES
from weatherd.journal.tables.alert_table import CURSOR_PREFIX, WantedChanges
from weatherd.journal.tables.cursors import Idle, InDoubt

if TYPE_CHECKING:
    from datetime import datetime, tzinfo

    from weatherd.alerts.quiet_hours import QuietHours
    from weatherd.alerts.targets import NamedTarget
    from weatherd.journal.store import Store
    from weatherd.journal.tables.cursors import Cursor


@dataclass(slots=True)
class Lane:
    """A cursor, and which changes it is for. ``quiet`` are the hours in which it stands still."""

    name: str  # of the cursor
    target: str
    severities: tuple[str, ...] = ()  # all if empty
    quiet: QuietHours | None = None
    cursor: Cursor = field(default_factory=Idle)
    sent: int = 0  # messages of the changes in doubt that were accepted
    waiting: int = 0  # changes that are left to send
    counted_up_to: int = -1  # number of the last change that was counted

    def select(self, until: int) -> WantedChanges:
        """Return the next changes of the lane: those in doubt, or those up to number *until*."""
        last = self.cursor.last if isinstance(self.cursor, InDoubt) else until
        return WantedChanges(self.target, self.severities, self.cursor.delivered, last)

    def is_quiet(self, moment: datetime, zone: tzinfo) -> bool:
        """Return whether messages have to wait at a moment."""
        return self.quiet is not None and self.quiet.include(moment, zone)


def make_lanes(named: NamedTarget) -> tuple[Lane, ...]:
    """Return the lanes of a target: with quiet hours that have exceptions, one more for these, which comes first."""
    name, quiet = f"{CURSOR_PREFIX}{named.name}", named.target.quiet
    if not (quiet and quiet.urgent):
        return (Lane(name, named.name, quiet=quiet),)
    others = tuple(severity for severity in ALERT_SEVERITIES if severity not in quiet.urgent)
    return Lane(f"{name} urgent", named.name, quiet.urgent), Lane(name, named.name, others, quiet)


def load_cursors(lanes: tuple[Lane, ...], first: int, store: Store) -> None:
    """Load the cursors of a target's lanes.

    A new target begins after change number *first*, and a new lane at the cursor that was for all of the changes.
    """
    main = lanes[-1]
    if not store.cursors.has(main.name):
        store.cursors.save(main.name, Idle(first))
    main.cursor = store.cursors.load(main.name)
    for lane in lanes[:-1]:
        if not store.cursors.has(lane.name):
            store.cursors.save(lane.name, Idle(main.cursor.delivered))
        lane.cursor = store.cursors.load(lane.name)
    if len(lanes) == 1:
        store.cursors.delete(f"{main.name} urgent")
