"""Clock of the simulated weather: real time, or a whole day of weather in a few minutes."""

from __future__ import annotations

from dataclasses import dataclass

from weatherd.simulator.sky.sun import DAY_SECONDS


@dataclass(frozen=True, slots=True)
class WeatherClock:
    """Mapping from real time to weather time, both in POSIX seconds. They are equal at ``epoch``.

    A day of weather takes ``day_seconds`` of real time. Timestamps in responses are real at any speed; only the
    values run ahead.
    """

    epoch: float = 0.0
    day_seconds: float = DAY_SECONDS

    def __post_init__(self) -> None:
        """Raise ValueError for a day that takes no time."""
        if not self.day_seconds > 0:
            raise ValueError(f"a day of weather takes more than {self.day_seconds:g} s")

    def weather_time(self, at: float) -> float:
        """Return the weather time of a real time."""
        return self.epoch + (at - self.epoch) * DAY_SECONDS / self.day_seconds

    def latest_update(self, now: float, step: float) -> float:
        """Return the weather time of the latest data of a service that updates them every *step* seconds."""
        at = self.weather_time(now)
        return at - at % step

    def report_time(self, time: float, now: float, step: float) -> float:
        """Return the weather time of a report that is made at *time*, or in fast weather the latest update.

        In fast weather a report that stayed the same for half an hour would show nothing of it.
        """
        return self.weather_time(time) if self.day_seconds == DAY_SECONDS else self.latest_update(now, step)


REAL_TIME = WeatherClock()
