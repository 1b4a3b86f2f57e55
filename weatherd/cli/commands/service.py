"""``weatherd service``: run the daemon under systemd."""
# ruff: noqa: D301 - \b before the examples preserves their line breaks

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import typer

from weatherd.cli.exit_codes import ExitCode
from weatherd.cli.options import TYPER_SETTINGS
from weatherd.cli.terminal import print_text
from weatherd.errors import WeatherdError

UNIT_FILE = Path("/etc/systemd/system/weatherd.service")
_EXECUTABLE = "/opt/weatherd/bin/weatherd"  # the path in the shipped unit
_PACKAGE = Path(__file__).resolve().parents[2]

_HELP = """Run weatherd as a systemd service.

\b
Examples:
  sudo weatherd service install
"""
service = typer.Typer(help=_HELP, **TYPER_SETTINGS)


class ServiceError(WeatherdError):
    """The service cannot be installed or removed; the text suggests a fix."""


@service.command()
def install() -> int:
    """Create the systemd unit, /etc/weatherd and the user; existing configuration files are kept.

    \b
    Examples:
      sudo weatherd service install && sudo systemctl enable --now weatherd
    """
    from weatherd.config.paths import MACHINE_CONFIG_FOLDER

    _require_root_and_systemd()
    _create_user()
    _create_config_folder()
    UNIT_FILE.write_text(render_unit(find_executable()), encoding="utf-8")
    _run("systemctl", "daemon-reload")
    list_file = MACHINE_CONFIG_FOLDER / "cities.yaml"
    print_text(
        f"wrote {UNIT_FILE} and {MACHINE_CONFIG_FOLDER}; edit {list_file}, then run: systemctl enable --now weatherd"
    )
    return ExitCode.OK


@service.command()
def uninstall() -> int:
    """Stop the service and remove its unit; settings and data are kept.

    \b
    Examples:
      sudo weatherd service uninstall
    """
    from weatherd.config.paths import MACHINE_CONFIG_FOLDER, MACHINE_STATE_FOLDER, SERVICE_USER

    _require_root_and_systemd()
    if not UNIT_FILE.exists():
        print_text(f"weatherd: {UNIT_FILE} does not exist", err=True)
        return ExitCode.UNCLEAN
    _run("systemctl", "disable", "--now", "weatherd")
    UNIT_FILE.unlink()
    _run("systemctl", "daemon-reload")
    print_text(
        f"removed {UNIT_FILE}; kept {MACHINE_CONFIG_FOLDER}, {MACHINE_STATE_FOLDER} and the user {SERVICE_USER}, "
        "which you can remove by hand"
    )
    return ExitCode.OK


@service.command("print")
def print_unit() -> int:
    """Print the unit file for this installation.

    \b
    Examples:
      weatherd service print > weatherd.service
    """
    print_text(render_unit(find_executable()).removesuffix("\n"))
    return ExitCode.OK


def render_unit(executable: Path) -> str:
    """Return the text of a unit file that starts *executable*, which may be in a home folder."""
    folders = (_PACKAGE / "packaging", _PACKAGE.parent / "packaging")
    file = next(folder for folder in folders if folder.is_dir()) / "systemd" / "weatherd.service"
    text = file.read_text(encoding="utf-8").replace(_EXECUTABLE, str(executable))
    if executable.is_relative_to("/home") or executable.is_relative_to("/root"):
        text = text.replace("ProtectHome=yes", "ProtectHome=read-only")
    return text


def find_executable() -> Path:
    """Return the path of this installation's ``weatherd`` executable."""
    beside_python = Path(sys.executable).with_name("weatherd")
    return beside_python if beside_python.exists() else Path(sys.argv[0]).resolve()


def _create_user() -> None:
    from weatherd.config.paths import MACHINE_STATE_FOLDER, SERVICE_USER

    known = subprocess.run(["/usr/bin/id", SERVICE_USER], capture_output=True, check=False)  # noqa: S603 - constants
    if known.returncode:
        home, shell = str(MACHINE_STATE_FOLDER), "/usr/sbin/nologin"
        _run("useradd", "--system", "--user-group", "--home-dir", home, "--shell", shell, SERVICE_USER)


def _create_config_folder() -> None:
    from weatherd.config.loader import SETTINGS_FILE_NAME, SHIPPED_SETTINGS
    from weatherd.config.paths import MACHINE_CONFIG_FOLDER, SERVICE_USER

    credentials = MACHINE_CONFIG_FOLDER / "credentials"
    credentials.mkdir(parents=True, exist_ok=True)
    credentials.chmod(0o700)
    for name in (SETTINGS_FILE_NAME, "cities.yaml"):
        file = MACHINE_CONFIG_FOLDER / name
        if not file.exists():
            shutil.copyfile(SHIPPED_SETTINGS.parent / name, file)
            shutil.chown(file, group=SERVICE_USER)
            file.chmod(0o640)
    shutil.chown(MACHINE_CONFIG_FOLDER, group=SERVICE_USER)
    MACHINE_CONFIG_FOLDER.chmod(0o750)


def _require_root_and_systemd() -> None:
    if os.geteuid():
        raise ServiceError("this command changes the system: run it as root (sudo), or see weatherd service print")
    if not Path("/run/systemd/system").is_dir():  # the test of sd_booted(3)
        raise ServiceError("systemd is not running on this machine; nothing was changed; see weatherd service print")


def _run(program: str, *arguments: str) -> None:
    """Run a system program, found on a fixed search path because it runs as root. Raises ServiceError."""
    found = shutil.which(program, path="/usr/sbin:/usr/bin:/sbin:/bin")
    if not found:
        raise ServiceError(f"{program} was not found; is systemd installed on this machine?")
    done = subprocess.run([found, *arguments], capture_output=True, text=True, check=False)  # noqa: S603 - constants
    if done.returncode:
        raise ServiceError(f"{program} {' '.join(arguments)}: {done.stderr.strip()}")
