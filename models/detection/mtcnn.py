"""Face detection with MTCNN for batches of images of any sizes.

Weights and arithmetic are those of facenet-pytorch; the search is not. Large faces come
first, finer levels of the same pyramid only where nothing was found or the face is about as small
as the level reaches; the levels of an image lie on one page; the candidates of all images in a
batch go through R-Net and O-Net together. A face that fills its picture, or a picture without a
face, is searched once more inside a black border: the nets were trained on faces with surroundings.

The search is numpy; the nets are OpenVINO's on the CPU and torch's on a GPU. On the CPU the result for
an image is the same to the last bit whatever else is in the batch: sums over pixels are integers, box
arithmetic is elementwise, suppression is per image, and the nets keep the promise of
`models.detection.cascade`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from features.views import Face
from models.detection import weights
from models.detection.cascade import load_cascade
from models.detection.faces import NO_FACE, area, enlarge, rank
from models.detection.pyramid import CELL, search_steps
from models.detection.stages import Candidates, Search
from models.detection.summed_area import SummedArea

# the options of section `faces` that boxes depend on
SEARCH = ("min_face", "coarse_face", "thresholds", "border")

_LONGEST_SIDE = 4096  # larger images are searched at an integer fraction of their size
_BATCH_IMAGES = 16
_BATCH_PIXELS = 1 << 24
_STRIP_PIXELS = 1 << 21
# A face smaller than this many times the smallest searched one is searched one step finer: its best
# candidate may lie there. On 89 pictures of 512 px, IoU > 0.9 with the full search: 92 % without,
# 99 % with 1.25, 100 % with 2, at 1.3 and 2 times the cost.
_MARGIN = 1.25
# A box of at least this share of the shorter side, or one that leaves the picture, is a tight crop's.
_TIGHT = 0.8
# Faces of the second search are larger than this share of what is searched, border included. On 160 tight
# crops: the boxes of a search from 0.15 on, to the last bit, in 0.88 of the time.
_TIGHT_COARSE = 0.25


class FaceDetector:
    """MTCNN [1]_ over batches of RGB images.

    Parameters
    ----------
    device : str
        A torch device.
    openvino : bool
        Whether OpenVINO may run the nets on the CPU.
    state : bytes, optional
        The nets' weights, as of `weights.packaged`; without it those of the installed package.
    min_face : int
        Side of the smallest face searched, px, as in facenet-pytorch.
    coarse_face : float
        Faces of at least this share of the shorter side are searched first.
    thresholds : sequence of 3 floats
        Probabilities that a candidate needs in P-, R- and O-Net.
    factor : float
        Ratio between two levels of the pyramid.
    border : float
        Width of the black border of the second search of tight crops, in shorter sides; 0: none, as in
        facenet-pytorch. Without it the landmarks of a face that fills its picture lie far out.

    References
    ----------
    .. [1] Zhang et al. 2016, "Joint Face Detection and Alignment Using Multitask Cascaded Convolutional
       Networks", doi:10.1109/LSP.2016.2603342
    """

    def __init__(
        self,
        *,
        device: str = "cpu",
        openvino: bool = True,
        state: bytes | None = None,
        min_face: int = 20,
        coarse_face: float = 0.15,
        thresholds: Sequence[float] = (0.6, 0.7, 0.7),
        factor: float = 0.709,
        border: float = 0.25,
    ) -> None:
        self._border = border
        self._steps = partial(search_steps, min_face=min_face, factor=factor)
        self._coarse = coarse_face
        arrays = weights.arrays(weights.packaged() if state is None else state)
        self._search = Search(load_cascade(arrays, device=device, openvino=openvino), thresholds)

    @classmethod
    def of(
        cls,
        options: Mapping[str, Any],
        *,
        device: str,
        openvino: bool = True,
        state: bytes | None = None,
    ) -> FaceDetector:
        """Build the detector of some options.

        Parameters
        ----------
        options : mapping
            Section `faces` of the parameters, or a bundle's record of it; what is not in SEARCH is ignored.
        device, openvino, state
            As of the class.

        Returns
        -------
        FaceDetector
        """
        return cls(device=device, openvino=openvino, state=state, **{name: options[name] for name in SEARCH})

    def detect(self, images: Sequence[NDArray[np.uint8]]) -> list[Face]:
        """Find the main face of each image: that of largest area times probability.

        Parameters
        ----------
        images : sequence of uint8 arrays, shape (H, W, 3), RGB
            Of any sizes.

        Returns
        -------
        list of Face
            An image without a face, or too small to hold one, gives `found=False`.

        Raises
        ------
        ValueError
            Where an array is of another kind.
        """
        return [faces[0] for faces in self.detect_every(images)]

    def detect_every(self, images: Sequence[NDArray[np.uint8]]) -> list[list[Face]]:
        """Find the faces of each image, the main one first.

        The search ends at the main face: others that are smaller than the levels that it needed are not among them.
        Images with a side beyond 4096 px are searched at 1/2, 1/3, ... of their size.

        Parameters
        ----------
        images : sequence of uint8 arrays, shape (H, W, 3), RGB
            Of any sizes.

        Returns
        -------
        list of lists of Face
            An image without a face, or too small to hold one, gives one of `found=False`.

        Raises
        ------
        ValueError
            Where an array is of another kind.
        """
        for number, image in enumerate(images):
            if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
                raise ValueError(
                    f"image {number} of the batch: found shape {image.shape}, {image.dtype}, "
                    "allowed is (H, W, 3), uint8: convert it to RGB first"
                )
        results: list[list[Face]] = []
        for run in _runs(images):
            batch = images[run]
            first = self._detect_batch(batch, borders=[0] * len(batch), coarse=self._coarse)
            results += self._with_border(batch, first) if self._border else first
        return results

    def release_memory(self) -> None:
        """Give back what the nets keep between two images; the next one takes it again."""
        self._search.release_memory()

    def _with_border(
        self, images: Sequence[NDArray[np.uint8]], first: Sequence[list[Face]]
    ) -> list[list[Face]]:
        """The faces of `first`, those of tight crops replaced by what a search with a border finds."""
        tight = [i for i, faces in enumerate(first) if _is_tight(faces[0], images[i].shape[:2])]
        widths = {i: max(round(min(images[i].shape[:2]) * self._border), 1) for i in tight}
        coarse = max(self._coarse, _TIGHT_COARSE)
        again: list[list[Face]] = []
        for run in _runs([images[i] for i in tight]):
            members = tight[run]
            borders = [widths[i] for i in members]
            again += self._detect_batch([images[i] for i in members], borders=borders, coarse=coarse)
        results = list(first)
        for i, faces in zip(tight, again, strict=True):
            if faces[0].found:
                results[i] = [_shifted(face, widths[i]) for face in faces]
        return results

    def _detect_batch(
        self, images: Sequence[NDArray[np.uint8]], *, borders: Sequence[int], coarse: float
    ) -> list[list[Face]]:
        """Search step by step; an image leaves the search when finer levels are unlikely to change its main face."""
        reduced = [_reduced(image, border) for image, border in zip(images, borders, strict=True)]
        sums = SummedArea(
            (_reduce(image, border=border) for image, border in zip(images, borders, strict=True)),
            [side for side, _ in reduced],
        )
        steps = [self._steps(*side, coarse_face=coarse) for side in sums.sides]
        results = [[NO_FACE]] * len(reduced)
        pending = [i for i, scales in enumerate(steps) if scales]
        seen: list[Candidates] = []
        step = 0
        while pending:
            proposals = self._search.propose(sums, {i: steps[i][step] for i in pending})
            seen = [Candidates.join([*seen, proposals])]
            for i, faces in rank(*self._search.refine(sums, seen[0])).items():
                results[i] = [enlarge(face, reduced[i][1]) for face in faces]
            step += 1
            pending = [
                i
                for i in pending
                if step < len(steps[i]) and not _is_final(results[i][0], steps[i][step - 1])
            ]
            seen = [seen[0][np.isin(seen[0].image, pending)]]
        return results


def _shifted(face: Face, width: int) -> Face:
    """The face in the image without its border."""
    box, landmarks = ((points - width).astype(np.float32) for points in (face.box, face.landmarks))
    return replace(face, box=box, landmarks=landmarks)


def _is_tight(face: Face, sides: tuple[int, ...]) -> bool:
    """Whether the face fills its picture of (height, width), or none was found there."""
    if not face.found:
        return True
    x0, y0, x1, y1 = (float(v) for v in face.box)
    outside = x0 < 0 or y0 < 0 or x1 > sides[1] or y1 > sides[0]
    return outside or max(x1 - x0, y1 - y0) >= _TIGHT * min(sides)


def _is_final(face: Face, scales: tuple[float, ...]) -> bool:
    """Whether levels finer than `scales` (largest first) are unlikely to change the result."""
    return face.found and math.sqrt(area(face)) * scales[0] >= _MARGIN * CELL


def _runs(images: Sequence[NDArray[np.uint8]]) -> Iterator[slice]:
    """Consecutive runs of images, bounded in number and in pixels."""
    start = pixels = 0
    for end, image in enumerate(images):
        size = min(image.shape[0] * image.shape[1], _BATCH_PIXELS)
        if end > start and (end - start == _BATCH_IMAGES or pixels + size > _BATCH_PIXELS):
            yield slice(start, end)
            start, pixels = end, 0
        pixels += size
    if start < len(images):
        yield slice(start, len(images))


def _reduced(image: NDArray[np.uint8], border: int) -> tuple[tuple[int, int], int]:
    """Height and width of what is searched, and the ratio of the image inside its border to it, so that its sides fit."""
    height, width = (side + 2 * border for side in image.shape[:2])
    ratio = max(1, -(-max(height, width) // _LONGEST_SIDE))
    return ((height, width) if ratio == 1 else (max(1, height // ratio), max(1, width // ratio))), ratio


def _reduce(image: NDArray[np.uint8], *, border: int = 0) -> NDArray[np.uint8]:
    """The image inside a black border of so many px, of the size that `_reduced` says."""
    height, width = (side + 2 * border for side in image.shape[:2])
    (tall, wide), ratio = _reduced(image, border)
    if ratio == 1:
        return np.pad(image, ((border, border), (border, border), (0, 0))) if border else image
    reduced = np.empty((tall, wide, 3), np.uint8)
    # In strips: a large photo with its border would need more than twice the memory of the photo.
    rows = max(1, _STRIP_PIXELS // (width * ratio))
    for top in range(0, tall, rows):
        end = min(top + rows, tall)
        strip = _strip(image, top * ratio, min(end * ratio, height), border=border)[:, : wide * ratio]
        reduced[top:end] = cv2.resize(strip, (wide, end - top), interpolation=cv2.INTER_AREA)
    return reduced


def _strip(image: NDArray[np.uint8], top: int, end: int, *, border: int) -> NDArray[np.uint8]:
    """Rows of the image inside its border."""
    if not border:
        return image[top:end]
    height, width = image.shape[:2]
    strip = np.zeros((end - top, width + 2 * border, 3), np.uint8)
    first, last = (min(max(row - border, 0), height) for row in (top, end))
    strip[first + border - top : last + border - top, border : border + width] = image[first:last]
    return strip
