"""The report of ``weatherd check`` as JSON; intervals are in seconds."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from weatherd.cli.check.report import LIMIT_NAMES
from weatherd.cli.check.text_report import format_changes
from weatherd.cli.exit_codes import ExitCode
from weatherd.zone_data import find_zone_data

if TYPE_CHECKING:
    from collections.abc import Iterable

    from weatherd.cli.check.list_loads import ListLoads
    from weatherd.cli.check.report import CheckReport
    from weatherd.cli.startup_check import OnlineResult
    from weatherd.config.loader import Configuration
    from weatherd.errors import Problem
    from weatherd.polling.compared_services import ComparedLoad
    from weatherd.quota.load import ProviderLoad
    from weatherd.warnings.request_load import WarningLoad


def build_check_document(report: CheckReport, online: Iterable[OnlineResult] = ()) -> dict[str, Any]:
    """Return the report with the results of requests to services, if any."""
    document: dict[str, Any] = {
        "settings": str(report.configuration.file),
        "zone_data": str(find_zone_data()),
        **_build_list(report, report.configuration),
        "alert_rules": {"rules": report.rules, "built_in": {name: list(to) for name, to in report.built_in.items()}},
        "problems": [problem_to_json(problem) for problem in report.find_problems()],
        "warnings": list(report.warnings),
        "online": [
            {"name": result.name, "ok": result.code == ExitCode.OK, "message": result.text} for result in online
        ],
    }
    if report.other is not None:
        other = _build_list(report, report.other) | {"list": str(report.other_path)}
        document["against"] = other | {"changes": list(format_changes(report))}
    return document


def problem_to_json(problem: Problem) -> dict[str, str]:
    """Return a problem with its position, which is ``file:line:column``, a variable, or empty."""
    return {"where": problem.where, "message": problem.message}


def _build_list(report: CheckReport, configuration: Configuration) -> dict[str, Any]:
    return {
        "list": configuration.list_name,
        "cities": len(configuration.cities),
        "quarantined": [problem_to_json(problem) for row in configuration.quarantined for problem in row],
        **_build_loads(report.find_loads(configuration.cities)),
    }


def _build_loads(loads: ListLoads) -> dict[str, Any]:
    return {
        "providers": [
            {
                "name": name,
                "cities": load.cities,
                "calls": _count_calls(load),
                "limits": dict(load.plan.limits),
                "fits": load.fits,
                "interval": load.interval,
                "fitting_interval": load.fitting_interval,
            }
            for name, load in loads.polls.items()
        ],
        "repeats": [{"name": name, **load.to_json()} for name, load in loads.repeats.items()],
        "compared": [
            {"name": name, "cities": load.cities, "calls": _count_calls(load)} for name, load in loads.compared.items()
        ],
        "past": [
            {
                "name": name,
                "cities": load.cities,
                "calls": load.calls,
                "calls_left": None if math.isinf(load.spare) else round(load.spare, 1),
                "seconds": None if math.isinf(load.seconds) else round(load.seconds, 1),
            }
            for name, load in loads.past.items()
        ],
        "official_warnings": [
            {
                "name": name,
                "cities": load.cities,
                "calls": _count_calls(load),
                "interval": load.interval,
                "lookups": load.lookups,
            }
            for name, load in loads.warnings.items()
        ],
    }


def _count_calls(load: ProviderLoad | WarningLoad | ComparedLoad) -> dict[str, float]:
    return {window: round(load.calls_per(window), 1) for window in LIMIT_NAMES}
