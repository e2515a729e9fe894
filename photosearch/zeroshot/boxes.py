"""What detection transformers give → Regions.

In: boxes as parts of a picture, scores. Out: boxes in pixels, and Region records in order.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from photosearch.records import Region


def corners_of(boxes: NDArray[np.float32], width: float, height: float) -> NDArray[np.float64]:
    """[n, 4] of centre x, y, width and height as parts of a picture → x0, y0, x1, y1 in pixels.

    They are not cut at the picture's edges: of an object that goes on beyond one, a model may give
    a box that ends some pixels outside, and so do the references.
    """
    centre, half = boxes[:, :2].astype(np.float64), boxes[:, 2:].astype(np.float64) / 2
    corners: NDArray[np.float64] = np.concatenate([centre - half, centre + half], axis=1)
    corners *= [width, height, width, height]
    return corners


def regions_of(
    corners: NDArray[np.float64],
    labels: Sequence[str],
    scores: NDArray[np.float64],
    threshold: float,
) -> list[Region]:
    """Those with a score over the threshold, the surest first."""
    order = np.argsort(-scores, kind="stable")
    regions = []
    for row in order[scores[order] > threshold]:
        x0, y0, x1, y1 = map(float, corners[row])
        regions.append(Region((x0, y0, x1, y1), labels[row], float(scores[row])))
    return regions
