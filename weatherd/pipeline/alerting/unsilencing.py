"""What is sent when silences end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weatherd.alerts.states import AlertPhase
from weatherd.pipeline.alerting.changes import release_entry, repeat_firing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from weatherd.alerts.silences import Silence
    from weatherd.journal.tables.alert_table import AlertEntry
    from weatherd.pipeline.alerting.desk import AlertDesk


async def apply_silences(desk: AlertDesk) -> None:
    """Take what commands have added and ended, and notify of what is not silenced any more. Raises StateError."""
    held, ended = await desk.silences.refresh(), desk.silences.ended
    _release_held(desk, held)
    _notify_unsilenced(desk, ended)
    desk.on_unsilenced(ended, desk.now().timestamp())
    desk.recorder.ended_silences += desk.silences.finish_ended()
    await desk.recorder.save()


def _release_held(desk: AlertDesk, held: Iterable[AlertEntry]) -> None:
    """Notify of the resolutions that were held back and are not silenced any more."""
    now = desk.now().timestamp()
    for entry in held:
        if entry.seq not in desk.recorder.released and not desk.silences.find(entry.rule, desk.cities.get(entry.city)):
            desk.recorder.release(entry, release_entry(entry, now))


def _notify_unsilenced(desk: AlertDesk, ended: Sequence[Silence]) -> None:
    """Notify of the alerts that fire and nobody knows of, or that were silenced until now."""
    now = desk.now().timestamp()
    for saved in [saved for saved in desk.scan() if saved.phase == AlertPhase.FIRING.value]:
        city = desk.cities[saved.city]
        is_over = not saved.told or any(silence.matches(saved.rule, city) for silence in ended)
        if is_over and not desk.is_waiting and not desk.silences.find(saved.rule, city):
            desk.alerts[saved.city].mark_notified(saved.rule, now)
            desk.record_state(saved.rule, saved.city, saved._replace(told=True, notified_at=now))
            desk.recorder.record(repeat_firing(saved, now), desk.active[saved.city][saved.rule])
