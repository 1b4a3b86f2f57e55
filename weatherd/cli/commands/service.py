"""``weatherd service``: the daemon under systemd."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import typer

from weatherd.cli.exit_codes import OK, UNCLEAN
from weatherd.config.loader import SETTINGS_FILE_NAME, SHIPPED_SETTINGS
from weatherd.errors import WeatherdError

UNIT = Path("/etc/systemd/system/weatherd.service")
FOLDER = Path("/etc/weatherd")
USER = "weatherd"
_EXECUTABLE = "/opt/weatherd/bin/weatherd"  # in the shipped unit
_PACKAGE = Path(__file__).resolve().parents[2]


class ServiceError(WeatherdError):
    """The system does not let us; the text says what to do."""


def show() -> int:
    """Print the unit for this installation."""
    typer.echo(unit(executable()), nl=False)
    return OK


def install() -> int:
    """Write the unit, the folder of the settings and the user. What is there already stays as it is."""
    _need_system()
    _make_user()
    _make_folder()
    UNIT.write_text(unit(executable()), encoding="utf-8")
    _run("systemctl", "daemon-reload")
    typer.echo(f"wrote {UNIT} and {FOLDER}; edit {FOLDER / 'cities.yaml'}, then: systemctl enable --now weatherd")
    return OK


def uninstall() -> int:
    """Stop the service and take the unit away; settings and observations stay."""
    _need_system()
    if not UNIT.exists():
        typer.echo(f"weatherd: there is no {UNIT}", err=True)
        return UNCLEAN
    _run("systemctl", "disable", "--now", "weatherd")
    UNIT.unlink()
    _run("systemctl", "daemon-reload")
    typer.echo(f"removed {UNIT}; {FOLDER}, /var/lib/weatherd and the user {USER} stay, remove them by hand")
    return OK


def unit(program: Path) -> str:
    """Return the unit for a program."""
    places = (_PACKAGE / "packaging", _PACKAGE.parent / "packaging")
    file = next(path for path in places if path.is_dir()) / "systemd" / "weatherd.service"
    text = file.read_text(encoding="utf-8").replace(_EXECUTABLE, str(program))
    if program.is_relative_to("/home") or program.is_relative_to("/root"):
        text = text.replace("ProtectHome=yes", "ProtectHome=read-only")
    return text


def executable() -> Path:
    """Return this installation's program."""
    beside = Path(sys.executable).with_name("weatherd")
    return beside if beside.exists() else Path(sys.argv[0]).resolve()


def _make_user() -> None:
    known = subprocess.run(["/usr/bin/id", USER], capture_output=True, check=False)  # noqa: S603 - all of it is ours
    if known.returncode:
        shell = "/usr/sbin/nologin"
        _run("useradd", "--system", "--user-group", "--home-dir", "/var/lib/weatherd", "--shell", shell, USER)


def _make_folder() -> None:
    credentials = FOLDER / "credentials"
    credentials.mkdir(parents=True, exist_ok=True)
    credentials.chmod(0o700)
    for name in (SETTINGS_FILE_NAME, "cities.yaml"):
        if not (FOLDER / name).exists():
            shutil.copyfile(SHIPPED_SETTINGS.parent / name, FOLDER / name)
            shutil.chown(FOLDER / name, group=USER)
            (FOLDER / name).chmod(0o640)
    shutil.chown(FOLDER, group=USER)
    FOLDER.chmod(0o750)


def _need_system() -> None:
    if os.geteuid():
        raise ServiceError("this changes the system: run it as root (sudo), or see weatherd service print")
    if not Path("/run/systemd/system").is_dir():  # as sd_booted() looks
        raise ServiceError("this machine is not run by systemd: nothing was changed; see weatherd service print")


def _run(program: str, *arguments: str) -> None:
    found = shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if not found:
        raise ServiceError(f"there is no {program} on this machine: is it run by systemd?")
    done = subprocess.run([found, *arguments], capture_output=True, text=True, check=False)  # noqa: S603 - ours
    if done.returncode:
        raise ServiceError(f"{program} {' '.join(arguments)}: {done.stderr.strip()}")
