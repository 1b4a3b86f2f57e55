"""The HTML of the page: its frame, and a table for browsers without JavaScript.

Everything that moves is drawn by the modules in ``static/`` from the data in the document. There is nothing inline that
a browser would execute or apply, so that the Content-Security-Policy can forbid it.
"""

from __future__ import annotations

import functools
import json
from html import escape
from typing import TYPE_CHECKING

from weatherd import __version__
from weatherd.text.condition_words import load_words
from weatherd.text.display import DEFAULT_DISPLAY, Display
from weatherd.text.local_zone import load_zone
from weatherd.web.page.assets import load_assets

if TYPE_CHECKING:
    from collections.abc import Iterable

    from weatherd.text.condition_words import Language

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
HEADERS = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_SIGN_OUT = '<form method="post" action="sign-out"><button>Sign out</button></form>'
_REFRESH = 60  # seconds, without JavaScript
_VIEWS = {"overview": ("Overview", "./"), "map": ("Map", "?view=map"), "service": ("Service", "?view=service")}


def render_document(
    view: str, title: str, main: str, data: str = "", *, display: Display = DEFAULT_DISPLAY, is_signed_in: bool = False
) -> str:
    """Return the HTML of a view. *main* is HTML, *data* JSON for the scripts."""
    zone = getattr(load_zone(None), "key", "UTC")
    assets = load_assets()
    preloads = "".join(f'<link rel="modulepreload" href="{assets.url(path)}">\n' for path in assets.modules)
    items = "".join(
        f'<a href="{link}" data-view="{name}"{" aria-current=page" if name == view else ""}>{text}</a>'
        for name, (text, link) in _VIEWS.items()
    )
    return f"""<!doctype html>
<html lang="en" data-view="{view}" data-version="{__version__}" data-units="{display.units}"
 data-language="{display.language}" data-zone="{escape(zone)}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover">
<meta name="color-scheme" content="light dark">
<title>{escape(title)}</title>
<link rel="icon" type="image/svg+xml" href="{assets.url("icon.svg")}">
<link rel="stylesheet" href="{assets.url("page.css")}">
<script src="{assets.url("boot.js")}"></script>
<script type="module" src="{assets.url("app/main.js")}"></script>
{preloads}<noscript><meta http-equiv="refresh" content="{_REFRESH}"></noscript>
</head>
<body>
<a class="skip" href="#main">Skip to the {"cities" if view == "overview" else "content"}</a>
<header class="top">
<a class="brand" href="./"><img src="{assets.url("icon.svg")}" width="28" height="28" alt=""> weatherd</a>
<nav aria-label="Views" class="views">{items}</nav>
<form role="search" class="find" action="./">
<input name="search" type="search" maxlength="200" placeholder="Find a city" aria-label="Find a city"
 autocomplete="off">
</form>
<div class="tools">{_SIGN_OUT if is_signed_in else ""}</div>
</header>
<div id="banner" role="status"></div>
<main id="main" tabindex="-1">
{main}</main>
<script type="application/json" id="data">{escape_json(data or "null")}</script>
<script type="application/json" id="words">{_encode_words(display.language) if data else "{}"}</script>
</body>
</html>
"""


@functools.cache
def _encode_words(language: Language) -> str:
    """Return the words for the weather by WMO code, so that a page needs no other request before it shows cities."""
    return escape_json(json.dumps(load_words(language), ensure_ascii=False, separators=(",", ":")))


def escape_json(text: str) -> str:
    """Return JSON that cannot end the element that holds it."""
    return text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029")


def render_table(caption: str, head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    """Return a table. The cells are HTML; the first one of each row is its head."""
    heads = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    lines = []
    for first, *rest in rows:
        cells = "".join(f"<td>{cell}</td>" for cell in rest)
        lines.append(f'<tr><th scope="row">{first}</th>{cells}</tr>\n')
    return (
        f'<div class="scroll" role="region" aria-label="{escape(caption)}" tabindex="0"><table class="plain">'
        f"<caption>{escape(caption)}</caption><thead><tr>{heads}</tr></thead>\n<tbody>{''.join(lines)}</tbody>"
        "</table></div>\n"
    )


def render_form(host: str, error: str, address: str) -> str:
    """Return the HTML of the sign-in form. It says nothing about cities, state or version. *host* is HTML."""
    assets = load_assets()
    invalid = ' aria-invalid="true" aria-describedby="error"' if error else ""
    message = f'<p class="error" id="error" role="alert">{escape(error)}</p>\n' if error else ""
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Sign in – weatherd</title>
<link rel="icon" type="image/svg+xml" href="{assets.url("icon.svg")}">
<link rel="stylesheet" href="{assets.url("page.css")}">
<script src="{assets.url("boot.js")}"></script>
</head>
<body class="sign-in">
<main>
<form class="box" method="post" action="sign-in" aria-labelledby="title">
<img src="{assets.url("icon.svg")}" width="36" height="36" alt="">
<h1 id="title">Sign in to weatherd</h1>
<p class="note">{host}</p>
<input type="hidden" name="next" value="{escape(address)}">
<input type="text" name="username" value="weatherd" autocomplete="username" hidden>
<label for="token">Token</label>
<input id="token" name="token" type="password" autocomplete="current-password" required autofocus{invalid}>
{message}<button class="primary">Sign in</button>
<p class="note">It is http.token in weatherd's settings. Ask the person who runs this server.</p>
</form>
</main>
</body>
</html>
"""
