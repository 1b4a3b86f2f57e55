"""Detection of edits, on virtual time and a real file system."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from tests.support import virtual_time
from weatherd.daemon.loading.file_watch import watch_files
from weatherd.daemon.loading.loaded import load_with_snapshot

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

LONG_ENOUGH = 5.0  # seconds
LIST = "cities: [{name: Kiel, lat: 54.3, lon: 10.1}]\n"


class ReloadCounter:
    """A running watch that counts the reloads it requests."""

    def __init__(self) -> None:
        self.reload = asyncio.Event()
        self.reloads = 0

    async def wait(self, seconds: float = LONG_ENOUGH) -> None:
        """Count the requests of the next seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while True:
                    await self.reload.wait()
                    self.reload.clear()
                    self.reloads += 1


@contextlib.asynccontextmanager
async def watching(folder: Path, edit_meanwhile: Callable[[Path], None] | None = None) -> AsyncIterator[ReloadCounter]:
    """Watch the settings in a folder and the list that they name; *edit_meanwhile* comes before the watch starts."""
    configuration, snapshot = load_with_snapshot(folder / "weatherd.yaml", {}, ["open-meteo"])
    paths = (configuration.file, *configuration.list_paths)
    watched = ReloadCounter()
    if edit_meanwhile:
        edit_meanwhile(folder)
    async with asyncio.TaskGroup() as tasks:
        task = tasks.create_task(watch_files(lambda: paths, snapshot, watched.reload))
        await watched.wait()
        yield watched
        task.cancel()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with settings and a list."""
    (folder := tmp_path / "config").mkdir()
    (folder / "weatherd.yaml").write_text("providers: [open-meteo]\ncities: cities.yaml\n")
    (folder / "cities.yaml").write_text(LIST)
    return folder


def edit_in_place(folder: Path) -> None:
    """Edit the list in place."""
    (folder / "cities.yaml").write_text(f"# one\n{LIST}")


def replace_list(folder: Path) -> None:
    """Replace the list with another file of the same length."""
    (folder / "new~").write_text(LIST)
    (folder / "new~").replace(folder / "cities.yaml")


def remove_list(folder: Path) -> None:
    """Delete the list."""
    (folder / "cities.yaml").unlink()


def change_permissions(folder: Path) -> None:
    """Change the permissions of the list."""
    (folder / "cities.yaml").chmod(0o600)


def edit_settings(folder: Path) -> None:
    """Edit the settings."""
    (folder / "weatherd.yaml").write_text("interval: 60s\nproviders: [open-meteo]\ncities: cities.yaml\n")


def edit_settings_once(folder: Path) -> None:
    """Edit the settings, unless that was done before."""
    if "interval" not in (folder / "weatherd.yaml").read_text():
        edit_settings(folder)


def replace_folder(folder: Path) -> None:
    """Replace the folder that contains the files."""
    folder.rename(folder.with_name("old"))
    folder.mkdir()
    (folder / "weatherd.yaml").write_text("providers: [open-meteo]\n")
    (folder / "cities.yaml").write_text(LIST)


@pytest.mark.parametrize(
    "edit", [edit_in_place, replace_list, remove_list, change_permissions, edit_settings, replace_folder]
)
def test_an_edit_requests_one_reload(folder: Path, edit: Callable[[Path], None]) -> None:
    """Every kind of edit requests one reload; without an edit there is none."""

    async def scenario() -> None:
        async with watching(folder) as watched:
            assert watched.reloads == 0
            edit(folder)
            await watched.wait()
            assert watched.reloads == 1
            await watched.wait()
            assert watched.reloads == 1

    virtual_time.run(scenario())


@pytest.mark.parametrize("edit", [edit_in_place, replace_list, remove_list, edit_settings])
def test_an_edit_during_the_start_requests_one_reload(folder: Path, edit: Callable[[Path], None]) -> None:
    """An edit after the files were read and before the watch started requests a reload."""

    async def scenario() -> None:
        async with watching(folder, edit) as watched:
            assert watched.reloads == 1
            await watched.wait()
            assert watched.reloads == 1

    virtual_time.run(scenario())


def test_the_rules_are_among_the_files(folder: Path) -> None:
    """The snapshot from before the load has the settings, the list and the alert rules."""
    with (folder / "weatherd.yaml").open("a") as settings:
        settings.write("alerts: alerts.yaml\n")
    (folder / "alerts.yaml").write_text("alerts:\n")
    _, snapshot = load_with_snapshot(folder / "weatherd.yaml", {}, ["open-meteo"])
    assert [state.path.name for state in snapshot] == ["weatherd.yaml", "cities.yaml", "alerts.yaml"]


@pytest.mark.parametrize("edit", [edit_in_place, edit_settings_once])
def test_an_edit_while_the_files_are_read_requests_a_reload(folder: Path, edit: Callable[[Path], None]) -> None:
    """An edit of the list or the settings while they are being read requests a reload."""

    class Names(list[str]):
        """The installed providers; validating a provider's name edits a file."""

        def __contains__(self, name: object) -> bool:
            edit(folder)
            return super().__contains__(name)

    async def scenario() -> None:
        configuration, snapshot = load_with_snapshot(folder / "weatherd.yaml", {}, Names(["open-meteo"]))
        reload = asyncio.Event()
        watching = asyncio.create_task(
            watch_files(lambda: (configuration.file, *configuration.list_paths), snapshot, reload)
        )
        async with asyncio.timeout(LONG_ENOUGH):
            await reload.wait()
        assert reload.is_set()
        watching.cancel()
        await asyncio.wait([watching])

    virtual_time.run(scenario())


def test_deleting_and_restoring_a_list_is_detected(folder: Path) -> None:
    """Deleting a list and creating it again request a reload each."""

    async def scenario() -> None:
        async with watching(folder) as watched:
            remove_list(folder)
            await watched.wait()
            edit_in_place(folder)
            await watched.wait()
            assert watched.reloads == 2

    virtual_time.run(scenario())


def test_a_file_is_not_read_while_it_is_written(folder: Path) -> None:
    """A list that takes three seconds to write is reloaded once, when it is complete."""

    async def scenario() -> None:
        async with watching(folder) as watched:
            with (folder / "cities.yaml").open("a") as file:
                for number in range(10):
                    file.write(f"# {number}\n")
                    file.flush()
                    await watched.wait(0.3)
                assert watched.reloads == 0
            await watched.wait()
            assert watched.reloads == 1

    virtual_time.run(scenario())


def test_a_changed_symbolic_link_is_detected(folder: Path) -> None:
    """Kubernetes updates a mounted file by changing a symbolic link to its folder."""

    async def scenario() -> None:
        for name in ("one", "two"):
            (folder / name).mkdir()
            (folder / name / "cities.yaml").write_text(LIST)
        (folder / "..data").symlink_to("one")
        remove_list(folder)
        (folder / "cities.yaml").symlink_to("..data/cities.yaml")
        async with watching(folder) as watched:
            (folder / "new").symlink_to("two")
            (folder / "new").replace(folder / "..data")
            await watched.wait()
            assert watched.reloads == 1

    virtual_time.run(scenario())


def test_only_the_lists_of_a_folder_count(folder: Path) -> None:
    """A new list in a folder requests a reload; an editor's hidden files do not."""

    async def scenario() -> None:
        (folder / "lists").mkdir()
        (folder / "lists" / "one.yaml").write_text(LIST)
        (folder / "weatherd.yaml").write_text("providers: [open-meteo]\ncities: lists\n")
        async with watching(folder) as watched:
            for hidden in (".one.yaml.swp", ".two.yaml", "notes.txt"):
                (folder / "lists" / hidden).write_text("x")
            await watched.wait()
            assert watched.reloads == 0
            (folder / "lists" / "two.yaml").write_text(LIST)
            await watched.wait()
            assert watched.reloads == 1

    virtual_time.run(scenario())


def test_every_file_of_the_list_is_watched(folder: Path) -> None:
    """An edit of any file, whatever its format, and a new one in a folder, each request one reload."""
    (folder / "weatherd.yaml").write_text("cities: [cities.yaml, b.csv, more]\n")
    (folder / "b.csv").write_text("name,lat,lon\n")
    (folder / "more").mkdir()
    (folder / "more" / "c.jsonl").write_text('{"name": "Oslo", "lat": 59.9, "lon": 10.7}')

    async def scenario() -> None:
        async with watching(folder) as watched:
            for number, file in enumerate(("cities.yaml", "b.csv", "more/c.jsonl", "more/d.csv"), 1):
                (folder / file).write_text("changed")
                await watched.wait()
                assert watched.reloads == number

    virtual_time.run(scenario())
