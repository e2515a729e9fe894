"""Plots of the benchmarks: cost against the size of a library, both axes logarithmic.

In: series of (photos, cost). Out: a PNG file of at most 100 kB. Each line has its name at its end,
so that no legend has to be looked up; a dotted line shows what growing in proportion looks like.
Dashed is what is computed: ten times more photos, each costing what one more of them cost between
the two largest sizes that were measured.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

Series = Mapping[str, Sequence[tuple[float, float]]]
_LARGEST = 100_000  # bytes: it is kept with the documentation


def growth_plot(panels: Mapping[str, Series], path: Path) -> None:
    """One panel for each unit, such as "seconds" and "MB"."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.6 * len(panels)), layout="constrained")
    for axes, (unit, series) in zip(
        figure.subplots(len(panels), squeeze=False)[:, 0], panels.items(), strict=True
    ):
        drawn = {name: points for name, points in series.items() if len(points) > 1}
        most = max(size for points in drawn.values() for size, _ in points)
        least = min(size for points in drawn.values() for size, _ in points)
        ends: dict[str, float] = {}
        for number, (name, points) in enumerate(drawn.items()):
            sizes, costs = zip(*points, strict=True)
            axes.loglog(sizes, costs, marker=".", color=f"C{number % 10}", linewidth=1.4)
            ends[name] = costs[-1]
            if sizes[-1] == most:
                ends[name] = _computed(points, 10 * most)
                axes.loglog(
                    [most, 10 * most],
                    [costs[-1], ends[name]],
                    "--",
                    color=f"C{number % 10}",
                    linewidth=0.9,
                )
        low, high = axes.get_ylim()
        axes.loglog(
            [least, most], [low * 1.5, low * 1.5 * most / least], ":", color="grey", linewidth=1
        )
        axes.text(least, low * 1.6, "in proportion", color="grey", fontsize=7, va="bottom")
        axes.set_ylim(low, high)
        for name, place in _apart(ends, low, high).items():
            number = list(drawn).index(name)
            axes.annotate(
                name,
                (10 * most if drawn[name][-1][0] == most else drawn[name][-1][0], ends[name]),
                (most * 11.5, place),
                color=f"C{number % 10}",
                fontsize=8,
                va="center",
                arrowprops={"arrowstyle": "-", "color": f"C{number % 10}", "linewidth": 0.4},
                annotation_clip=False,
            )
        axes.set(xlabel="photos in the library", ylabel=unit, xlim=(least, most * 11))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes.grid(alpha=0.3)
    figure.savefig(path, dpi=100)
    if path.stat().st_size > _LARGEST:
        figure.savefig(path, dpi=70)


def _computed(points: Sequence[tuple[float, float]], size: float) -> float:
    (before, cost_before), (last, cost) = points[-2:]
    return cost + max(0.0, cost - cost_before) / (last - before) * (size - last)


def _apart(ends: Mapping[str, float], low: float, high: float) -> dict[str, float]:
    """Where each name stands, on a logarithmic axis, so that no two lie on each other."""
    step = (high / low) ** 0.05
    placed: dict[str, float] = {}
    before = 0.0
    for name, value in sorted(ends.items(), key=lambda item: item[1]):
        before = max(value, before * step)
        placed[name] = before
    return placed
