"""The files of the page, served as they are written under an address that has a hash of them all."""

from __future__ import annotations

import functools
import hashlib
from http import HTTPStatus
from importlib import resources
from typing import TYPE_CHECKING

from aiohttp import hdrs, web

from weatherd.web.middleware import ProblemError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from importlib.resources.abc import Traversable

_TYPES = {"js": "text/javascript", "css": "text/css", "svg": "image/svg+xml", "txt": "text/plain"}
_FOREVER = "public, max-age=31536000, immutable"


class Assets:
    """The files of the page by path, such as ``app/main.js``, and their version: the hash of all of them.

    The version is a folder in their addresses, so that the modules import one another by relative paths, and an update
    changes all addresses at once.
    """

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self.files = files
        digest = hashlib.blake2b(digest_size=6)
        for path, body in sorted(files.items()):
            digest.update(f"{path}\0{len(body)}\0".encode() + body)
        self.version = digest.hexdigest()

    def url(self, path: str) -> str:
        """Return the address of a file, relative to the page. Raises KeyError for an unknown file."""
        self.files[path]
        return f"static/{self.version}/{path}"

    @property
    def modules(self) -> list[str]:
        """The paths of the JavaScript modules that every view needs."""
        return sorted(path for path in self.files if path.startswith("app/"))


@functools.cache
def load_assets() -> Assets:
    """Read the files of the page, some hundred kilobytes at most, once."""
    return Assets(dict(_read_folder(resources.files("weatherd.web").joinpath("static"), "")))


def _read_folder(folder: Traversable, prefix: str) -> Iterator[tuple[str, bytes]]:
    for entry in folder.iterdir():
        if entry.is_dir():
            yield from _read_folder(entry, f"{prefix}{entry.name}/")
        elif entry.name.rpartition(".")[2] in _TYPES:
            yield f"{prefix}{entry.name}", entry.read_bytes()


async def serve_asset(request: web.Request) -> web.Response:
    """Return a file of the page; 404 for that of another version, which the page takes as a reason to reload."""
    assets, path = load_assets(), request.match_info["path"]
    body = assets.files.get(path)
    if body is None or request.match_info["version"] != assets.version:
        raise ProblemError(HTTPStatus.NOT_FOUND, f"this version of weatherd has no file {path!r}")
    kind = _TYPES[path.rpartition(".")[2]]
    return web.Response(
        body=body, content_type=kind, charset="utf-8", headers={hdrs.CACHE_CONTROL: _FOREVER, "X-Robots-Tag": "noindex"}
    )
