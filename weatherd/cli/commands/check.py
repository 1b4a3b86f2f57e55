"""``weatherd check``: validate the configuration, try what a start needs, and show the API usage."""
# ruff: noqa: D301 - \b before the examples preserves their line breaks

from __future__ import annotations

import asyncio
import functools
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import structlog
import typer

from weatherd import log, plugins
from weatherd.cli.exit_codes import ExitCode
from weatherd.cli.options import ConfigFile, load_user_configuration, warn_of_quarantined_rows
from weatherd.cli.startup_check import find_startup_errors, find_warnings, try_online
from weatherd.cli.terminal import print_text
from weatherd.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from weatherd.alerts.rule import Rule
    from weatherd.city import City
    from weatherd.cli.check.report import CheckReport
    from weatherd.cli.startup_check import OnlineResult
    from weatherd.config.loader import Configuration
    from weatherd.config.settings import Settings
    from weatherd.errors import Problem, WeatherdError
    from weatherd.providers import Resources
    from weatherd.warnings.request_load import WarningLoad


def check(
    config: ConfigFile = None,
    *,
    online: Annotated[
        bool, typer.Option("--online", help="Also fetch one city from each provider, and connect each forwarder.")
    ] = False,
    against: Annotated[
        Path | None,
        typer.Option("--against", metavar="LIST", help="Check this city list, and show what it would change."),
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with 78 for quarantined rows and exceeded limits, too.")
    ] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Log problems, and print nothing else.")] = False,
    output: Annotated[
        Literal["text", "json"], typer.Option("--format", "-f", metavar="FORMAT", help="text or json.")
    ] = "text",
) -> int:
    """Validate the configuration, try what a start of the daemon needs, and show the API usage.

    Ends with the exit code that the daemon would end with: 78 if a file is invalid, a library or a plug-in's setting is
    missing, the port is taken, or no city is left to poll; 74 if the state folder cannot be used; and with 78 for a
    mistake in the alert rules, without which the daemon would run. Nothing is changed.

    \b
    Examples:
      weatherd check && systemctl reload weatherd
      weatherd check --strict --format json
      weatherd check --against edited.yaml
      weatherd check --online
    """
    from weatherd.cli.check.document import build_check_document, problem_to_json

    if quiet:
        log.configure("warning")
    try:
        configuration = load_user_configuration(config)
        if not quiet:
            log.configure("critical")  # because broken plug-ins are warnings of the report, without a traceback
        checked = asyncio.run(_check(configuration, against, strict=strict))
        if quiet:
            _log_problems(checked.find_problems())
        elif output == "text":
            _print_report(checked)
        show = _log_result if quiet else _print_result if output == "text" else None
        results = asyncio.run(_try_online(checked, show)) if online and not checked.errors else []
    except ConfigError as error:
        if quiet:
            _log_problems(error.problems)
        elif output == "json":
            print_text(json.dumps({"ok": False, "problems": [problem_to_json(problem) for problem in error.problems]}))
        else:
            raise
        return ExitCode.CONFIG
    code = checked.exit_code or _worst_code(results)
    if output == "json" and not quiet:
        print_text(
            json.dumps({"ok": code == ExitCode.OK, **build_check_document(checked, results)}, ensure_ascii=False)
        )
    return code


def _find_rule_errors(configuration: Configuration) -> list[WeatherdError]:
    """Return the errors with the mistakes in the alert rules and in the targets of their notifications."""
    if not configuration.alerts_path:
        return []
    from weatherd.alerts.rules_file import load_targets
    from weatherd.pipeline.notifications.sender import open_sender

    errors: list[WeatherdError] = []
    try:
        for target in load_targets(configuration.alerts_path, configuration.settings.display):
            try:
                with open_sender(target):
                    pass
            except ConfigError as error:
                errors.append(error)
    except ConfigError as error:
        errors.append(error)
    return errors


def _load_rules(configuration: Configuration) -> Sequence[Rule]:
    """Return the rules of a rules file without mistakes, or none without a file."""
    if not configuration.alerts_path:
        return []
    from weatherd.alerts.rules_file import load_rules

    return load_rules(configuration.alerts_path, configuration.settings.display)


def _list_built_in(configuration: Configuration) -> dict[str, tuple[str, ...]]:
    """Return the names and the targets of the built-in rules that are on, if the rules file has no mistakes."""
    from weatherd.alerts.builtin.daemon_rules import DAEMON_PREFIX
    from weatherd.alerts.rules_file import load_daemon_rules

    rules = load_daemon_rules(configuration.alerts_path)
    return {rule.name.removeprefix(DAEMON_PREFIX): rule.notify for rule in rules}


def _find_rule_warnings(configuration: Configuration, rules: Sequence[Rule], cities: Sequence[City]) -> list[str]:
    """Return a message for each alert rule that is for ids or tags that no city has, or that lacks its broker."""
    if not rules:
        return []
    from weatherd.alerts.rule import find_brokerless, find_unknown_cities

    names = [] if configuration.settings.mqtt else find_brokerless(rules)
    reason = "has the target 'mqtt', but the settings have no section mqtt: it is not published"
    return [*find_unknown_cities(rules, cities), *(f"the rule {name!r} {reason}" for name in names)]


def _find_warning_loads(
    settings: Settings, open_resources: Callable[[str], Resources], cities: Sequence[City]
) -> dict[str, WarningLoad]:
    """Return the load on each service by the official warnings of a list."""
    if all(city.warnings == "off" for city in cities):
        return {}
    from weatherd.warnings.desk import open_services
    from weatherd.warnings.request_load import find_load

    loads = {opened.name: find_load(opened, cities) for opened in open_services(settings, open_resources)}
    return {name: load for name, load in loads.items() if load}


async def _check(configuration: Configuration, against: Path | None, *, strict: bool) -> CheckReport:
    from weatherd.cli.check.report import CheckReport
    from weatherd.config.loader import with_city_list
    from weatherd.daemon.wiring import open_providers

    async with open_providers(configuration.settings) as providers:
        configuration, other = providers.require_usable(configuration), None
        if against:
            known = list(plugins.find_plugins("providers"))
            other = providers.require_usable(
                with_city_list(configuration.file, configuration.settings, [against], known)
            )
        errors = await find_startup_errors(configuration, providers.budgets)
        rule_errors, cities = _find_rule_errors(configuration), (other or configuration).cities
        errors += rule_errors
        warnings = find_warnings(providers, cities)
        rules = None if rule_errors else _load_rules(configuration)
        warnings += _find_rule_warnings(configuration, rules or [], cities)
        return CheckReport(
            configuration=configuration,
            plans=providers.planner.plans,
            errors=errors,
            other=other,
            other_path=against,
            warnings=warnings,
            find_warning_loads=functools.partial(_find_warning_loads, configuration.settings, providers.open_resources),
            rules=None if rules is None else len(rules),
            pasts=providers.pasts,
            built_in={} if rules is None else _list_built_in(configuration),
            strict=strict,
        )


def _log_problems(problems: Sequence[Problem]) -> None:
    """Log problems like the daemon, for systemd's ExecReload."""
    if problems:
        structlog.get_logger().error("config.rejected", problems=[str(problem) for problem in problems])


def _print_report(report: CheckReport) -> None:
    from weatherd.cli.check.text_report import format_changes, format_usage

    for line in format_usage(report):
        print_text(line)
    if not report.strict or report.other:  # because strict makes these rows problems, which are printed below
        warn_of_quarantined_rows(report.configuration)
    if report.other:
        print_text(f"\nchanges with {report.other_path}:")
        for line in format_changes(report):
            print_text(line)
        if not report.strict:
            warn_of_quarantined_rows(report.other)
    for warning in report.warnings:
        print_text(f"warning: {warning}", err=True)
    for problem in report.find_problems():
        print_text(str(problem) if problem.where else f"weatherd: {problem}", err=True)


async def _try_online(report: CheckReport, show: Callable[[OnlineResult], None] | None) -> list[OnlineResult]:
    """Return the results of all requests; each is shown as it arrives."""
    from weatherd.daemon.wiring import open_with_state

    results: list[OnlineResult] = []
    async with open_with_state(report.configuration) as providers:
        async for result in try_online(report.configuration, providers):
            results.append(result)
            if show:
                show(result)
    return results


def _print_result(result: OnlineResult) -> None:
    print_text(f"{result.name}: {result.text}", err=result.code != ExitCode.OK)


def _log_result(result: OnlineResult) -> None:
    """Log a failed request only, because ``--quiet`` is about problems."""
    if result.code != ExitCode.OK:
        structlog.get_logger().error("check.failed", name=result.name, reason=result.text)


def _worst_code(results: Sequence[OnlineResult]) -> ExitCode:
    return max((result.code for result in results), default=ExitCode.OK)
