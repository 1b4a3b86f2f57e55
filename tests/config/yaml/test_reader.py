"""The YAML reader: scalars of YAML 1.2, positions, and a ConfigError with line and column for any invalid document."""

from __future__ import annotations

import gzip
import json
import math
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from weatherd.config.yaml.reader import find_position, parse_yaml, read_text
from weatherd.errors import ConfigError

if TYPE_CHECKING:
    from pathlib import Path

WORDS = {
    "no": "no",
    "NO": "NO",
    "y": "y",
    "on": "on",
    "tRUE": "tRUE",
    "true": True,
    "TRUE": True,
    "False": False,
    "null": None,
    "Null": None,
    "~": None,
    "": None,
    "1:30": "1:30",
    "2026-01-31": "2026-01-31",
    "1_000": "1_000",
    "0b11": "0b11",
    "017": 17,
    "0o17": 15,
    "0x1F": 31,
    "-0x1F": "-0x1F",
    "+12": 12,
    "-0": 0,
    ".5": 0.5,
    "1.": 1.0,
    "1e3": 1000.0,
    "-1E-2": -0.01,
    ".": ".",
    "1e": "1e",
    ".inf": math.inf,
    "-.INF": -math.inf,
    ".iNf": ".iNf",
    "München": "München",
    "'no'": "no",
    '"5"': "5",
    "!!str 5": "5",
    "! 5": "5",
    '"\\u00fc"': "ü",
}
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["C"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text("abcdeü ", max_size=5), inner, max_size=4),
    max_leaves=20,
)


def get_problem(text: str) -> str:
    """Return the problem of a rejected text."""
    with pytest.raises(ConfigError) as caught:
        parse_yaml(text, "f.yaml")
    return str(caught.value)


@pytest.mark.parametrize(("word", "value"), WORDS.items())
def test_plain_scalars_follow_the_yaml_1_2_core_schema(word: str, value: Any) -> None:
    """``no`` is text and 1:30 is not 90; only true, false, null and numbers of the core schema are special."""
    result = parse_yaml(f"key: {word}", "f")["key"]
    assert (type(result), result) == (type(value), value)


@pytest.mark.parametrize("word", [".nan", ".NaN", ".NAN"])
def test_nan_is_a_number(word: str) -> None:
    """The three spellings of not-a-number are floats; a validator rejects them later."""
    assert math.isnan(parse_yaml(word, "f"))


@pytest.mark.parametrize("text", ["", "\n\n", "# a comment", "---", "---\n...", "\ufeff", "\r\n"])
def test_an_empty_document_is_none(text: str) -> None:
    """It is not an error."""
    assert parse_yaml(text, "f") is None


@given(VALUES)
def test_json_is_parsed_as_yaml(value: Any) -> None:
    """Every JSON value is YAML and parses to the same value."""
    assert parse_yaml(json.dumps(value, ensure_ascii=False), "f") == value


@pytest.mark.parametrize("newline", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_line_breaks_and_a_byte_order_mark_do_not_matter(newline: str, bom: str) -> None:
    """Line breaks of any system and a byte order mark change neither values nor positions."""
    document = parse_yaml(newline.join([f"{bom}a: 1", "b: [x,", "  yy]", ""]), "f")
    assert document == {"a": 1, "b": ["x", "yy"]}
    assert find_position(document, ("a",)) == (1, 4)
    assert find_position(document, ("b", 1)) == (3, 3)


def test_an_alias_has_its_own_position() -> None:
    """Anchors and aliases work for scalars and lists; an anchor can be redefined; ``<<`` is an ordinary key."""
    document = parse_yaml("a: &x [1]\nb: *x\nc: &x 2\nd: *x\n<<: 3", "f")
    assert document == {"a": [1], "b": [1], "c": 2, "d": 2, "<<": 3}
    assert find_position(document, ("b",)) == (2, 4)


def test_a_key_may_be_tagged_or_anchored() -> None:
    """A key may be tagged as text, quoted or anchored; an alias of it has the value that the scalar would have."""
    document = parse_yaml("!!str a: 1\n'b': 2\n&x 5: 3\nc: *x", "f")
    assert document == {"a": 1, "b": 2, "5": 3, "c": 5}
    assert find_position(document, ("5",), key=True) == (3, 1)


def test_a_callback_receives_the_items_of_a_list() -> None:
    """It receives the items of its key's list in order, with their positions; the list stays empty."""
    taken: list[tuple[Any, tuple[int, int]]] = []
    text = "a: &all\n- &x {a: [1]}\n- *x\n- b\nc: [2]\nd: {a: [3]}\ne: [*x]"
    document = parse_yaml(text, "f", {"a": lambda value, place: taken.append((value, place))})
    assert taken == [({"a": [1]}, (2, 3)), ({"a": [1]}, (3, 3)), ("b", (4, 3))]
    assert document == {"a": [], "c": [2], "d": {"a": [3]}, "e": [{"a": [1]}]}
    assert find_position(taken[0][0], ("a", 0)) == (2, 11)


@pytest.mark.parametrize("text", ["a: b", "a: {a: [1]}", "[a, [1]]", "- a: [1]", "a:"])
def test_a_callback_receives_no_other_values(text: str) -> None:
    """A list anywhere else, and any other value, is part of the document as usual."""
    taken: list[Any] = []
    assert parse_yaml(text, "f", {"a": lambda value, _: taken.append(value)}) == parse_yaml(text, "f")
    assert taken == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nü: 2\n  a: 3", "3:4: is not valid YAML: mapping values are not allowed in this context"),
        ("a: 1\nb: 2\na: 3", "3:1: duplicate key; first defined at line 1"),
        ("{a: 1, a: 2}", "1:8: duplicate key; first defined at line 1"),
        ("a: 1\n---\nb: 2", "3:1: contains a second document (after '---'); one is expected"),
        ("[1]: 2", "1:1: a key must be a plain word"),
        ("a: &x b\n*x : 2", "2:1: a key must be a plain word"),
        ("a:\n\tb: 1", "2:1: is not valid YAML"),
        ("ä: \0", "1:4: contains a character that YAML does not allow"),
        ("# é\nab: \x1b", "2:5: contains a character that YAML does not allow"),
        ("a: \ud800", "1:4: contains a character that YAML does not allow"),
        ('a: "x', "1:6: is not valid YAML"),
        ("a: " + "9" * 5000, "1:4: the number is too long"),
        ("%YAML 2.0\n---\na: 1", "1:1: is not valid YAML"),
        ("a: &x [*x]", "1:8: begins with '*'"),
        ("a: *x", "1:4: begins with '*'"),
        ("a: !!python/object:os.system x", "1:4: begins with '!'"),
        ("a: !!int 5", "1:4: the tag !!int is not read"),
        ("!x a: 1", "1:1: begins with '!'"),
        ("!x {a: 1}", "1:1: begins with '!'"),
        ("a: !!set {a}", "1:4: the tag !!set is not read"),
        ("[" * 51 + "]" * 51, "1:51: is nested more than 50 levels deep"),
        ("[" * 100_000, "1:51: is nested more than 50 levels deep"),
        ("{a: " * 100_000, "1:201: is nested more than 50 levels deep"),
        ("- " * 100_000, "1:101: is nested more than 50 levels deep"),
        ("? " * 100_000, "1:101: is nested more than 50 levels deep"),
    ],
)
def test_an_invalid_document_is_rejected_with_its_position(text: str, message: str) -> None:
    """The problem begins with file:line:column, counted from 1 in characters."""
    assert get_problem(text).startswith(f"f.yaml:{message}")


@pytest.mark.parametrize("text", ["a: !hunter2", "a: *hunter2", "a: !<hunter2> x", "%TAG ! hunter2\n---\na: !b c"])
def test_a_password_without_quotes_is_not_shown(text: str) -> None:
    """The problem with a secret that begins with a special character of YAML does not quote it."""
    assert "hunter2" not in get_problem(text)


def test_fifty_levels_are_accepted() -> None:
    """This is the limit."""
    assert parse_yaml("[" * 50 + "]" * 50, "f") is not None


def test_nested_aliases_are_limited() -> None:
    """Aliases of aliases are limited, and the problem has a position."""
    layers = [
        f"{letter}: &{letter} [{','.join(['*' + before] * 10)}]"
        for before, letter in zip("abcdefgh", "bcdefghi", strict=True)
    ]
    assert get_problem("\n".join(["a: &a [x]", *layers])).endswith("has too many YAML aliases")


@pytest.mark.parametrize(
    ("path", "key", "place"),
    [
        ((), False, (2, 1)),
        (("a",), False, (2, 4)),
        (("a",), True, (2, 1)),
        (("b", "b"), True, (3, 5)),
        (("b", "b"), False, (3, 8)),
        (("c", 1), False, (4, 8)),
        (("c", 9), False, (4, 4)),
        (("c", 1, "x"), False, (4, 8)),
        (("nope",), False, (2, 1)),
        (("nope", "x"), True, (2, 1)),
    ],
)
def test_a_path_has_a_position(path: tuple[str | int, ...], key: bool, place: tuple[int, int]) -> None:  # noqa: FBT001
    """It is the position of the value or its key, or of the nearest node above if there is no such value."""
    assert find_position(parse_yaml("\na: 1\nb: {b: 2}\nc: [x, y]", "f"), path, key=key) == place


def test_an_empty_document_has_a_position() -> None:
    """A document that is a scalar, or empty, starts at 1:1."""
    assert find_position(None, ("a",)) == (1, 1)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xff", ":1:1: is not UTF-8 text"),
        (gzip.compress(b"[]", mtime=0), ": is compressed by gzip: decompress it first"),
        (b"a: 1\n\xc3\xa9: \xff", ":2:4: is not UTF-8 text"),
        (b"\xef\xbb\xbfa\xff", ":1:2: is not UTF-8 text"),
        ("Kiel".encode("utf-16"), ":1:1: is not UTF-8 text"),
        (None, ": cannot be read: No such file or directory"),
    ],
)
def test_a_file_that_cannot_be_read_is_an_error(tmp_path: Path, data: bytes | None, message: str) -> None:
    """Bytes that are not UTF-8 are located; other errors have the reason of the operating system."""
    file = tmp_path / "f.yaml"
    if data is not None:
        file.write_bytes(data)
    with pytest.raises(ConfigError) as caught:
        read_text(file)
    assert str(caught.value) == f"{file}{message}"


@given(st.text() | st.text("-:{}[],&*!|>'\"%@`#?\n\t a0.~<="))
def test_any_text_is_a_value_or_a_problem(text: str) -> None:
    """Nothing but ConfigError is ever raised."""
    try:
        parse_yaml(text, "f")
    except ConfigError as error:
        assert str(error).startswith("f:")  # noqa: PT017 - either outcome is right


@pytest.mark.parametrize(
    "text", ["a: 1\n---\n", "---\na: 1\n--- # end\n...\n", "---\n---\na: 1\n", "a: 1\n...\n---\n---\n"]
)
def test_an_empty_document_does_not_count(text: str) -> None:
    """Templates leave a marker at the beginning or the end."""
    assert parse_yaml(text, "f") == {"a": 1}


@pytest.mark.parametrize("tag", ["!!float", "!!int", "!!bool", "!!null", "!!timestamp"])
def test_a_tag_of_a_schema_is_named(tag: str) -> None:
    """It is not read, and the problem says what to write instead; the text of any other tag is not shown."""
    assert get_problem(f"a: {tag} 1") == f"f.yaml:1:4: the tag {tag} is not read; write the value without it"
    assert get_problem("a: !hunter2 1").endswith("begins with '!', which makes it a tag; put the text in quotes")
