"""MTCNN's three stages over the candidates of a batch: P-Net proposes, R-Net and O-Net refine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields

import torch
from torch import Tensor

from models.detection.boxes import (
    MOST_GROUPS,
    nms_smaller,
    nms_union,
    per_image,
    pixel_windows,
    shift_edges,
    square,
)
from models.detection.cascade import CascadeNet, load_cascade
from models.detection.pyramid import Page, page_pixels, pages
from models.detection.summed_area import SummedArea

_CUDA_GROUP = 4096  # inputs of a call of R- or O-Net on CUDA


@dataclass(frozen=True)
class Candidates:
    """P-Net's proposals, sorted by image, then from fine to coarse levels.

    Attributes
    ----------
    image : int64 tensor, shape (N,)
        Which image of the batch.
    level : int64 tensor, shape (N,)
        Smallest face of its pyramid level, in 1/256 px.
    score : float32 tensor, shape (N,)
        P-Net's probability of a face.
    boxes : float32 tensor, shape (N, 4)
        The cells' windows, by which they are suppressed; px.
    moved : float32 tensor, shape (N, 4)
        The same after regression.
    """

    image: Tensor
    level: Tensor
    score: Tensor
    boxes: Tensor
    moved: Tensor

    def __getitem__(self, pick: Tensor) -> Candidates:
        return Candidates(*(getattr(self, field.name)[pick] for field in fields(self)))

    @staticmethod
    def join(parts: Sequence[Candidates]) -> Candidates:
        """All candidates of several tables, sorted."""
        columns = ([getattr(p, field.name) for p in parts] for field in fields(Candidates))
        whole = Candidates(*map(torch.cat, columns))
        order = whole.image * MOST_GROUPS + whole.level
        return whole[torch.sort(order, stable=True).indices]


class Cascade:
    """The three nets and the probabilities that a candidate needs in each.

    Parameters
    ----------
    thresholds : sequence of 3 floats
        Of P-, R- and O-Net.
    device : torch.device
    """

    def __init__(self, thresholds: Sequence[float], *, device: torch.device) -> None:
        self.device = device
        self._logit = math.log(thresholds[0] / (1 - thresholds[0]))
        self._thresholds = tuple(thresholds)
        self._pnet, self._rnet, self._onet = load_cascade(device)

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
        parts = []
        for (height, width, levels), members in alike.items():
            # a page on its own stays in the CPU's cache: measured faster than several at once
            pages_per_call = 1 if self.device.type == "cpu" else len(members)
            for page in pages(height, width, levels, device=self.device):
                for at in range(0, len(members), pages_per_call):
                    cells = self._read_page(sums, page, members[at : at + pages_per_call])
                    # Of a large photo all cells together take more memory than the photo.
                    parts.append(self._likely(*cells) if self.device.type == "cpu" else cells)
        # one look at the cells of all images: on CUDA this waits for the device
        image, level, boxes, out = self._likely(*map(torch.cat, zip(*parts, strict=True)))
        moved = shift_edges(boxes, out[:, 2:], inclusive=False)
        proposals = Candidates.join([Candidates(image, level, _probability(out), boxes, moved)])
        kept = per_image(
            nms_union,
            proposals.boxes,
            proposals.score,
            proposals.image,
            within=proposals.level,
            threshold=0.5,
        )
        return proposals[kept]

    def _likely(
        self, image: Tensor, level: Tensor, boxes: Tensor, out: Tensor
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """The cells that pass the P-Net's threshold."""
        pick = (out[:, 1] - out[:, 0] >= self._logit).nonzero()[:, 0]
        return image[pick], level[pick], boxes[pick], out[pick]

    def _read_page(
        self, sums: SummedArea, page: Page, members: list[int]
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Image, level, window and P-Net output of every cell of one page of equal images."""
        image = torch.tensor(members, device=self.device)
        out = self._pnet(page_pixels(sums, page, image), seam=page.seam).permute(0, 2, 3, 1)
        out = out.flatten(1, 2).index_select(1, page.cell).flatten(0, 1)
        count = len(members)
        owner = image.repeat_interleave(len(page.cell), output_size=len(out))
        return owner, page.level.repeat(count), page.boxes.repeat(count, 1), out

    def refine(self, sums: SummedArea, candidates: Candidates) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """R- and O-Net over the candidates of all images.

        Parameters
        ----------
        sums : SummedArea
        candidates : Candidates

        Returns
        -------
        image : int64 tensor, shape (N,)
            Which image of the batch, sorted.
        boxes : float32 tensor, shape (N, 4)
            x0, y0, x1, y1 of the faces; px.
        score : float32 tensor, shape (N,)
            O-Net's probability of a face.
        points : float32 tensor, shape (N, 5, 2)
            Landmarks; px.
        """
        kept = per_image(nms_union, candidates.boxes, candidates.score, candidates.image, threshold=0.7)
        image, boxes = candidates.image[kept], square(candidates.moved[kept])

        image, boxes, score, out = self._stage(self._rnet, sums, image, boxes, self._thresholds[1])
        kept = per_image(nms_union, boxes, score, image, threshold=0.7)
        image, boxes = image[kept], square(shift_edges(boxes[kept], out[kept, 2:6]))

        image, boxes, score, out = self._stage(self._onet, sums, image, boxes, self._thresholds[2])
        size = boxes[:, 2:] - boxes[:, :2] + 1
        points = out[:, 6:].view(-1, 2, 5).mT * size[:, None] + boxes[:, None, :2] - 1
        boxes = shift_edges(boxes, out[:, 2:6])
        kept = per_image(nms_smaller, boxes, score, image, threshold=0.7)
        return image[kept], boxes[kept], score[kept], points[kept]

    def _stage(
        self,
        net: CascadeNet,
        sums: SummedArea,
        image: Tensor,
        boxes: Tensor,
        threshold: float,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Image, box, score and raw output of the candidates that pass one net."""
        windows = pixel_windows(boxes, sums.height[image], sums.width[image])
        inside = (windows[:, 2:] > windows[:, :2]).all(dim=1)
        image, boxes, windows = image[inside], boxes[inside], windows[inside]
        group = net.group if self.device.type == "cpu" else _CUDA_GROUP
        parts = zip(image.split(group), windows.split(group), strict=True)
        out = torch.cat([net(sums.crops(*part, size=net.size)) for part in parts])
        score = _probability(out)
        passed = score > threshold
        return image[passed], boxes[passed], score[passed], out[passed]


def _probability(out: Tensor) -> Tensor:
    """Probability of "face" from a net's output (N, 2 + ...)."""
    return out[:, :2].softmax(dim=1)[:, 1]
