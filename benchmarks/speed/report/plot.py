"""Plot of CPU time and memory by the length of the list."""

from __future__ import annotations

import statistics
from typing import TYPE_CHECKING

from benchmarks.speed.report import names

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from benchmarks.speed.report.figures import Figures

_LINES = {  # subject: style of its line, which is distinguishable without colours, too
    names.build_subject(names.THIS, names.UNBATCHED): {"color": "#0072b2", "marker": "o"},
    names.build_subject(names.THIS, names.BATCHED): {"color": "#009e73", "marker": "s"},
    names.PROMETHEUS: {"color": "#d55e00", "marker": "^", "linestyle": "--"},
    names.SESSION: {"color": "#777777", "marker": "x", "linestyle": ":"},
}


def draw_plot(figures: Figures, sizes: Sequence[int], file: Path) -> None:
    """Draw the points of each subject: CPU time on the left, memory on the right."""
    import matplotlib as mpl  # noqa: PLC0415 - a quick run does not need it

    mpl.use("agg")
    import matplotlib.pyplot as plt  # noqa: PLC0415 - must follow use()
    from matplotlib.ticker import LogLocator, NullFormatter  # noqa: PLC0415 - see above

    picture, axes = plt.subplots(1, 2, figsize=(11, 4.5))
    for axis, quantity in zip(axes, (names.CPU, names.MEMORY), strict=True):
        for subject, style in _LINES.items():
            axis.plot(*_points(figures, subject, quantity, sizes), label=subject, **style)
        axis.set(xscale="log", yscale="log", xlabel="cities", ylabel=quantity)
        axis.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        for scale in (axis.xaxis, axis.yaxis):
            scale.set_major_formatter("{x:,.10g}")
        axis.yaxis.set_minor_formatter(NullFormatter())
        axis.grid(visible=True, which="both", alpha=0.3)
    axes[0].legend()
    picture.tight_layout()
    picture.savefig(file, dpi=100)


def _points(figures: Figures, subject: str, quantity: str, sizes: Sequence[int]) -> tuple[list[int], list[float]]:
    """Return the measured sizes and their values; a subject may not have all sizes."""
    found = {size: figures.values_of(subject, names.growth_figure(quantity, size)) for size in sizes}
    return [size for size in sizes if found[size]], [statistics.median(values) for values in found.values() if values]
