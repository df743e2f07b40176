"""Tools of simple forgers: a stand-in for forgers that no method was trained on.

Another person's face feathered in (`swap`) or joined by gradients (`clone`), a face that a model of few parameters
draws (`Eigenfaces`), one moved by a smooth warp (`reenact`), and as a control an honest picture, turned and zoomed
(`edited`). They share nothing with the product's pseudo-fakes but the landmark template. `families` makes pictures with
them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from sklearn.decomposition import PCA

from benchmarks.quality.conditions import U8
from benchmarks.quality.portraits import Portrait
from features.views import TEMPLATE, Face
from models.synthesis.degradations import F32, to_bytes

Matrix = NDArray[np.float64]

_SIDE = 96  # px of the square that eigenfaces are drawn in, as the early face-swapping nets did
_COMPONENTS = 160
# The square about the landmark template that is swapped: its corner and side in the template's units.
_CORNER, _SPAN = -0.1, 1.2
_OVAL = ((0.5, 0.62), (0.33, 0.42))  # centre and half axes of the face in the template's units
_RING = np.linspace(0, 2 * np.pi, 64, endpoint=False)


def between(source: NDArray[np.floating], target: NDArray[np.floating]) -> Matrix:
    """The affine map that brings five points onto five others with the least squares, (2, 3)."""
    known = np.hstack([np.asarray(source, np.float64), np.ones((len(source), 1))])
    return np.ascontiguousarray(np.linalg.lstsq(known, np.asarray(target, np.float64), rcond=None)[0].T)


def oval(face: Face, shape: tuple[int, ...], *, shrink: float = 1.0) -> F32:
    """1 inside the face's oval, else 0; float32 (H, W)."""
    (x, y), (a, b) = _OVAL
    points = np.stack([x + a * shrink * np.cos(_RING), y + b * shrink * np.sin(_RING)], axis=1)
    points_in_picture = cv2.transform(points[None], between(TEMPLATE, face.landmarks))[0]
    mask = np.zeros(shape[:2], np.float32)
    cv2.fillConvexPoly(
        mask, np.rint(points_in_picture * 16).astype(np.int32), (1.0,), lineType=cv2.LINE_AA, shift=4
    )
    return mask


def paste(onto: Portrait, drawn: F32) -> U8:
    """`drawn` (H, W, 3) in the feathered oval, in the colours of what was there (mean and spread of Lab)."""
    inside = oval(onto.face, onto.pixels.shape)
    width = float(np.linalg.norm(onto.face.landmarks[0] - onto.face.landmarks[1]))
    ground, face = (
        cv2.cvtColor(np.clip(v, 0, 255).astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
        for v in (onto.pixels, drawn)
    )
    for channel in range(3):
        mean, spread = zip(*(_moments(v[..., channel], inside) for v in (ground, face)), strict=True)
        face[..., channel] = (face[..., channel] - mean[1]) * (spread[0] / max(spread[1], 1e-3)) + mean[0]
    drawn = np.asarray(cv2.cvtColor(face, cv2.COLOR_LAB2RGB) * 255, np.float32)
    soft = cv2.GaussianBlur(oval(onto.face, onto.pixels.shape, shrink=0.92), (0, 0), 0.12 * width)[..., None]
    return to_bytes(onto.pixels * (1 - soft) + drawn * soft)


def _moments(plane: F32, weight: F32) -> tuple[float, float]:
    total = max(float(weight.sum()), 1.0)
    mean = float((plane * weight).sum()) / total
    return mean, float(np.sqrt((np.square(plane - mean) * weight).sum() / total))


def brought(onto: Portrait, donor: Portrait) -> F32:
    """The donor's picture with its landmarks on the other's, float32 (H, W, 3)."""
    height, width = onto.pixels.shape[:2]
    matrix = between(donor.face.landmarks, onto.face.landmarks)
    moved = cv2.warpAffine(
        donor.pixels, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT
    )
    return moved.astype(np.float32)


def swap(onto: Portrait, donor: Portrait) -> U8:
    """Another person's face, feathered in and matched in colour, as FaceSwap does."""
    return paste(onto, brought(onto, donor))


def clone(onto: Portrait, donor: Portrait) -> U8:
    """Another person's face by gradients: Poisson image editing (Perez et al. 2003, doi:10.1145/882262.882269)."""
    mask = (oval(onto.face, onto.pixels.shape, shrink=0.92) > 0.5).astype(np.uint8) * 255
    mask[[0, 1, -2, -1]] = 0
    mask[:, [0, 1, -2, -1]] = 0
    x, y, w, h = cv2.boundingRect(mask)
    drawn = to_bytes(brought(onto, donor))
    joined = cv2.seamlessClone(drawn, onto.pixels, mask, (x + w // 2, y + h // 2), cv2.NORMAL_CLONE)
    return np.asarray(joined, dtype=np.uint8)


def reenact(portrait: Portrait, rng: np.random.Generator) -> U8:
    """Eyes and mouth moved and stretched by a smooth field; nothing is pasted."""
    height, width = portrait.pixels.shape[:2]
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    marks = portrait.face.landmarks
    reach = float(np.linalg.norm(marks[0] - marks[1]))
    across, down = columns.copy(), rows.copy()
    for x, y in marks:
        dx, dy = columns - x, rows - y
        near = np.exp(-(dx**2 + dy**2) / (2 * (0.3 * reach) ** 2))
        push, stretch = rng.normal(0, 0.07 * reach, 2), rng.normal(0, 0.12, 2)
        across += (near * (push[0] + stretch[0] * dx)).astype(np.float32)
        down += (near * (push[1] + stretch[1] * dy)).astype(np.float32)
    moved = cv2.remap(portrait.pixels, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(moved, dtype=np.uint8)


@dataclass(frozen=True)
class Eigenfaces:
    """A linear model of aligned faces (Turk & Pentland 1991, doi:10.1162/jocn.1991.3.1.71)."""

    model: PCA

    @classmethod
    def fit(cls, portraits: Sequence[Portrait], *, seed: int = 0) -> Eigenfaces:
        """From real faces, of which only aligned squares are kept."""
        squares = np.stack([_square(p).ravel() for p in portraits]).astype(np.float32)
        count = min(_COMPONENTS, len(squares))
        return cls(PCA(count, svd_solver="randomized", random_state=seed).fit(squares))

    def redraw(self, portrait: Portrait, donor: Portrait) -> U8:
        """The donor's face as the model draws it, on the portrait."""
        code = self.model.transform(_square(donor).reshape(1, -1).astype(np.float32))
        drawn = self.model.inverse_transform(code).reshape(_SIDE, _SIDE, 3).astype(np.float32)
        height, width = portrait.pixels.shape[:2]
        matrix = between(_template(), portrait.face.landmarks)
        large = cv2.warpAffine(
            drawn, matrix, (width, height), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
        )
        return paste(portrait, np.asarray(large, np.float32))


def _template() -> Matrix:
    return (TEMPLATE - _CORNER) / _SPAN * _SIDE


def _square(portrait: Portrait) -> U8:
    matrix = between(portrait.face.landmarks, _template())
    cut = cv2.warpAffine(
        portrait.pixels, matrix, (_SIDE, _SIDE), flags=cv2.INTER_AREA, borderMode=cv2.BORDER_REPLICATE
    )
    return np.asarray(cut, np.uint8)


def edited(portrait: Portrait, rng: np.random.Generator) -> U8:
    """The whole picture turned and zoomed a little: nothing is forged."""
    height, width = portrait.pixels.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), rng.normal(0, 1.5), 1.04)
    matrix[:, 2] += rng.uniform(-2, 2, 2)
    moved = cv2.warpAffine(portrait.pixels, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)
    return np.asarray(moved, dtype=np.uint8)
