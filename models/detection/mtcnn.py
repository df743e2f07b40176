"""Face detection with MTCNN for batches of images of any sizes.

Weights and arithmetic are those of facenet-pytorch (Zhang et al. 2016, "Joint Face Detection and
Alignment Using Multitask Cascaded Convolutional Networks"); the search is not. Large faces come
first, finer levels of the same pyramid only where nothing was found or the face is about as small
as the level reaches; the levels of an image lie on one page; the candidates of all images in a
batch go through R-Net and O-Net together. A face that fills its picture, or a picture without a
face, is searched once more inside a black border: the nets were trained on faces with surroundings.

On the CPU the result for an image is the same to the last bit whatever else is in the batch: sums
over pixels are integers, box arithmetic is elementwise, suppression is per image, and the nets
keep the promise of `models.detection.cascade`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from features.views import Face
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
from models.detection.faces import NO_FACE, area, choose, enlarge
from models.detection.pyramid import CELL, Page, SummedArea, pages, search_steps

__all__ = ["SEARCH", "FaceDetector"]

SEARCH = (
    "min_face",
    "coarse_face",
    "thresholds",
    "border",
)  # the options of section `faces` that boxes hang on

_LONGEST_SIDE = 4096  # larger images are searched at an integer fraction of their size
_BATCH_IMAGES = 16
_BATCH_PIXELS = 1 << 24
_CUDA_GROUP = 4096
# A face smaller than this many times the smallest searched one is searched one step finer: its best
# candidate may lie there. On 89 pictures of 512 px, IoU > 0.9 with the full search: 92 % without,
# 99 % with 1.25, 100 % with 2, at 1.3 and 2 times the cost.
_MARGIN = 1.25
# A box of at least this share of the shorter side, or one that leaves the picture, is a tight crop's.
_TIGHT = 0.8
# Faces of the second search are larger than this share of what is searched, border included. On 160 tight
# crops: the boxes of a search from 0.15 on, to the last bit, in 0.88 of the time.
_TIGHT_COARSE = 0.25


@dataclass(frozen=True)
class _Candidates:
    """P-Net's proposals, sorted by image, then from fine to coarse levels.

    `boxes` are the cells' windows, by which they are suppressed; `moved` the same after
    regression.
    """

    image: Tensor
    level: Tensor
    score: Tensor
    boxes: Tensor
    moved: Tensor

    def __getitem__(self, pick: Tensor) -> _Candidates:
        return _Candidates(*(getattr(self, field.name)[pick] for field in fields(self)))

    @staticmethod
    def join(parts: Sequence[_Candidates]) -> _Candidates:
        columns = ([getattr(p, field.name) for p in parts] for field in fields(_Candidates))
        whole = _Candidates(*map(torch.cat, columns))
        order = whole.image * MOST_GROUPS + whole.level
        return whole[torch.sort(order, stable=True).indices]


class FaceDetector:
    """MTCNN over batches of RGB images.

    min_face : side in pixels of the smallest face searched, as in facenet-pytorch.
    coarse_face : faces of at least this share of the shorter side are searched first.
    thresholds : probabilities that a candidate needs in P-, R- and O-Net.
    factor : ratio between two levels of the pyramid.
    border : width of the black border of the second search of tight crops, in shorter sides; 0: none,
    as in facenet-pytorch. Without it the landmarks of a face that fills its picture lie far out.
    """

    def __init__(
        self,
        *,
        device: str = "cpu",
        min_face: int = 20,
        coarse_face: float = 0.15,
        thresholds: Sequence[float] = (0.6, 0.7, 0.7),
        factor: float = 0.709,
        border: float = 0.25,
    ) -> None:
        self.device = torch.device(device)
        self._border = border
        self._steps = partial(search_steps, min_face=min_face, factor=factor)
        self._coarse = coarse_face
        self._logit = math.log(thresholds[0] / (1 - thresholds[0]))
        self._thresholds = tuple(thresholds)
        self._pnet, self._rnet, self._onet = load_cascade(self.device)

    @classmethod
    def of(cls, options: Mapping[str, Any], *, device: str) -> FaceDetector:
        """The detector of section `faces`, or of a bundle's record of it; what is not in SEARCH is ignored."""
        return cls(device=device, **{name: options[name] for name in SEARCH})

    @torch.inference_mode()
    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Face]:
        """Find the main face of each image.

        images : RGB uint8 arrays (H, W, 3) of any sizes. An image without a face, or too small
            to hold one, gives `found=False`; only another kind of array raises (ValueError).
        Images with a side beyond 4096 pixels are searched at 1/2, 1/3, ... of their size.
        """
        for number, image in enumerate(images):
            if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
                raise ValueError(
                    f"image {number} of the batch: found shape {image.shape}, {image.dtype}, "
                    "allowed is (H, W, 3), uint8: convert it to RGB first"
                )
        results: list[Face] = []
        for batch in _batches(images):
            first = self._detect_batch(batch, coarse=self._coarse)
            results += self._with_border(batch, first) if self._border else first
        return results

    def _with_border(self, images: Sequence[NDArray[np.uint8]], first: Sequence[Face]) -> list[Face]:
        """The faces of `first`, those of tight crops replaced by what a search with a border finds."""
        tight = [i for i, face in enumerate(first) if _is_tight(face, images[i].shape[:2])]
        widths = {i: max(round(min(images[i].shape[:2]) * self._border), 1) for i in tight}
        framed = [_framed(images[i], widths[i]) for i in tight]
        coarse = max(self._coarse, _TIGHT_COARSE)
        again = [face for batch in _batches(framed) for face in self._detect_batch(batch, coarse=coarse)]
        faces = list(first)
        for i, face in zip(tight, again, strict=True):
            if face.found:
                moved = {"box": face.box - widths[i], "landmarks": face.landmarks - widths[i]}
                faces[i] = replace(face, **{k: v.astype(np.float32) for k, v in moved.items()})
        return faces

    def _detect_batch(self, images: Sequence[NDArray[np.uint8]], *, coarse: float) -> list[Face]:
        """Search step by step; an image leaves the search when its face is settled."""
        reduced = [_reduce(image) for image in images]
        sums = SummedArea([image for image, _ in reduced], device=self.device)
        steps = [self._steps(*side, coarse_face=coarse) for side in sums.sides]
        results = [NO_FACE] * len(images)
        pending = [i for i, own in enumerate(steps) if own]
        seen: list[_Candidates] = []
        step = 0
        while pending:
            proposals = self._propose(sums, {i: steps[i][step] for i in pending})
            seen = [_Candidates.join([*seen, proposals])]
            for i, detection in choose(*self._examine(sums, seen[0])).items():
                results[i] = enlarge(detection, reduced[i][1])
            step += 1
            pending = [
                i for i in pending if step < len(steps[i]) and not _settled(results[i], steps[i][step - 1])
            ]
            waiting = torch.zeros(len(images), dtype=torch.bool)
            waiting[pending] = True
            seen = [seen[0][waiting.to(self.device)[seen[0].image]]]
        return results

    def _propose(self, sums: SummedArea, scales: dict[int, tuple[float, ...]]) -> _Candidates:
        """P-Net over the given levels of each image, suppressed within each level."""
        alike: dict[tuple[int, int, tuple[float, ...]], list[int]] = {}
        for i, own in scales.items():
            alike.setdefault((*sums.sides[i], own), []).append(i)
        parts = []
        for (height, width, own), members in alike.items():
            # a page on its own stays in the CPU's cache: measured faster than several at once
            together = 1 if self.device.type == "cpu" else len(members)
            for page in pages(height, width, own, device=self.device):
                for at in range(0, len(members), together):
                    parts.append(self._read_page(sums, page, members[at : at + together]))
        image, level, boxes, out = map(torch.cat, zip(*parts, strict=True))
        # one look at the cells of all images: on CUDA this waits for the device
        pick = (out[:, 1] - out[:, 0] >= self._logit).nonzero()[:, 0]
        image, level, boxes, out = image[pick], level[pick], boxes[pick], out[pick]
        moved = shift_edges(boxes, out[:, 2:], inclusive=False)
        found = _Candidates.join([_Candidates(image, level, _face(out), boxes, moved)])
        kept = per_image(nms_union, found.boxes, found.score, found.image, within=found.level, threshold=0.5)
        return found[kept]

    def _read_page(
        self, sums: SummedArea, page: Page, members: list[int]
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Image, level, window and P-Net output of every cell of one page of equal images."""
        image = torch.tensor(members, device=self.device)
        out = self._pnet(sums.page(page, image), seam=page.seam).permute(0, 2, 3, 1)
        out = out.flatten(1, 2).index_select(1, page.cell).flatten(0, 1)
        count = len(members)
        owner = image.repeat_interleave(len(page.cell), output_size=len(out))
        return owner, page.level.repeat(count), page.boxes.repeat(count, 1), out

    def _examine(self, sums: SummedArea, found: _Candidates) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """R- and O-Net over the candidates of all images: image, box, score, landmarks."""
        kept = per_image(nms_union, found.boxes, found.score, found.image, threshold=0.7)
        image, boxes = found.image[kept], square(found.moved[kept])

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
        score = _face(out)
        passed = score > threshold
        return image[passed], boxes[passed], score[passed], out[passed]


def _framed(image: NDArray[np.uint8], width: int) -> NDArray[np.uint8]:
    """The image inside a black border of `width` px."""
    return np.pad(image, ((width, width), (width, width), (0, 0)))


def _is_tight(face: Face, sides: tuple[int, ...]) -> bool:
    """Whether the face fills its picture of (height, width), or none was found there."""
    if not face.found:
        return True
    x0, y0, x1, y1 = (float(v) for v in face.box)
    outside = x0 < 0 or y0 < 0 or x1 > sides[1] or y1 > sides[0]
    return outside or max(x1 - x0, y1 - y0) >= _TIGHT * min(sides)


def _settled(face: Face, scales: tuple[float, ...]) -> bool:
    """Whether levels finer than `scales` (largest first) are unlikely to change the result."""
    return face.found and math.sqrt(area(face)) * scales[0] >= _MARGIN * CELL


def _face(out: Tensor) -> Tensor:
    """Probability of "face" from a net's output (N, 2 + ...)."""
    return out[:, :2].softmax(dim=1)[:, 1]


def _batches(
    images: Sequence[NDArray[np.uint8]],
) -> Iterator[Sequence[NDArray[np.uint8]]]:
    """Consecutive runs of images, bounded in number and in pixels."""
    start = pixels = 0
    for end, image in enumerate(images):
        size = min(image.shape[0] * image.shape[1], _BATCH_PIXELS)
        if end > start and (end - start == _BATCH_IMAGES or pixels + size > _BATCH_PIXELS):
            yield images[start:end]
            start, pixels = end, 0
        pixels += size
    if start < len(images):
        yield images[start:]


def _reduce(image: NDArray[np.uint8]) -> tuple[NDArray[np.uint8], int]:
    """The image at 1/ratio of its size, so that its sides fit, and the ratio."""
    ratio = -(-max(image.shape[:2]) // _LONGEST_SIDE)
    if ratio <= 1:
        return image, 1
    height, width = (max(1, side // ratio) for side in image.shape[:2])
    whole = image[: height * ratio, : width * ratio]
    return np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)), ratio
