"""How fast the pretended weather passes: in real time, or a day of it in a few minutes."""

from __future__ import annotations

from dataclasses import dataclass

from weatherd.simulator.sky.sun import DAY_SECONDS


@dataclass(frozen=True, slots=True)
class WeatherClock:
    """Maps true time to weather time, both in unix seconds; they agree at ``epoch``.

    ``day`` is how many true seconds a day of weather takes. Timestamps in answers stay true at any pace: only
    the values run ahead.
    """

    epoch: float = 0.0
    day: float = DAY_SECONDS

    def __post_init__(self) -> None:
        """Refuse a day that does not pass."""
        if not self.day > 0:
            raise ValueError(f"a day of weather takes more than {self.day:g} s")

    def weather_time(self, at: float) -> float:
        """Return the weather time of a true time."""
        return self.epoch + (at - self.epoch) * DAY_SECONDS / self.day

    def newest(self, now: float, step: float) -> float:
        """Return the weather time of the newest data of a service that makes new ones every ``step`` s."""
        at = self.weather_time(now)
        return at - at % step


REAL_TIME = WeatherClock()
