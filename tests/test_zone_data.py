"""Which time zone data is in use, and whether it is outdated."""

from __future__ import annotations

import shutil
import zoneinfo
from datetime import UTC, datetime
from importlib.resources import files
from typing import TYPE_CHECKING

import pytest

from weatherd.zone_data import explain_outdated_zones, find_zone_data

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    UseFolder = Callable[..., Path]

NOW = datetime(2026, 10, 1, tzinfo=UTC)
PACKAGE = files("tzdata") / "zoneinfo"
PACKAGE_VERSION = (PACKAGE / "tzdata.zi").read_text("ascii").split()[2]
NEWER = "9999z"


@pytest.fixture
def use_folder(tmp_path: Path) -> Iterator[UseFolder]:
    """Return a function that makes zoneinfo use a folder, in which zones have the data of others in the package."""

    def use(version: str | None = "2025b", **data: str) -> Path:
        for name, other in {"UTC": "UTC", **{key.replace("__", "/"): value for key, value in data.items()}}.items():
            (tmp_path / name).parent.mkdir(exist_ok=True)
            shutil.copy(str(PACKAGE / other), tmp_path / name)
        if version:
            (tmp_path / "tzdata.zi").write_text(f"# version {version}\n# This is in the public domain\n", "ascii")
        zoneinfo.reset_tzpath(to=[str(tmp_path)])
        return tmp_path

    find_zone_data.cache_clear()
    zoneinfo.ZoneInfo.clear_cache()
    yield use
    zoneinfo.reset_tzpath()
    find_zone_data.cache_clear()
    zoneinfo.ZoneInfo.clear_cache()


def test_the_source_and_the_version_are_named(use_folder: UseFolder) -> None:
    """The system's folder comes first; its version is in tzdata.zi."""
    folder = use_folder("2025b")
    assert str(find_zone_data()) == f"2025b ({folder})"


def test_an_unknown_version_is_no_reason_for_a_warning(use_folder: UseFolder) -> None:
    """Without a file that names the version there is nothing to compare, hence no warning."""
    folder = use_folder(None, Europe__Berlin="Europe/London")
    assert str(find_zone_data()) == f"unknown version ({folder})"
    assert explain_outdated_zones(["Europe/Berlin"], NOW) is None


def test_the_package_is_used_without_files_of_the_system(use_folder: UseFolder) -> None:
    """An empty PYTHONTZPATH, or a machine without zone data, leads to the package."""
    use_folder()
    zoneinfo.reset_tzpath(to=[])
    assert str(find_zone_data()) == f"{PACKAGE_VERSION} (package tzdata)"
    assert explain_outdated_zones(["Europe/Berlin"], NOW) is None


def test_a_difference_within_a_year_is_a_warning(use_folder: UseFolder) -> None:
    """It names versions, zone, day and what to do; zones that do not differ are not named."""
    folder = use_folder("2025b", Europe__Berlin="Europe/London", Europe__Paris="Europe/Paris")
    warning = explain_outdated_zones(["Europe/Paris", "Europe/Berlin", "Europe/Berlin"], NOW)
    assert warning == (
        f"the zone data in use, 2025b ({folder}), is older than the package tzdata, {PACKAGE_VERSION}, and differs "
        "for Europe/Berlin from 2026-10-01. Upgrade the system's time zone data, or set PYTHONTZPATH to an empty text, "
        "so that the package is used"
    )
    assert explain_outdated_zones(["Europe/Paris"], NOW) is None
    assert explain_outdated_zones([], NOW) is None


@pytest.mark.parametrize("version", [PACKAGE_VERSION, NEWER])
def test_data_that_is_as_new_is_not_compared(use_folder: UseFolder, version: str) -> None:
    """The newer data is right, whatever the package says."""
    use_folder(version, Europe__Berlin="Europe/London")
    assert explain_outdated_zones(["Europe/Berlin"], NOW) is None


@pytest.mark.skipif(PACKAGE_VERSION < "2026b", reason="the package is older than the change")
def test_vancouver_in_2026(use_folder: UseFolder) -> None:
    """British Columbia keeps summer time from November 2026 on; data of 2025 has the hour of Los Angeles."""
    use_folder("2025b", America__Vancouver="America/Los_Angeles", America__Los_Angeles="America/Los_Angeles")
    warning = explain_outdated_zones(["America/Vancouver", "America/Los_Angeles"], NOW)
    assert warning
    assert "differs for America/Vancouver from 2026-11-" in warning
    assert "America/Los_Angeles" not in warning
