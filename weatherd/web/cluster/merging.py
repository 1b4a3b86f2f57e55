"""The answers of all nodes as one: counts are added, lists are merged and cut. Pure.

The first of the models is always that of the node that answers; what is the same on all nodes is taken from it.
"""

from __future__ import annotations

import itertools
from collections import Counter, defaultdict
from typing import TYPE_CHECKING, TypeVar, get_args

from weatherd.alerts.rule import AlertSeverity
from weatherd.daemon.status import CityState
from weatherd.official_warning import Severity
from weatherd.web.page.city_index import STATE_ORDER
from weatherd.web.page.models import CurveModel

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from weatherd.web.alerts.models import AlertStatusModel
    from weatherd.web.notices.models import NoticeGroup, NoticeSummary
    from weatherd.web.page.models import CityTrouble, CurvesModel, OverviewModel, PausedProvider
    from weatherd.web.schemas import ForwarderModel, ProviderModel, QuotaModel, StatusModel
    from weatherd.web.warnings.models import WarningModel, WarningServiceModel, WarningStatusModel

_K = TypeVar("_K")
_V = TypeVar("_V")

_WORST = 10  # alerts and warnings in a status
_MAX_TROUBLE, _MAX_GROUPS, _MAX_TAGS, _NAMED = 50, 50, 50, 3
_RANKS: dict[str, int] = {severity: rank for rank, severity in enumerate(get_args(AlertSeverity))}


def add_counts(counts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Return the sums by key, in the order of the first ones."""
    total: Counter[str] = Counter()
    for each in counts:
        total.update(each)
    return dict(total)


def _count_states(counts: Sequence[Mapping[str, int]], listed: int) -> dict[str, int]:
    total = add_counts(counts)
    total[CityState.WAITING] = total.get(CityState.WAITING, 0) + max(0, listed - sum(total.values()))
    return total


def _group(items: Iterable[tuple[_K, _V]]) -> dict[_K, list[_V]]:
    groups: defaultdict[_K, list[_V]] = defaultdict(list)
    for key, value in items:
        groups[key].append(value)
    return dict(groups)


def merge_status(models: Sequence[StatusModel], listed: int) -> StatusModel:
    """Return the status of all nodes; of *listed* cities, those of which nothing is known are waiting."""
    providers = _group((entry.provider, entry) for model in models for entry in model.providers)
    forwarders = _group((entry.forwarder, entry) for model in models for entry in model.forwarders)
    return models[0].model_copy(
        update={
            "cities": _count_states([model.cities for model in models], listed),
            "account": add_counts(model.account for model in models),
            "providers": [_merge_provider(group) for _, group in sorted(providers.items())],
            "forwarders": [_merge_forwarder(group) for group in forwarders.values()],
            "reload_successful": all(model.reload_successful for model in models),
            "suspect": sum(model.suspect for model in models),
            "alerts": _merge_alert_status([model.alerts for model in models if model.alerts]),
            "warnings": _merge_warning_status([model.warnings for model in models if model.warnings]),
        }
    )


def _merge_provider(group: Sequence[ProviderModel]) -> ProviderModel:
    quotas = _group((quota.window, quota) for entry in group for quota in entry.quotas)
    pauses = [entry.paused for entry in group if entry.paused]
    return group[0].model_copy(
        update={
            "quotas": [_merge_quota(quota) for quota in quotas.values()],
            "paused": max(pauses, key=lambda pause: pause.until, default=None),
            "polls": sum(entry.polls for entry in group),
            "repeats": sum(entry.repeats for entry in group),
        }
    )


def _merge_quota(group: Sequence[QuotaModel]) -> QuotaModel:
    """Return the used calls of a window: every node reports those of all nodes, but only its own of the minute."""
    used = [quota.used for quota in group]
    return group[0].model_copy(update={"used": sum(used) if group[0].window == "minute" else max(used)})


def _merge_forwarder(group: Sequence[ForwarderModel]) -> ForwarderModel:
    sums = {name: sum(getattr(entry, name) for entry in group) for name in ("delivered", "skipped", "behind", "held")}
    return group[0].model_copy(update=sums | {"is_down": any(entry.is_down for entry in group)})


def _merge_alert_status(group: Sequence[AlertStatusModel]) -> AlertStatusModel | None:
    if not group:
        return None
    alerts = itertools.chain.from_iterable(part.worst for part in group)
    newest = sorted(alerts, key=lambda alert: alert.since, reverse=True)
    worst = sorted(newest, key=lambda alert: -_RANKS.get(alert.severity, 0))
    sums = {name: sum(getattr(part, name) for part in group) for name in ("firing", "pending", "silenced")}
    return group[0].model_copy(update=sums | {"worst": worst[:_WORST]})


def _merge_warning_status(group: Sequence[WarningStatusModel]) -> WarningStatusModel | None:
    if not group:
        return None
    services = _group((service.provider, service) for part in group for service in part.services)
    worst = sorted(itertools.chain.from_iterable(part.worst for part in group), key=_rank_warning)
    return group[0].model_copy(
        update={
            "in_force": sum(part.in_force for part in group),
            "cities": sum(part.cities for part in group),
            "worst": worst[:_WORST],
            "services": [_merge_warning_service(services[name]) for name in sorted(services)],
        }
    )


def _rank_warning(warning: WarningModel) -> tuple[int, str]:
    return -Severity[warning.severity.upper()], warning.city


def _merge_warning_service(group: Sequence[WarningServiceModel]) -> WarningServiceModel:
    return group[0].model_copy(
        update={
            "cities": sum(service.cities for service in group),
            "last_success": max((service.last_success for service in group if service.last_success), default=None),
            "failure": next((service.failure for service in group if service.failure), None),
        }
    )


def merge_overview(models: Sequence[OverviewModel], listed: int) -> OverviewModel:
    """Return the overview of all nodes; of *listed* cities, those of which nothing is known are waiting."""
    tags = add_counts(model.tags for model in models)
    most_used = sorted(tags, key=lambda tag: -tags[tag])[:_MAX_TAGS]
    degrees: Counter[int] = Counter()
    for degree, count in itertools.chain.from_iterable(model.histogram for model in models):
        degrees[degree] += count
    coldest = [model.coldest for model in models if model.coldest]
    warmest = [model.warmest for model in models if model.warmest]
    return models[0].model_copy(
        update={
            "total": listed,
            "counts": _count_states([model.counts for model in models], listed),
            "tags": {tag: tags[tag] for tag in sorted(most_used)},
            "histogram": sorted(degrees.items()),
            "coldest": min(coldest, key=lambda city: city.temperature, default=None),
            "warmest": max(warmest, key=lambda city: city.temperature, default=None),
            "trouble": _merge_trouble(entry for model in models for entry in model.trouble),
            "paused": _merge_pauses(pause for model in models for pause in model.paused),
            "next_poll": min((model.next_poll for model in models if model.next_poll), default=None),
            "notices": _merge_notices([model.notices for model in models]),
        }
    )


def _merge_trouble(entries: Iterable[CityTrouble]) -> list[CityTrouble]:
    """Return the entries by state, the worst first; those about several cities with the same reason are one."""
    groups = _group(
        ((entry.state, entry.reason, entry.cities[0] if entry.count == 1 else ""), entry) for entry in entries
    )
    merged = [
        group[0].model_copy(
            update={
                "count": sum(entry.count for entry in group),
                "cities": [city for entry in group for city in entry.cities][:_NAMED],
                "names": [name for entry in group for name in entry.names][:_NAMED],
            }
        )
        for group in groups.values()
    ]
    return sorted(merged, key=lambda entry: STATE_ORDER.index(entry.state))[:_MAX_TROUBLE]


def _merge_pauses(pauses: Iterable[PausedProvider]) -> list[PausedProvider]:
    groups = _group((pause.provider, pause) for pause in pauses)
    return [
        max(group, key=lambda pause: pause.until).model_copy(
            update={
                "served": sum(pause.served for pause in group),
                "waiting": sum(pause.waiting for pause in group),
            }
        )
        for _, group in sorted(groups.items())
    ]


def _merge_notices(summaries: Sequence[NoticeSummary]) -> NoticeSummary:
    groups = _group(
        ((notice.kind, notice.title, notice.severity), notice) for summary in summaries for notice in summary.groups
    )
    merged = sorted((_merge_notice(group) for group in groups.values()), key=_rank_notice)
    return summaries[0].model_copy(
        update={
            "alerts": sum(summary.alerts for summary in summaries),
            "warnings": sum(summary.warnings for summary in summaries),
            "groups": merged[:_MAX_GROUPS],
        }
    )


def _merge_notice(group: Sequence[NoticeGroup]) -> NoticeGroup:
    return group[0].model_copy(
        update={
            "count": sum(notice.count for notice in group),
            "cities": [city for notice in group for city in notice.cities][:_NAMED],
            "names": [name for notice in group for name in notice.names][:_NAMED],
        }
    )


def _rank_notice(notice: NoticeGroup) -> tuple[bool, int]:
    is_alert = notice.kind == "alert"
    rank = _RANKS.get(notice.severity, 0) if is_alert else Severity[notice.severity.upper()]
    return not is_alert, -rank


def merge_curves(models: Sequence[CurvesModel]) -> CurvesModel:
    """Return the curves of all cities, with the steps of the first model."""
    first, curves = models[0], dict[str, CurveModel]()
    for model in models:
        late = (first.begin - model.begin) // first.step
        for city, curve in model.curves.items():
            curves[city] = curve if late == 0 else curve.model_copy(update={"values": _shift(curve.values, late)})
    return first.model_copy(update={"curves": curves})


def _shift(values: Sequence[int | None], steps: int) -> list[int | None]:
    """Return as many values, which begin *steps* later, or earlier if it is negative."""
    missing: list[int | None] = [None] * min(abs(steps), len(values))
    return [*values[steps:], *missing] if steps > 0 else [*missing, *values[: len(values) - len(missing)]]
