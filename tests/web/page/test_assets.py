"""The files of the page, and the document that names them."""

from __future__ import annotations

import gzip
import re

from weatherd.web.page.assets import Assets, load_assets
from weatherd.web.page.document import escape_json, render_document, render_table


def test_the_page_is_small() -> None:
    """Everything that all views need is less than 100 kB on the wire."""
    assert sum(len(gzip.compress(body)) for body in load_assets().files.values()) < 100_000


def test_the_version_depends_on_every_file() -> None:
    """Another byte in any file changes the version, so that a browser never mixes two versions."""
    files = {"a.js": b"1", "b.js": b"2"}
    versions = {Assets(files).version, Assets({**files, "b.js": b"3"}).version, Assets({**files, "c.js": b""}).version}
    assert len(versions) == 3


def test_modules_import_files_that_exist() -> None:
    """Every import names a file of the page, by a relative path."""
    files = load_assets().files
    for path, body in files.items():
        folder = path.rpartition("/")[0].split("/") if "/" in path else []
        for name in re.findall(r'(?:from|import) "([^"]+)"', body.decode()):
            parts = [*folder]
            for part in name.split("/"):
                if part == "..":
                    parts.pop()
                elif part != ".":
                    parts.append(part)
            assert "/".join(parts) in files, f"{path} imports {name}"


def test_nothing_is_inline_or_from_another_host() -> None:
    """The document and the files have no inline script or style, no HTML from text, and no other host."""
    text = render_document("overview", "weatherd", "<h1>1 city</h1>")
    assert not re.search(r"<style|\sstyle=|\son[a-z]+=|javascript:|https?://", text)
    for tag in re.findall(r"<script[^>]*>", text):
        assert 'src="static/' in tag or 'type="application/json"' in tag
    for path, body in load_assets().files.items():
        source = body.decode().replace("http://www.w3.org/2000/svg", "")
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|https?://|data:image", source
        ), path
        assert 'style: "' not in source
        assert "url(http" not in source


def test_foreign_text_is_escaped() -> None:
    """Text from the list and from services is text, in HTML and in the data of the scripts."""
    attack = "</script><img src=x onerror=alert(1)>"
    assert "<img" not in escape_json(f'"{attack}"')
    assert "<img" not in render_table(attack, ["City"], [])
