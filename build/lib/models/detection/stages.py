"""MTCNN's three stages over the candidates of a batch: P-Net proposes, R-Net and O-Net refine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from models.detection.boxes import (
    MOST_GROUPS,
    nms_smaller,
    nms_union,
    per_image,
    pixel_windows,
    shift_edges,
    square,
)
from models.detection.cascade import Cascade, CascadeNet
from models.detection.pyramid import Page, page_pixels, pages
from models.detection.summed_area import SummedArea

Ints = NDArray[np.int64]
Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Candidates:
    """P-Net's proposals, sorted by image, then from fine to coarse levels.

    Attributes
    ----------
    image : int64 array, shape (N,)
        Which image of the batch.
    level : int64 array, shape (N,)
        Smallest face of its pyramid level, in 1/256 px.
    score : float32 array, shape (N,)
        P-Net's probability of a face.
    boxes : float32 array, shape (N, 4)
        The cells' windows, by which they are suppressed; px.
    moved : float32 array, shape (N, 4)
        The same after regression.
    """

    image: Ints
    level: Ints
    score: Floats
    boxes: Floats
    moved: Floats

    def __getitem__(self, pick: NDArray[np.bool_] | Ints) -> Candidates:
        return Candidates(*(getattr(self, field.name)[pick] for field in fields(self)))

    @staticmethod
    def join(parts: Sequence[Candidates]) -> Candidates:
        """All candidates of several tables, sorted."""
        columns = ([getattr(p, field.name) for p in parts] for field in fields(Candidates))
        whole = Candidates(*map(np.concatenate, columns))
        return whole[np.argsort(whole.image * MOST_GROUPS + whole.level, kind="stable")]


class Search:
    """The three nets and the probabilities that a candidate needs in each.

    Parameters
    ----------
    cascade : Cascade
    thresholds : sequence of 3 floats
        Of P-, R- and O-Net.
    """

    def __init__(self, cascade: Cascade, thresholds: Sequence[float]) -> None:
        self._logit = math.log(thresholds[0] / (1 - thresholds[0]))
        self._thresholds = tuple(thresholds)
        self._nets = cascade

    def release_memory(self) -> None:
        """Give back what the nets keep between two calls."""
        for net in (self._nets.proposal, self._nets.refine, self._nets.output):
            net.release_memory()

    def propose(self, sums: SummedArea, scales: dict[int, tuple[float, ...]]) -> Candidates:
        """P-Net over some levels of each image, suppressed within each level.

        Parameters
        ----------
        sums : SummedArea
            Of the images of a batch.
        scales : dict of int to tuple of float
            Levels to search, by image.

        Returns
        -------
        Candidates
        """
        alike: dict[tuple[int, int, tuple[float, ...]], list[int]] = {}
        for i, levels in scales.items():
            alike.setdefault((*sums.sides[i], levels), []).append(i)
        group = self._nets.proposal.group
        parts = [
            self._likely(sums, page, members[at : at + group])
            for (height, width, levels), members in alike.items()
            for page in pages(height, width, levels)
            for at in range(0, len(members), group)
        ]
        proposals = Candidates.join(parts)
        kept = per_image(
            nms_union,
            proposals.boxes,
            proposals.score,
            proposals.image,
            within=proposals.level,
            threshold=0.5,
        )
        return proposals[kept]

    def _likely(self, sums: SummedArea, page: Page, members: Sequence[int]) -> Candidates:
        """The cells of one page of equal images that pass the P-Net's threshold."""
        out = self._nets.proposal(page_pixels(sums, page, members), seam=page.seam)
        out = out.reshape(len(members), -1, out.shape[-1])[:, page.cell]
        which, cell = np.nonzero(out[..., 1] - out[..., 0] >= self._logit)
        out, boxes = out[which, cell], page.boxes[cell]
        moved = shift_edges(boxes, out[:, 2:], inclusive=False)
        image = np.asarray(members, np.int64)[which]
        return Candidates(image, page.level[cell], _probability(out), boxes, moved)

    def refine(self, sums: SummedArea, candidates: Candidates) -> tuple[Ints, Floats, Floats, Floats]:
        """R- and O-Net over the candidates of all images.

        Parameters
        ----------
        sums : SummedArea
        candidates : Candidates

        Returns
        -------
        image : int64 array, shape (N,)
            Which image of the batch, sorted.
        boxes : float32 array, shape (N, 4)
            x0, y0, x1, y1 of the faces; px.
        score : float32 array, shape (N,)
            O-Net's probability of a face.
        points : float32 array, shape (N, 5, 2)
            Landmarks; px.
        """
        kept = per_image(nms_union, candidates.boxes, candidates.score, candidates.image, threshold=0.7)
        image, boxes = candidates.image[kept], square(candidates.moved[kept])

        image, boxes, score, out = _stage(self._nets.refine, sums, image, boxes, self._thresholds[1])
        kept = per_image(nms_union, boxes, score, image, threshold=0.7)
        image, boxes = image[kept], square(shift_edges(boxes[kept], out[kept, 2:6]))

        image, boxes, score, out = _stage(self._nets.output, sums, image, boxes, self._thresholds[2])
        size = boxes[:, 2:] - boxes[:, :2] + np.float32(1)
        points = out[:, 6:].reshape(-1, 2, 5).transpose(0, 2, 1) * size[:, None] + boxes[:, None, :2]
        points -= np.float32(1)
        boxes = shift_edges(boxes, out[:, 2:6])
        kept = per_image(nms_smaller, boxes, score, image, threshold=0.7)
        return image[kept], boxes[kept], score[kept], points[kept]


def _stage(
    net: CascadeNet, sums: SummedArea, image: Ints, boxes: Floats, threshold: float
) -> tuple[Ints, Floats, Floats, Floats]:
    """Image, box, score and raw output of the candidates that pass one net."""
    windows = pixel_windows(boxes, sums.height[image], sums.width[image])
    inside = (windows[:, 2:] > windows[:, :2]).all(axis=1)
    image, boxes, windows = image[inside], boxes[inside], windows[inside]
    out = np.concatenate(
        [np.zeros((0, net.width), np.float32)]
        + [
            net(sums.crops(image[at : at + net.group], windows[at : at + net.group], size=net.size))
            for at in range(0, len(image), net.group)
        ]
    )
    score = _probability(out)
    passed = score > threshold
    return image[passed], boxes[passed], score[passed], out[passed]


def _probability(out: Floats) -> Floats:
    """Probability of "face" from a net's output (N, 2 + ...): softmax over its first two numbers."""
    with np.errstate(over="ignore"):
        return 1 / (1 + np.exp(out[:, 0] - out[:, 1]))
