"""The plot of how cost and memory grow with the list."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from benchmarks.speed import names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.speed.figures import Figures

_LINES = {  # whose, and how the line is drawn: in print, and by whoever does not tell colours apart
    names.UNBATCHED: {"color": "#0072b2", "marker": "o"},
    names.BATCHED: {"color": "#009e73", "marker": "s"},
    names.PROMETHEUS: {"color": "#d55e00", "marker": "^", "linestyle": "--"},
    names.SESSION: {"color": "#777777", "marker": "x", "linestyle": ":"},
}


def draw(figures: Figures, sizes: Sequence[int], file: Path) -> None:
    """Draw every subject's points, side by side for CPU time and for memory."""
    import matplotlib as mpl  # noqa: PLC0415 - a quick run does without

    mpl.use("agg")
    import matplotlib.pyplot as plt  # noqa: PLC0415 - only after use()
    from matplotlib.ticker import LogLocator, NullFormatter  # noqa: PLC0415 - see above

    picture, axes = plt.subplots(1, 2, figsize=(11, 4.5))
    for axis, what in zip(axes, (names.CPU, "MB"), strict=True):
        for whose, style in _LINES.items():
            axis.plot(*_points(figures, whose, what, sizes), label=whose, **style)
        axis.set(xscale="log", yscale="log", xlabel="cities", ylabel=what)
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        for scale in (axis.xaxis, axis.yaxis):
            scale.set_major_formatter("{x:,.10g}")
        axis.yaxis.set_minor_formatter(NullFormatter())
        axis.grid(visible=True, which="both", alpha=0.3)
    axes[0].legend()
    picture.tight_layout()
    picture.savefig(file, dpi=100)


def _points(figures: Figures, whose: str, what: str, sizes: Sequence[int]) -> tuple[list[int], list[float]]:
    """Return the sizes that were measured, and the values; a subject may not go all the way."""
    found = {size: figures.of(whose, names.grown(what, size)) for size in sizes}
    return [size for size in sizes if found[size]], [statistics.median(values) for values in found.values() if values]
