"""The documents agree with the code: events, settings, alerts and the files that they name."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from weatherd.city import KEYS
from weatherd.config.setting_fields import walk_settings
from weatherd.config.settings import Settings

pytestmark = pytest.mark.once

ROOT = Path(__file__).parents[1]
OPERATIONS = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
EVENT = re.compile(r"[a-z]+\.[a-z_]+|observation|library|uncaught|unraisable")
LOG_FUNCTIONS = {
    "run",  # in an empty context
    "debug",
    "info",
    "warning",
    "error",
    "critical",
    "write",
    "write_batch",
    "_log_without_city",
    "log_warning",
}
BASES = (ROOT, ROOT / "weatherd")
CODE = ("weatherd", "tests", "benchmarks", "scripts")
BUILT = {"build/", "build/speed-full.json"}


def find_events(tree: ast.Module) -> set[str]:
    """Return the event names of the log calls in a module: constants, or the two of a conditional expression."""
    found = {
        text.value
        for call in ast.walk(tree)
        if isinstance(call, ast.Call)
        and (call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")) in LOG_FUNCTIONS
        for argument in call.args[:2]
        for text in ast.walk(argument)
        if isinstance(text, ast.Constant) and isinstance(text.value, str) and EVENT.fullmatch(text.value)
    }
    renamed = {
        value.value
        for mapping in ast.walk(tree)
        if isinstance(mapping, ast.Dict)
        for key, value in zip(mapping.keys, mapping.values, strict=True)
        if isinstance(key, ast.Constant) and key.value == "event"
        if isinstance(value, ast.Constant) and isinstance(value.value, str)
    }
    return found | renamed


def test_every_event_is_documented() -> None:
    """The table in docs/operations.md has exactly the events that the code logs."""
    logged = set[str]().union(
        *(find_events(ast.parse(file.read_text(encoding="utf-8"))) for file in (ROOT / "weatherd").rglob("*.py"))
    )
    table = OPERATIONS.partition("| event | level |")[2].partition("\n\n")[0]
    rows = [row.split("|")[1] for row in table.splitlines()[2:]]
    documented = {name for row in rows for name in re.findall(r"`([a-z._]+)`", row)}
    assert documented == logged


def test_every_alert_is_documented() -> None:
    """The table of alerts in docs/operations.md has exactly the alerts of packaging/prometheus."""
    rules = (ROOT / "packaging" / "prometheus" / "weatherd.rules.yml").read_text(encoding="utf-8")
    assert re.findall(r"^\| `(Weatherd\w+)` \|", OPERATIONS, re.MULTILINE) == re.findall(r"alert: (\w+)", rules)


def test_every_key_of_a_city_is_documented() -> None:
    """The table of the list in docs/configuration.md has exactly the keys of a row."""
    configuration = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[^|]+`) \|", configuration.partition("## The list of cities")[2], re.MULTILINE)
    assert {name for row in rows for name in re.findall(r"`(\w+)`", row)} == set(KEYS)


def test_every_setting_is_documented() -> None:
    """Each key has a row in docs/configuration.md, and those of a forwarder are in docs/forwarders.md."""
    configuration = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| (`[^|]+`) \|", configuration.partition("## The list of cities")[0], re.MULTILINE)
    documented = {name for row in rows for name in re.findall(r"`([a-z_.]+)`", row)}
    fields = list(walk_settings(Settings))
    settings = {".".join(field.keys) for field in fields if not field.is_section}
    forwarders = {name for name in ("mqtt", "influxdb", "webhook", "postgres") if name in documented}
    assert len(forwarders) == 4
    assert documented == forwarders | {name for name in settings if name.partition(".")[0] not in forwarders}
    text = (ROOT / "docs" / "forwarders.md").read_text(encoding="utf-8")
    blocks = re.findall(r"^```yaml\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    blocks = [re.sub(r"#.*", "", block) for block in blocks]
    shown = {(block.partition(":")[0], key) for block in blocks[1:] for key in re.findall(r"[ {](\w+): ", block)}
    assert shown == {tuple(name.split(".")) for name in settings if name.partition(".")[0] in forwarders}


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_no_document_installs_weatherd_by_its_name(document: Path) -> None:
    """No index has the package: a checkout, a wheel or the name of a library is installed."""
    lines = document.read_text(encoding="utf-8").splitlines()
    assert [line for line in lines if re.search(r"install\w* .*weatherd\[", line, re.IGNORECASE)] == []


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda document: document.name)
def test_every_named_file_exists(document: Path) -> None:
    """Files and folders in backquotes and targets of links exist; a path may begin at the root or at the package.

    A name without a folder may be anywhere. Examples of plug-ins begin with ``weatherd_``.
    """
    text = document.read_text(encoding="utf-8")
    named = set(re.findall(r"`((?:[\w-]+/)+(?:[\w*-]+\.\w+)?)`", text)) - BUILT
    files = {name for name in re.findall(r"`(\w+\.py)`", text) if not name.startswith("weatherd_")}
    links = set(re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text))
    missing = {
        path for path in named if not any(base.joinpath(path).exists() or any(base.glob(path)) for base in BASES)
    }
    missing |= files - {
        file.name for base in ("weatherd", "tests", "benchmarks") for file in (ROOT / base).rglob("*.py")
    }
    missing |= {target for target in links if not (document.parent / target).exists()}
    assert missing == set()
