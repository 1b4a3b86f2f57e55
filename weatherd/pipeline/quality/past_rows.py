"""The quality of observations of the past, which come in the order of time and not one after another as they happen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from weatherd.pipeline.quality.judge import find_suspicions
from weatherd.pipeline.quality.suspicion import format_quality, spoils_steps

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from weatherd.config.sections.quality import QualitySection
    from weatherd.observation import Observation


def judge_past(observations: Iterable[Observation], limits: QualitySection) -> Iterator[Observation]:
    """Yield observations, in order of time, with their quality: range, step and consistency, if that is checked.

    What a provider itself has marked as suspect stays so if the tests find nothing.
    """
    if not limits.enabled:
        yield from observations
        return
    references: dict[tuple[str, str, str], Observation] = {}  # the newest with plausible steps, by its source
    for observation in observations:
        source = observation.city, observation.provider, observation.station
        suspicions = [*find_suspicions(observation, references.get(source, observation), limits)]
        if not spoils_steps(suspicions):
            references[source] = observation
        yield observation._replace(quality=format_quality(suspicions)) if suspicions else observation
