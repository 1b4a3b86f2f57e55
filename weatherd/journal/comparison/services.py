"""Comparison of all services that reported a city's weather. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from weatherd.journal.comparison.agreement import measure_agreement
from weatherd.journal.comparison.outages import find_outages
from weatherd.journal.comparison.pairing import TimedValue, pair_with_median
from weatherd.observation import LIVE, SERVICES, find_suspect_fields

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, Sequence

    from weatherd.journal.comparison.agreement import Agreement
    from weatherd.journal.comparison.outages import ServiceOutage

# Provider, POSIX seconds, value, origin and quality of an observation
ServiceRow = tuple[str, float, float | None, str, str]
PreferenceReason = Literal["measures", "smallest_error", "one_service", "two_services", "too_few_days"]


@dataclass(frozen=True, slots=True)
class ComparedService:
    """What the journal has about a service."""

    provider: str
    observations: int  # with a value that is not suspect
    agreement: Agreement | None  # with the reference; None for the reference itself, and without pairs
    outages: Sequence[ServiceOutage] | None  # None: it is asked only if another one fails


@dataclass(frozen=True, slots=True)
class ServiceComparison:
    """The services of a city, the best one first; a station's service is the reference."""

    reference: str | None  # a provider; None: the median of the other services
    services: Sequence[ComparedService]

    @property
    def preferred(self) -> str | None:
        """The service to ask first: the station's, else that with the smallest error; None if that is not known.

        Two services without a station differ from each other alike. One whose pairs are of too few days is not judged.
        """
        judged = [found.provider for found in self.services if found.agreement and found.agreement.interval]
        if self.reference:
            return self.reference if judged else None
        return judged[0] if len(judged) > 2 else None  # noqa: PLR2004

    @property
    def reason(self) -> PreferenceReason:
        """Why the preferred service is preferred, or why none is."""
        if self.preferred:
            return "measures" if self.reference else "smallest_error"
        if len(self.services) == 1:
            return "one_service"
        return "two_services" if len(self.services) == 2 and not self.reference else "too_few_days"  # noqa: PLR2004


def compare_services(
    rows: Iterable[ServiceRow], field: str, stations: Collection[str], asked: Collection[str]
) -> ServiceComparison:
    """Compare the values of *field* in *rows*, which are in the order of time.

    *stations* are the providers that report measurements; the one with the most observations is the reference. *asked*
    are those that are asked regularly: only what they missed is an outage.
    """
    rows = list(rows)
    series = _group_values(rows, field)
    measured = [name for name in series if name in stations]
    reference = max(sorted(measured), key=lambda name: len(series[name]), default=None)
    live = {name: sorted({row[1] for row in rows if row[0] == name and row[3] == LIVE}) for name in series}
    found = [
        ComparedService(
            name,
            len(series[name]),
            measure_agreement(pair_with_median(series[name], _choose_references(series, name, reference))),
            find_outages(live[name], sorted(at for other in live if other != name for at in live[other]))
            if name in asked
            else None,
        )
        for name in sorted(series)
    ]
    return ServiceComparison(reference, sorted(found, key=lambda service: _rank(service, reference)))


def _group_values(rows: Iterable[ServiceRow], field: str) -> dict[str, list[TimedValue]]:
    """Return the values of each provider; of several at a time (of two stations, for example), the first one.

    Suspect values do not count, unless it is for their difference from other services, which is what is measured.
    """
    series = dict[str, dict[float, float]]()
    for provider, at, value, _, quality in rows:
        if value is not None and field not in find_suspect_fields(quality, SERVICES):
            series.setdefault(provider, {}).setdefault(at, value)
    return {name: [TimedValue(*item) for item in values.items()] for name, values in series.items()}


def _choose_references(
    series: Mapping[str, Sequence[TimedValue]], name: str, reference: str | None
) -> Sequence[Sequence[TimedValue]]:
    if reference == name:
        return []
    return [series[reference]] if reference else [values for other, values in series.items() if other != name]


def _rank(service: ComparedService, reference: str | None) -> tuple[bool, bool, float, str]:
    """Return the sort key: the reference, those whose pairs suffice, then those with the smaller error."""
    agreement = service.agreement
    is_judged = agreement is not None and agreement.interval is not None
    error = agreement.mean_absolute_error if agreement else 0.0
    return service.provider != reference, not is_judged, error, service.provider
