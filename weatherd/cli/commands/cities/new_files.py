"""The settings and the list of somebody who has none yet. Existing files are never changed."""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from weatherd.cli.options import load_user_settings
from weatherd.cli.terminal import print_text
from weatherd.errors import ConfigError, Problem

if TYPE_CHECKING:
    from collections.abc import Sequence

    from weatherd.config.settings import Settings
    from weatherd.text.units import ReaderUnits

LIST_FILE = "cities.yaml"
_EMPTY_LIST = (
    "# The cities to poll, one per line. `weatherd cities add NAME` adds one; edits need no restart.\ncities:\n"
)


def find_user_folder() -> Path:
    """Return the folder of the user's own settings by the XDG Base Directory Specification."""
    from weatherd.config.paths import expand_home

    return Path(os.environ.get("XDG_CONFIG_HOME") or expand_home("~/.config")) / "weatherd"


def create_files(settings_file: Path, rows: Sequence[dict[str, Any]], units: ReaderUnits = "metric") -> list[Path]:
    """Write the settings file, with every key and its default, and the list beside it; return those that are new.

    A file that exists is not changed. Raises ConfigError if one cannot be written.
    """
    from weatherd.config.loader import SHIPPED_SETTINGS
    from weatherd.config.yaml import editor, reader

    shipped = reader.read_text(SHIPPED_SETTINGS)
    settings = re.sub(r"^units: metric", f"units: {units:<6}", shipped, count=1, flags=re.MULTILINE)
    list_file = settings_file.parent / LIST_FILE
    listed = editor.append_rows(_EMPTY_LIST, "cities", rows, str(list_file)) if rows else _EMPTY_LIST
    return [file for file, text in ((settings_file, settings), (list_file, listed)) if write_new(file, text)]


def write_new(file: Path, text: str) -> bool:
    """Write a file and print its path; return False if it exists. Raises ConfigError if it cannot be written."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("x", encoding="utf-8") as stream:
            stream.write(text)
    except FileExistsError:
        print_text(f"{file} exists and is not changed", err=True)
        return False
    except OSError as error:
        raise ConfigError(Problem(str(file), f"cannot be written: {error.strerror}")) from None
    print_text(f"created {file}", err=True)
    return True


def load_or_create_settings(config: Path | None, *, creates: bool) -> tuple[Path, Settings]:
    """Return the settings file and its settings, for a command that adds to the list.

    If only the shipped files are found, which belong to the installation, and *creates*, the user's own are created. So
    is a list that the settings name and that does not exist. Raises ConfigError.
    """
    from weatherd.config import loader
    from weatherd.config.lists.list_files import is_yaml
    from weatherd.config.setting_fields import CONFIG_VARIABLE

    found = loader.find_settings_file(config, os.environ)
    is_installed = found == loader.SHIPPED_SETTINGS and Path("config").resolve() != found.parent
    if creates and is_installed and not (config or os.environ.get(CONFIG_VARIABLE)):
        config = find_user_folder() / loader.SETTINGS_FILE_NAME
        create_files(config, [])
    file, settings = load_user_settings(config)
    paths = loader.find_list_paths(file, settings)
    if creates and all(map(is_missing, paths)) and is_yaml(paths[-1].name):
        write_new(paths[-1], _EMPTY_LIST)
    return file, settings


def is_missing(path: Path) -> bool:
    """Return whether nothing is at a path; what cannot be looked at is not missing."""
    try:
        path.lstat()
    except OSError as error:
        return error.errno == errno.ENOENT
    return False
