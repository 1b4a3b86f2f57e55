"""Escaping of characters that a terminal executes instead of showing them."""

from __future__ import annotations

import re

# C0 and C1 controls, line and paragraph separators, and the controls that reorder the text of a line. Joiners of emoji
# and of letters are kept.
CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]")


def escape_controls(text: str) -> str:
    r"""Return *text* with control characters in the form of JSON and Python: ``\u001b`` for ESC, ``\u000a`` for LF."""
    return text if text.isprintable() else CONTROLS.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def escape_lines(text: str) -> str:
    """Return *text* with control characters escaped, except for line feeds."""
    return "\n".join(map(escape_controls, text.split("\n")))
