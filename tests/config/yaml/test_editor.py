"""Edits of a list change nothing else in the file, and the file is replaced atomically."""

from __future__ import annotations

import stat
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weatherd.config.yaml.atomic_write import write_atomically
from weatherd.config.yaml.editor import append_rows, remove_row, rename_row
from weatherd.config.yaml.reader import parse_yaml
from weatherd.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

WORDS = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=12) | st.sampled_from(
    ["München", "no", "0o17", "1e5", "~", "a, b", "a: b", "- x", "a #b", "[x", "*x", "!x", "'", '"', "Xi'an", " ", "🌧"]
)
ROWS = st.fixed_dictionaries(
    {"name": WORDS, "lat": st.floats(-90, 90), "lon": st.integers(-180, 180)},
    optional={"interval": WORDS, "providers": st.lists(WORDS, max_size=3), "id": st.none()},
)
COMMENTS = st.sampled_from(["# München: {a} - b, [c] # d", "# a\n", "#", "# - {name: X}"])
NOTES = st.sampled_from(["", " # of Kiel, - x: y", "  #"])
QUIRKS = ["cities", "'cities'", '"cities" ']


def format_flow(row: dict[str, Any]) -> str:
    """Format a row as the editor does."""
    return append_rows("c: []", "c", [row], "f").removeprefix("c:\n  - ").rstrip("\n")


@st.composite
def files(draw: st.DrawFn) -> tuple[str, list[str]]:
    """Generate a file with a list in some layout; return it with its comments."""
    rows: list[dict[str, Any]] = draw(st.lists(ROWS, max_size=4))
    made: list[str] = []

    def comment(indent: int = 0) -> str:
        lines = draw(st.lists(COMMENTS | st.just(""), max_size=2))
        made.extend(line.strip() for line in lines if line)
        return "".join(f"{' ' * indent}{line}\n" for line in lines)

    def note() -> str:
        made.append(chosen := draw(NOTES))
        return f"{chosen}\n"

    style = draw(st.sampled_from(["flow rows", "block rows", "flow list", "long flow list"])) if rows else "empty"
    indent = draw(st.integers(0, 4))
    text = draw(st.sampled_from(["", "\ufeff", "---\n"])) + comment() + draw(st.sampled_from(QUIRKS)) + ":"
    match style:
        case "empty":
            text += draw(st.sampled_from([" []", "  [ ]", " [\n ]", " [ # none\n  ]"])) + note()
        case "flow list":
            text += f" [{', '.join(map(format_flow, rows))}{draw(st.sampled_from(['', ',', ' , ']))}]" + note()
        case "long flow list":
            text += " [" + note() + comment(1)
            for number, row in enumerate(rows, 1):
                text += f"  {format_flow(row)}{',' if number < len(rows) else ''}" + note() + comment(2)
            text += "  ]" + note()
        case _:
            text += note()
            for row in rows:
                text += comment(indent) + " " * indent + "- "
                if style == "flow rows":
                    text += format_flow(row) + note()
                else:
                    text += (
                        f"\n{' ' * indent}  ".join(f"{key}: {format_flow(value)}" for key, value in row.items())
                        + note()
                    )
    text += comment() + draw(st.sampled_from(["", "other: [1, {cities: []}]\n"]))
    text = text.replace("\n", "\r\n", draw(st.sampled_from([0, 1, -1])))
    return draw(st.sampled_from([text, text.rstrip("\r\n")])), [row for row in made if row.strip()]


def parse_rows(text: str) -> list[Any]:
    """Return the rows of the list."""
    rows: list[Any] = parse_yaml(text, "f")["cities"]
    return rows


@given(files(), ROWS)
def test_adding_and_removing_a_row_restores_the_file(file: tuple[str, list[str]], row: dict[str, Any]) -> None:
    """The added row is the last one, every comment stays, and removing it restores the file byte for byte."""
    text, comments = file
    added = append_rows(text, "cities", [row], "f")
    assert parse_rows(added) == [*parse_rows(text), row]
    assert parse_yaml(added, "f").get("other") == parse_yaml(text, "f").get("other")
    assert all(comment.strip() in added for comment in comments)
    assert remove_row(added, "cities", len(parse_rows(text)), "f") == text


@given(files(), st.data())
def test_every_row_can_be_removed(file: tuple[str, list[str]], data: st.DataObject) -> None:
    """The other rows stay in order, and so do comments on lines above and below."""
    text, _ = file
    if rows := parse_rows(text):
        index = data.draw(st.integers(0, len(rows) - 1))
        edited = remove_row(text, "cities", index, "f")
        assert parse_rows(edited) == rows[:index] + rows[index + 1 :]
        lines = [line for line in text.splitlines() if line.lstrip().startswith("#")]
        assert [line for line in edited.splitlines() if line in lines] == lines


@given(files(), WORDS, st.data())
def test_every_row_can_be_renamed(file: tuple[str, list[str]], name: str, data: st.DataObject) -> None:
    """The row gets the name and an id after it; every other value, line and comment stays."""
    text, comments = file
    if rows := parse_rows(text):
        index = data.draw(st.integers(0, len(rows) - 1))
        fields = {"name": name} if "id" in rows[index] else {"name": name, "id": "kiel"}
        edited = rename_row(text, "cities", index, fields, "f")
        assert parse_rows(edited) == [*rows[:index], rows[index] | fields, *rows[index + 1 :]]
        assert all(comment.strip() in edited for comment in comments)
        assert abs(len(edited.splitlines()) - len(text.splitlines())) <= 1


@given(st.lists(ROWS, min_size=1, max_size=4))
def test_a_list_can_be_emptied_and_filled_again(rows: list[dict[str, Any]]) -> None:
    """Rows are removed and added one by one; each new row is on its own line."""
    text = "cities: []\n"
    for _ in range(2):
        for row in rows:
            text = append_rows(text, "cities", [row], "f")
        assert parse_rows(text) == rows
        assert len(text.splitlines()) == len(rows) + 1
        for _ in rows:
            text = remove_row(text, "cities", 0, "f")
        assert text == "cities: []\n"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("cities: [] # none: yet\n", "cities: # none: yet\n  - {name: X}\n"),
        ("cities: []\n", "cities:\n  - {name: X}\n"),
        ("cities:\n    - a\n\n\n# end\n", "cities:\n    - a\n    - {name: X}\n\n\n# end\n"),
        ("cities:\n- name: a\n  # lat\n\nb: 1\n", "cities:\n- name: a\n- {name: X}\n  # lat\n\nb: 1\n"),
        ("cities:\n-\n  # a - b\n  name: a\n", "cities:\n-\n  # a - b\n  name: a\n- {name: X}\n"),
        ("cities: [a,]", "cities: [a, {name: X},]"),
        ("{x: [cities], cities: [a]}", "{x: [cities], cities: [a, {name: X}]}"),
        ("x: {cities: [a]}\ncities:\n- b\n", "x: {cities: [a]}\ncities:\n- b\n- {name: X}\n"),
    ],
)
def test_the_position_of_an_added_row(before: str, after: str) -> None:
    """It is at the end of the list, indented like the other rows, before the text after the list."""
    assert append_rows(before, "cities", [{"name": "X"}], "f") == after


def test_a_list_with_aliases_between_rows_is_not_edited() -> None:
    """The error says that the layout cannot be edited."""
    with pytest.raises(ConfigError, match="cannot be edited automatically"):
        append_rows("cities:\n- &a {n: 1}\n- *a", "cities", [{"name": "X"}], "f")


@pytest.mark.parametrize(
    ("before", "index", "after"),
    [
        ("cities:\n- a # its own\n# above\n- b\n", 0, "cities:\n# above\n- b\n"),
        ("cities: # all\n# first\n- a\n", 0, "cities: [] # all\n# first\n"),
        ("cities:\n-\n  # a - b\n  name: a\n- b\n", 0, "cities:\n- b\n"),
        ("cities:\n- lat: .nan\n- b\n", 1, "cities:\n- lat: .nan\n"),
        ("cities:\n- 'a\n\n  - b'\n- c\n", 0, "cities:\n- c\n"),
        ("cities:\n- |\n  a\n- - b\n  - c\n", 1, "cities:\n- |\n  a\n"),
        ("cities: [a, b,]", 1, "cities: [a,]"),
        ("cities: [a,]", 0, "cities: []"),
        ("cities: [a, # x, y\n b, # z\n c]", 1, "cities: [a # x, y\n , # z\n c]"),
    ],
)
def test_the_text_that_is_removed(before: str, index: int, after: str) -> None:
    """Exactly the lines of the row and the comments in them are removed, and no identical row elsewhere."""
    assert remove_row(before, "cities", index, "f") == after


@pytest.mark.parametrize(
    "text", ["cities: null\n", "cities: x\n", "cities:\n- a\n...\n# end\n...\n", "? cities\n: - a\n  - b\n", "- a", "x"]
)
def test_an_unsupported_layout_is_not_edited(text: str) -> None:
    """The result is correct, or ConfigError is raised."""
    try:
        assert parse_rows(append_rows(text, "cities", [{"name": "X"}], "f"))[-1] == {"name": "X"}
    except ConfigError as error:
        assert "f" in str(error)  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("", "cities:\n  - {name: X}\n"),
        ("# mine", "# mine\ncities:\n  - {name: X}\n"),
        ("# mine\n", "# mine\ncities:\n  - {name: X}\n"),
        ("\ufeff", "\ufeffcities:\n  - {name: X}\n"),
        ("cities:\n", "cities:\n  - {name: X}\n"),
        ("cities:", "cities:\n  - {name: X}\n"),
        ("cities: null # none\r\n", "cities: # none\r\n  - {name: X}\r\n"),
        ("# cities:\ncities: # none\n# end\n", "# cities:\ncities: # none\n  - {name: X}\n# end\n"),
        ("cities: ~\n", "cities:\n  - {name: X}\n"),
    ],
)
def test_a_list_is_started(text: str, after: str) -> None:
    """In a file without a document, or with the key alone; comments are kept."""
    assert append_rows(text, "cities", [{"name": "X"}], "f").rstrip("\r\n") == after.rstrip("\r\n")


@pytest.mark.parametrize("text", ["cities: []", "cities: [{a: 1}]\n", "cities:\n- {a: 1} # x\n# y\n", ""])
def test_several_rows_are_appended_in_order(text: str) -> None:
    """In a block list each has its line."""
    rows: list[dict[str, Any]] = [{"name": "X"}, {"name": "Y", "lat": 1.5}]
    assert parse_rows(append_rows(text, "cities", rows, "f"))[-2:] == rows


@pytest.mark.parametrize("text", ["cities: x\n", "other: []\n", "- a", "x", "cities: {}"])
def test_a_missing_list_is_an_error(text: str) -> None:
    """Another document is not changed."""
    with pytest.raises(ConfigError, match="f: has no list under 'cities'"):
        append_rows(text, "cities", [{"name": "X"}], "f")
    with pytest.raises(ConfigError, match="f: has no list under 'cities'"):
        remove_row(text, "cities", 0, "f")


def test_a_row_that_others_refer_to_is_not_removed() -> None:
    """Without its anchor the file would be invalid, so the edit is rejected."""
    with pytest.raises(ConfigError, match="cannot be edited automatically"):
        remove_row("cities:\n- &a {n: 1}\n- *a\n", "cities", 0, "f")


def test_a_file_is_replaced_atomically(tmp_path: Path) -> None:
    """The mode stays, no temporary file is left, and a process that has the old file open can read it to its end."""
    file = tmp_path / "cities.yaml"
    file.write_text("old")
    file.chmod(0o640)
    with file.open() as reader:
        write_atomically(file, "neu: München\r\n")
        assert reader.read() == "old"
    assert file.read_bytes() == "neu: München\r\n".encode()
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert list(tmp_path.iterdir()) == [file]


def test_a_symbolic_link_stays_a_link(tmp_path: Path) -> None:
    """The target of the link is replaced, for example in a repository of dotfiles."""
    (tmp_path / "real").mkdir()
    target, link = tmp_path / "real" / "cities.yaml", tmp_path / "cities.yaml"
    target.write_text("old")
    link.symlink_to(target)
    write_atomically(link, "new")
    assert link.is_symlink()
    assert target.read_text() == "new"


def test_a_new_file_is_created(tmp_path: Path) -> None:
    """The file does not have to exist."""
    write_atomically(tmp_path / "cities.yaml", "new")
    assert (tmp_path / "cities.yaml").read_text() == "new"


def test_a_file_that_cannot_be_replaced_is_overwritten(tmp_path: Path) -> None:
    """If no temporary file can be created, here because of a long name, the file is overwritten in place."""
    file = tmp_path / ("n" * 250)
    file.write_text("old and longer")
    before = file.stat().st_ino
    write_atomically(file, "new")
    assert (file.read_text(), file.stat().st_ino) == ("new", before)


def test_a_file_that_cannot_be_written_is_an_error(tmp_path: Path) -> None:
    """The error has the operating system's reason, and no temporary file is left."""
    with pytest.raises(ConfigError, match="cannot be written: No such file or directory"):
        write_atomically(tmp_path / "nope" / "cities.yaml", "new")
    (tmp_path / "folder").mkdir()
    with pytest.raises(ConfigError, match="cannot be written: Is a directory"):
        write_atomically(tmp_path / "folder", "new")
    assert [path.name for path in tmp_path.iterdir()] == ["folder"]


def test_a_list_before_an_empty_document_is_edited() -> None:
    """The marker stays at the end."""
    text = "---\ncities:\n- {name: A}\n---\n"
    assert append_rows(text, "cities", [{"name": "X"}], "f") == "---\ncities:\n- {name: A}\n- {name: X}\n---\n"
    assert remove_row(text, "cities", 0, "f") == "---\ncities: []\n---\n"
