"""Arithmetic on face boxes: squares, regression and non-maximum suppression, all on tensors.

Boxes are float32 tensors of shape (N, 4): x0, y0, x1, y1 in pixels. The conventions, the odd
"+ 1" included, are those of MTCNN (Zhang et al. 2016, "Joint Face Detection and Alignment Using
Multitask Cascaded Convolutional Networks") as facenet-pytorch implements it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torchvision.ops import nms as _torchvision_nms

MOST_GROUPS = 1 << 21  # group numbers within an image stay below this


def square(boxes: Tensor) -> Tensor:
    """Smallest square around each box with the same centre.

    Parameters
    ----------
    boxes : float32 tensor, shape (N, 4)
        x0, y0, x1, y1; px.

    Returns
    -------
    float32 tensor, shape (N, 4)
    """
    size = boxes[:, 2:] - boxes[:, :2]
    side = size.amax(dim=1, keepdim=True)
    start = boxes[:, :2] + size * 0.5 - side * 0.5
    return torch.cat([start, start + side], dim=1)


def shift_edges(boxes: Tensor, regression: Tensor, *, inclusive: bool = True) -> Tensor:
    """Move each edge by a share of the box's size.

    Parameters
    ----------
    boxes : float32 tensor, shape (N, 4)
        x0, y0, x1, y1; px.
    regression : float32 tensor, shape (N, 4)
        In units of the box's width and height.
    inclusive : bool
        Count the last pixel too (size = x1 - x0 + 1), as the R- and O-Net stages do.

    Returns
    -------
    float32 tensor, shape (N, 4)
    """
    size = boxes[:, 2:] - boxes[:, :2] + float(inclusive)
    return boxes + regression * size.repeat(1, 2)


def pixel_windows(boxes: Tensor, height: Tensor, width: Tensor) -> Tensor:
    """Integer windows of the boxes inside their images.

    Parameters
    ----------
    boxes : float32 tensor, shape (N, 4)
        x0, y0, x1, y1; px.
    height, width : int64 tensor, shape (N,)
        Of each box's image, px.

    Returns
    -------
    int64 tensor, shape (N, 4)
        x0, y0, x1, y1, half-open. A box outside its image gives an empty or inverted window (x1 <= x0 or
        y1 <= y0), which the caller must drop.
    """
    whole = boxes.trunc().long()
    start = whole[:, :2].clamp(min=1) - 1
    end = torch.minimum(whole[:, 2:], torch.stack([width, height], dim=1))
    return torch.cat([start, end], dim=1)


def overlap_of_smaller(boxes: Tensor) -> Tensor:
    """Pairwise intersection over the smaller area, pixels counted inclusively.

    Parameters
    ----------
    boxes : float32 tensor, shape (N, 4)
        x0, y0, x1, y1; px.

    Returns
    -------
    float32 tensor, shape (N, N), in [0, 1]
    """
    size = (boxes[:, 2:] - boxes[:, :2] + 1).clamp(min=0)
    area = size[:, 0] * size[:, 1]
    start = torch.maximum(boxes[:, None, :2], boxes[None, :, :2])
    end = torch.minimum(boxes[:, None, 2:], boxes[None, :, 2:])
    inside = (end - start + 1).clamp(min=0)
    smaller = torch.minimum(area[:, None], area[None, :]).clamp(min=1e-6)
    return inside[..., 0] * inside[..., 1] / smaller


def nms_union(boxes: Tensor, scores: Tensor, groups: Tensor, *, threshold: float) -> Tensor:
    """Greedy suppression above an intersection over union, within each group.

    Groups are moved apart in float64: in float32 the shift would round the coordinates by an amount
    that depends on what else is in the batch.

    Parameters
    ----------
    boxes : float32 tensor, shape (N, 4)
        x0, y0, x1, y1; px.
    scores : float32 tensor, shape (N,)
    groups : int64 tensor, shape (N,)
        Boxes of different groups never meet.
    threshold : float

    Returns
    -------
    int64 tensor, shape (K,)
        Indices of the boxes kept, by falling score.
    """
    if len(boxes) == 0:
        return torch.zeros(0, dtype=torch.int64, device=boxes.device)
    wide = boxes.double()
    span = wide.max() - wide.min() + 1
    return _torchvision_nms(wide + (groups * span)[:, None], scores.double(), threshold)


def nms_smaller(boxes: Tensor, scores: Tensor, groups: Tensor, *, threshold: float) -> Tensor:
    """Like `nms_union`, with intersection over the smaller box ("Min" in MTCNN).

    Greedy suppression is the only fixed point of "kept = not covered by a better kept box", so
    iterating that rule on the whole matrix reaches it in as many rounds as the longest chain.
    Of equal scores the last box wins, as in facenet-pytorch: close portraits often have several
    candidates whose probability is 1 in float32, with boxes that differ by a third.

    Parameters
    ----------
    boxes, scores, groups, threshold
        As of `nms_union`.

    Returns
    -------
    int64 tensor, shape (K,)
        Indices of the boxes kept, by falling score.
    """
    order = torch.sort(scores, stable=True).indices.flip(0)
    group = groups[order]
    covers = overlap_of_smaller(boxes[order]) > threshold
    covers = (covers & (group[:, None] == group[None, :])).triu(diagonal=1)
    kept = torch.ones_like(order, dtype=torch.bool)
    while True:
        again = ~(covers & kept[:, None]).any(dim=0)
        if torch.equal(again, kept):
            return order[kept]
        kept = again


def per_image(
    nms: Callable[..., Tensor],
    boxes: Tensor,
    scores: Tensor,
    image: Tensor,
    *,
    threshold: float,
    within: Tensor | None = None,
) -> Tensor:
    """Suppress within each image, or within each pair of `image` and `within`.

    One call for all images on CUDA, where launches and round trips cost most; one call per image on the
    CPU, where pairs of boxes from different images, quadratic in the batch, cost most.

    Parameters
    ----------
    nms : callable
        `nms_union` or `nms_smaller`.
    boxes : float32 tensor, shape (N, 4)
        x0, y0, x1, y1; px.
    scores : float32 tensor, shape (N,)
    image : int64 tensor, shape (N,)
        Sorted.
    threshold : float
    within : int64 tensor, shape (N,), optional
        Groups of an image, numbers below MOST_GROUPS.

    Returns
    -------
    int64 tensor, shape (K,)
        Indices of the boxes kept, by image, then by falling score.
    """
    if len(boxes) == 0:
        return torch.zeros(0, dtype=torch.int64, device=boxes.device)
    if boxes.is_cuda:
        groups = image if within is None else image * MOST_GROUPS + within
        kept = nms(boxes, scores, groups, threshold=threshold)
        return kept[torch.sort(image[kept], stable=True).indices]
    groups = torch.zeros_like(image) if within is None else within
    indices, start = [], 0
    for count in torch.bincount(image).tolist():
        if count:
            rows = slice(start, start + count)
            indices.append(nms(boxes[rows], scores[rows], groups[rows], threshold=threshold) + start)
        start += count
    return torch.cat(indices)
