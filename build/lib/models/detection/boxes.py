"""Arithmetic on face boxes: squares, regression and non-maximum suppression, all on arrays.

Boxes are float32 arrays of shape (N, 4): x0, y0, x1, y1 in pixels. The conventions, the odd
"+ 1" included, are those of MTCNN (Zhang et al. 2016, "Joint Face Detection and Alignment Using
Multitask Cascaded Convolutional Networks") as facenet-pytorch implements it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

MOST_GROUPS = 1 << 21  # group numbers within an image stay below this
_BLOCK = 256  # boxes that meet each other at a time: pairs are quadratic in it

Boxes = NDArray[np.float32]
Scores = NDArray[np.float32]
Ints = NDArray[np.int64]
Overlap = Callable[[Boxes, Boxes], NDArray[np.float64]]


def square(boxes: Boxes) -> Boxes:
    """Smallest square around each box with the same centre.

    Parameters
    ----------
    boxes : float32 array, shape (N, 4)
        x0, y0, x1, y1; px.

    Returns
    -------
    float32 array, shape (N, 4)
    """
    size = boxes[:, 2:] - boxes[:, :2]
    side = size.max(axis=1, keepdims=True)
    half = np.float32(0.5)
    start = boxes[:, :2] + size * half - side * half
    return np.concatenate([start, start + side], axis=1)


def shift_edges(boxes: Boxes, regression: NDArray[np.float32], *, inclusive: bool = True) -> Boxes:
    """Move each edge by a share of the box's size.

    Parameters
    ----------
    boxes : float32 array, shape (N, 4)
        x0, y0, x1, y1; px.
    regression : float32 array, shape (N, 4)
        In units of the box's width and height.
    inclusive : bool
        Count the last pixel too (size = x1 - x0 + 1), as the R- and O-Net stages do.

    Returns
    -------
    float32 array, shape (N, 4)
    """
    size = boxes[:, 2:] - boxes[:, :2] + np.float32(inclusive)
    return boxes + regression * np.concatenate([size, size], axis=1)


def pixel_windows(boxes: Boxes, height: Ints, width: Ints) -> Ints:
    """Integer windows of the boxes inside their images.

    Parameters
    ----------
    boxes : float32 array, shape (N, 4)
        x0, y0, x1, y1; px.
    height, width : int64 array, shape (N,)
        Of each box's image, px.

    Returns
    -------
    int64 array, shape (N, 4)
        x0, y0, x1, y1, half-open. A box outside its image gives an empty or inverted window (x1 <= x0 or
        y1 <= y0), which the caller must drop.
    """
    whole = np.trunc(boxes).astype(np.int64)
    start = np.maximum(whole[:, :2], 1) - 1
    end = np.minimum(whole[:, 2:], np.stack([width, height], axis=1))
    return np.concatenate([start, end], axis=1)


def overlap_of_union(first: Boxes, second: Boxes) -> NDArray[np.float64]:
    """Intersection over union of each box of one set with each of another, without the "+ 1".

    Parameters
    ----------
    first, second : float32 arrays, shapes (N, 4) and (M, 4)
        x0, y0, x1, y1; px.

    Returns
    -------
    float64 array, shape (N, M), in [0, 1]
    """
    a, b = first.astype(np.float64), second.astype(np.float64)
    both = _intersection(a, b, extra=0.0)
    whole = (_area(a, extra=0.0)[:, None] + _area(b, extra=0.0)[None, :]) - both
    return both / np.where(whole == 0, 1.0, whole)  # two boxes without area do not meet


def overlap_of_smaller(first: Boxes, second: Boxes) -> NDArray[np.float64]:
    """Intersection over the smaller area, pixels counted inclusively.

    Parameters
    ----------
    first, second : float32 arrays, shapes (N, 4) and (M, 4)
        x0, y0, x1, y1; px.

    Returns
    -------
    float64 array, shape (N, M), in [0, 1]
    """
    a, b = first.astype(np.float64), second.astype(np.float64)
    smaller = np.minimum(_area(a, extra=1.0)[:, None], _area(b, extra=1.0)[None, :])
    return _intersection(a, b, extra=1.0) / np.maximum(smaller, 1e-6)


def _area(boxes: NDArray[np.float64], *, extra: float) -> NDArray[np.float64]:
    size = np.maximum(boxes[:, 2:] - boxes[:, :2] + extra, 0)
    return np.asarray(size[:, 0] * size[:, 1])


def _intersection(a: NDArray[np.float64], b: NDArray[np.float64], *, extra: float) -> NDArray[np.float64]:
    wide, tall = (
        np.minimum(a[:, None, k + 2], b[None, :, k + 2]) - np.maximum(a[:, None, k], b[None, :, k]) + extra
        for k in (0, 1)
    )
    return np.maximum(wide, 0) * np.maximum(tall, 0)


def nms_union(boxes: Boxes, scores: Scores, groups: Ints, *, threshold: float) -> Ints:
    """Greedy suppression above an intersection over union, within each group; of equal scores the first box wins.

    Parameters
    ----------
    boxes : float32 array, shape (N, 4)
        x0, y0, x1, y1; px.
    scores : float32 array, shape (N,)
    groups : int64 array, shape (N,)
        Boxes of different groups never meet.
    threshold : float

    Returns
    -------
    int64 array, shape (K,)
        Indices of the boxes kept, by falling score.
    """
    order = np.argsort(-scores, kind="stable")
    return order[_suppress(boxes[order], groups[order], overlap=overlap_of_union, threshold=threshold)]


def nms_smaller(boxes: Boxes, scores: Scores, groups: Ints, *, threshold: float) -> Ints:
    """Like `nms_union`, with intersection over the smaller box ("Min" in MTCNN).

    Of equal scores the last box wins, as in facenet-pytorch: close portraits often have several
    candidates whose probability is 1 in float32, with boxes that differ by a third.

    Parameters
    ----------
    boxes, scores, groups, threshold
        As of `nms_union`.

    Returns
    -------
    int64 array, shape (K,)
        Indices of the boxes kept, by falling score.
    """
    order = np.argsort(scores, kind="stable")[::-1]
    return order[_suppress(boxes[order], groups[order], overlap=overlap_of_smaller, threshold=threshold)]


def _suppress(boxes: Boxes, groups: Ints, *, overlap: Overlap, threshold: float) -> Ints:
    """Places of the boxes, best first, that no better kept box of their group covers.

    Greedy suppression is the only fixed point of "kept = not covered by a better kept box", so iterating that rule on
    the whole matrix reaches it in as many rounds as the longest chain. Block by block: memory stays linear.
    """
    kept = np.zeros(0, np.int64)
    for start in range(0, len(boxes), _BLOCK):
        block = np.arange(start, min(start + _BLOCK, len(boxes)))
        if len(kept):
            covered = overlap(boxes[kept], boxes[block]) > threshold
            covered &= groups[kept][:, None] == groups[block]
            block = block[~covered.any(axis=0)]
        covers = overlap(boxes[block], boxes[block]) > threshold
        covers &= groups[block][:, None] == groups[block]
        kept = np.concatenate([kept, block[_fixed_point(np.triu(covers, 1))]])
    return kept


def _fixed_point(covers: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Which boxes are kept, where `covers[i, j]` says that box i, if kept, drops the worse box j."""
    kept = np.ones(len(covers), np.bool_)
    while True:
        again = np.logical_not(covers[kept].any(axis=0))
        if np.array_equal(again, kept):
            return kept
        kept = again


def per_image(
    nms: Callable[..., Ints],
    boxes: Boxes,
    scores: Scores,
    image: Ints,
    *,
    threshold: float,
    within: Ints | None = None,
) -> Ints:
    """Suppress within each image, or within each pair of `image` and `within`.

    Parameters
    ----------
    nms : callable
        `nms_union` or `nms_smaller`.
    boxes : float32 array, shape (N, 4)
        x0, y0, x1, y1; px.
    scores : float32 array, shape (N,)
    image : int64 array, shape (N,)
        Sorted.
    threshold : float
    within : int64 array, shape (N,), optional
        Groups of an image.

    Returns
    -------
    int64 array, shape (K,)
        Indices of the boxes kept, by image, then by falling score.
    """
    groups = np.zeros_like(image) if within is None else within
    edges = [0, *(np.flatnonzero(np.diff(image)) + 1).tolist(), len(image)]
    indices = [np.zeros(0, np.int64)]
    for start, end in zip(edges[:-1], edges[1:], strict=True):
        rows = slice(start, end)
        indices.append(nms(boxes[rows], scores[rows], groups[rows], threshold=threshold) + start)
    return np.concatenate(indices)
