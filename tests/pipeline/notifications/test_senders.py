"""Senders of notifications, against real services on loopback and real programs."""

from __future__ import annotations

import contextlib
import json
import sys
from typing import TYPE_CHECKING

import pytest

from tests.pipeline.forwarders.harness import wait_until
from tests.support.alert_receiver import run_alert_receiver
from tests.support.servers import free_port
from weatherd import log
from weatherd.alerts.rules_file import load_targets
from weatherd.errors import ConfigError, DeliveryError, RejectedError
from weatherd.http.session import open_session
from weatherd.pipeline.notifications.message import AlertMessage, AlertNotice
from weatherd.pipeline.notifications.sender import open_sender

if TYPE_CHECKING:
    from pathlib import Path

    from weatherd.alerts.targets import NamedTarget

pytestmark = [pytest.mark.real_time, pytest.mark.once]

ODD = 'Å <b> "Kiel" \\ & {x} it\'s 5 < 6'
_TIME = "2026-01-31T06:00:00Z"
MESSAGE = AlertMessage(
    "frost-1",
    f"frost: {ODD}",
    ODD,
    "firing",
    "frost",
    "error",
    (AlertNotice("kiel", ODD, "frost", "firing", "error", ODD, _TIME, _TIME),),
)


def write_target(folder: Path, row: str) -> NamedTarget:
    """Write a rules file with one target, and return the target."""
    file = folder / "alerts.yaml"
    file.write_text(f"alerts:\nnotify:\n  phone: {row}\n")
    (target,) = load_targets(file)
    return target


async def send(folder: Path, row: str) -> None:
    """Send the message to a target."""
    with open_sender(write_target(folder, row)) as sender:
        async with open_session("test") as session:
            await sender.send(MESSAGE, session)


async def test_apprise_delivers_the_text_unchanged(tmp_path: Path) -> None:
    """Markup, quotes and braces in a name arrive as they are, and the type follows from the severity."""
    async with run_alert_receiver() as receiver:
        await send(tmp_path, f"json://{receiver.address}/sesame")
    ((path, _, body),) = receiver.requests
    document = json.loads(body)
    assert (path, document["message"], document["title"]) == ("/sesame", ODD, MESSAGE.title)
    assert document["type"] == "failure"


@pytest.mark.parametrize("status", [302, 400, 403, 429, 500])
async def test_apprise_failures_are_failures(tmp_path: Path, status: int) -> None:
    """Any other status than success, and a redirect, is one request and a failure; our log shows no address."""
    lines: list[str] = []
    log.configure("debug", write=lines.append)
    async with run_alert_receiver() as receiver:
        receiver.script = [status]
        with pytest.raises(DeliveryError) as caught:
            await send(tmp_path, f"json://{receiver.address}/sesame?+X-Token=sesame")
        assert len(receiver.requests) == 1
    assert str(caught.value) == f"the service responded with status {status}"
    assert not [line for line in lines if "sesame" in line and "aiohttp.access" not in line]


async def test_apprise_without_a_service(tmp_path: Path) -> None:
    """A service that is not there is named as such, without its address."""
    with pytest.raises(DeliveryError, match="there is no connection to the service"):
        await send(tmp_path, f"json://127.0.0.1:{free_port()}/sesame")


async def test_webhook_sends_json_with_a_key(tmp_path: Path) -> None:
    """Without a template the body is the message; secrets come from files; the key is a header."""
    (tmp_path / "token").write_text("Bearer sesame\n")
    async with run_alert_receiver() as receiver:
        (tmp_path / "url").write_text(f"http://{receiver.address}/in")
        await send(tmp_path, "{webhook: {file: url}, headers: {Authorization: {file: token}}}")
    ((path, headers, body),) = receiver.requests
    assert (path, headers["Authorization"], headers["Idempotency-Key"]) == ("/in", "Bearer sesame", "frost-1")
    assert json.loads(body) == json.loads(json.dumps(MESSAGE.to_json()))
    assert headers["Content-Type"] == "application/json"


async def test_webhook_with_a_template(tmp_path: Path) -> None:
    """A template forms the body, and its name the media type."""
    (tmp_path / "ops.json.j2").write_text('{"a": {{ text | tojson }}, "n": {{ alerts | length }}}')
    (tmp_path / "ops.txt.j2").write_text("{% for alert in alerts %}{{ rule }} {{ alert.name }}{% endfor %}")
    async with run_alert_receiver() as receiver:
        for name in ("ops.json.j2", "ops.txt.j2"):
            await send(tmp_path, f'{{webhook: "http://{receiver.address}/in", template: {name}}}')
    first, second = receiver.requests
    assert json.loads(first[2]) == {"a": ODD, "n": 1}
    assert (second[2].decode(), second[1]["Content-Type"]) == (f"frost {ODD}", "text/plain; charset=utf-8")


async def test_webhook_failures(tmp_path: Path) -> None:
    """A redirect is not followed; a rejected body is told apart from a server that cannot take it now."""
    async with run_alert_receiver() as receiver:
        row = f'{{webhook: "http://{receiver.address}/sesame-path"}}'
        receiver.script = [302, 422, 429]
        with pytest.raises(DeliveryError, match="302"):
            await send(tmp_path, row)
        with pytest.raises(RejectedError, match="422"):
            await send(tmp_path, row)
        with pytest.raises(DeliveryError) as caught:
            await send(tmp_path, row)
        assert caught.value.retry_after == 7
    assert [path for path, _, _ in receiver.requests] == ["/sesame-path"] * 3


def write_program(folder: Path, code: str) -> str:
    """Write a program in Python, and return its row."""
    (folder / "program.py").write_text(code)
    return f'[{sys.executable}, program.py, "{{title}}", "{{{{x}}}} {{text}}"]'


async def test_command_gets_the_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Arguments are filled without a shell, the message is on the input, and weatherd's variables are not passed on."""
    monkeypatch.setenv("WEATHERD_HTTP__TOKEN", "sesame")
    monkeypatch.setenv("OPEN_WEATHER_API_KEY", "sesame")
    monkeypatch.setenv("NOTIFY_SOCKET", "/sesame")
    code = "import json, os, sys\njson.dump([sys.argv[1:], json.load(sys.stdin), dict(os.environ)], open('got', 'w'))\n"
    await send(tmp_path, f"{{command: {write_program(tmp_path, code)}}}")
    arguments, document, environ = json.loads((tmp_path / "got").read_text())
    assert arguments == [MESSAGE.title, f"{{x}} {ODD}"]
    assert document == json.loads(json.dumps(MESSAGE.to_json()))
    assert "sesame" not in str(environ)
    assert environ["PATH"]


async def test_command_fails_with_its_output(tmp_path: Path) -> None:
    """Another exit status is a failure; endless output is read but not kept, and controls are escaped."""
    code = "import sys\nprint('no \\033[31m lamp' + 'x' * 10**6)\nsys.exit(3)\n"
    with pytest.raises(DeliveryError) as caught:
        await send(tmp_path, f"{{command: {write_program(tmp_path, code)}}}")
    assert str(caught.value).startswith("exit status 3: no \\u001b[31m lampxxx")
    assert len(str(caught.value)) < 300


async def test_command_is_killed_with_its_children(tmp_path: Path) -> None:
    """At the time limit the program and what it started end."""
    code = (
        "import subprocess, time\n"
        "child = subprocess.Popen(['sleep', '60'])\nopen('pid', 'w').write(str(child.pid))\ntime.sleep(60)\n"
    )
    with pytest.raises(DeliveryError, match="killed after 2s"):
        await send(tmp_path, f"{{command: {write_program(tmp_path, code)}, timeout: 2s}}")
    child = int((tmp_path / "pid").read_text())
    await wait_until(lambda: _has_ended(child))


async def _has_ended(process: int) -> bool:
    with contextlib.suppress(OSError), open(f"/proc/{process}/stat") as file:  # noqa: ASYNC230, PTH123 - not on a disk
        return file.read().rpartition(")")[2].split()[0] == "Z"
    return True


@pytest.mark.parametrize(
    ("row", "message"),
    [
        ("json://127.0.0.1/sesame?retry=3", "alerts.yaml:3:10: phone: retry= is not allowed in the address"),
        ("json://127.0.0.1/sesame?a=1&Optional=yes", "optional= is not allowed in the address"),
        ("nothing://sesame", "alerts.yaml:3:10: phone: should be an address that Apprise accepts"),
        ("sesame", "alerts.yaml:3:10: phone: should be an address that Apprise accepts"),
        ("{file: missing}", "alerts.yaml:3:10: phone: the secret file missing cannot be read: No such file"),
        ("{file: empty}", "the secret file empty is empty"),
        ("{webhook: 'http://'}", "alerts.yaml:3:10: phone: 'webhook' should be an HTTP URL"),
        ("{webhook: ftp://sesame}", "alerts.yaml:3:10: phone: 'webhook' should be an HTTP URL"),
        ("{webhook: http://sesame, headers: {A B: sesame}}", "phone: 'A B' cannot be sent as an HTTP header"),
        ('{webhook: http://sesame, headers: {A: "sesame\\nB: c"}}', "phone: 'A' cannot be sent as an HTTP header"),
        ("{webhook: http://sesame, template: missing.j2}", "missing.j2: cannot be read: No such file"),
        ("{webhook: http://sesame, template: a.json.j2}", "write {{ text | tojson }} for a text in JSON"),
        ("{webhook: http://sesame, template: b.j2}", "b.j2:2: is not a Jinja2 template"),
        ("{webhook: http://sesame, template: c.j2}", "c.j2: the template failed: SecurityError"),
        ("{webhook: http://sesame, template: d.j2}", "d.j2: the template failed: UndefinedError: 'titel' is undefined"),
        ("{webhook: http://sesame, template: e.j2}", "e.j2: the template failed: TypeError"),
        (
            "{webhook: http://sesame, template: f.json.j2}",
            "f.json.j2: the template failed: UndefinedError: 'titel' is undefined",
        ),
        ("{command: [no-such-program]}", "phone: there is no program 'no-such-program' to be started"),
        ('{command: [cat, "{titel}"]}', "phone: 'command' should not contain {titel}; did you mean 'title'?"),
        ('{command: [cat, "{title.__class__}"]}', "phone: 'command' should not contain {title.__class__}"),
        ('{command: [cat, "{title:9}"]}', "phone: 'command' takes {title} alone"),
        ('{command: [cat, "{"]}', "phone: 'command' has an argument that is not a format string"),
    ],
)
def test_unusable_targets(tmp_path: Path, row: str, message: str) -> None:
    """What cannot work is found before the first message, and no secret is shown."""
    templates = {
        "empty": "",
        "a.json.j2": '{"text": "{{ text }}"}',
        "b.j2": "\n{% if %}",
        "c.j2": "{{ ''.__class__.__mro__ }}",
        "d.j2": "{{ titel }}",
        "e.j2": "{% include 'a.json.j2' %}",
        "f.json.j2": '{"title": {{ titel | tojson }}}',
    }
    for name, text in templates.items():
        (tmp_path / name).write_text(text)
    with pytest.raises(ConfigError) as caught, open_sender(write_target(tmp_path, row)):
        pass
    assert message in str(caught.value)
    assert "sesame" not in str(caught.value).replace(str(tmp_path), "")


def test_secret_files_of_systemd(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative name is searched in the directory of credentials first, then beside the rules file."""
    target = write_target(tmp_path, "{file: phone}")
    (tmp_path / "phone").write_text("beside")
    assert target.reveal_all() == ["beside"]
    (tmp_path / "credentials").mkdir()
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "credentials"))
    assert target.reveal_all() == ["beside"]
    (tmp_path / "credentials" / "phone").write_text("credential\n")
    assert target.reveal_all() == ["credential"]
