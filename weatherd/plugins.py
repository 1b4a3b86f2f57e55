"""Providers, sinks and forwarders, found by entry points; the built-in ones come by the same door."""

from __future__ import annotations

from importlib.metadata import EntryPoint, entry_points


def find(group: str) -> dict[str, EntryPoint]:
    """Return the entry points of ``weatherd.<group>`` by their names; nothing is imported yet."""
    return {point.name: point for point in entry_points(group=f"weatherd.{group}")}
