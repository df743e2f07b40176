"""Soft random masks of a face: ovals, hulls of landmarks, boxes, parts of the face, single features.

The shapes are those that forgers' tools paste by, varied at random (after Li et al. 2020, "Face X-ray",
arXiv:1912.13458, and Chen et al. 2022, "Self-supervised Learning of Adversarial Example", arXiv:2203.12208).
Shapes are polygons in the unit square of the landmark template.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

from features.views import TEMPLATE, Face
from models.synthesis.degradations import F32, blurred
from models.synthesis.frame import Frame

Points = NDArray[np.float64]

# Centre and half axes of the face's outline in units of the landmark template's square: brow to chin.
OVAL_CENTRE = (0.5, 0.65)
_OVAL_AXES = (0.31, 0.38)
_OUTLINE = 48  # points of an oval
_DRAWN_SIDE = 112  # px, the longer side that a mask is drawn in at most
_ELASTIC = 0.5  # share of masks that are bent


def outline(face: Face, *, height: int, width: int, rng: np.random.Generator) -> F32:
    """Draw a soft random mask of the face or of a part of it.

    Parameters
    ----------
    face : Face
    height, width : int
        Of the image, px.
    rng : np.random.Generator

    Returns
    -------
    float32 array, shape (H, W), in [0, 1]
        Never 0 everywhere: of a face that lies outside the image it is an oval in the centred square.
    """
    shape = _SHAPES[rng.choice(len(_SHAPES), p=_SHARES)]
    frame = Frame.of(face, height=height, width=width)
    mask = soft_mask([frame.to_pixels(part) for part in shape(rng)], height=height, width=width, rng=rng)
    if mask.any():
        return mask
    frame = Frame.centred(height=height, width=width)
    return soft_mask([frame.to_pixels(oval(rng))], height=height, width=width, rng=rng)


def soft_mask(parts: Sequence[Points], *, height: int, width: int, rng: np.random.Generator) -> F32:
    """Polygons filled, half of them bent by a smooth field, with an edge of random place and width.

    The edge is eroded or widened by a blur and a threshold, and softened by another blur.

    Parameters
    ----------
    parts : sequence of float64 arrays, shape (n, 2)
        Corners of each polygon, x and y, px.
    height, width : int
        Of the image, px.
    rng : np.random.Generator

    Returns
    -------
    float32 array, shape (H, W), in [0, 1]
        0 everywhere if no polygon reaches into the image.
    """
    points = np.concatenate(parts)
    margin = 0.4 * float(np.ptp(points, axis=0).max()) + 2
    low = np.clip(np.floor(points.min(axis=0) - margin), 0, (width, height)).astype(int)
    high = np.clip(np.ceil(points.max(axis=0) + margin), low, (width, height)).astype(int)
    mask = np.zeros((height, width), np.float32)
    if (across := int(high[0] - low[0])) == 0 or (down := int(high[1] - low[1])) == 0:
        return mask
    # Drawn small: blurs of this width cost most of a blend at full size and show nothing more there.
    scale = min(_DRAWN_SIDE / max(across, down), 1.0)
    small = np.zeros((max(round(down * scale), 1), max(round(across * scale), 1)), np.float32)
    for part in parts:  # one by one: filled together, they would be empty where they overlap
        corners = np.rint((part - low) * scale * 8).astype(np.int32)
        cv2.fillPoly(small, [corners], (1.0,), lineType=cv2.LINE_AA, shift=3)
    extent = float(np.sqrt(small.sum() / len(parts)))
    if rng.random() < _ELASTIC:
        small = _bent(small, extent=extent, rng=rng)
    first, second = (extent * rng.uniform(0.016, most) for most in (0.16, 0.13))
    widened = blurred(small, first)
    small = blurred((widened > rng.uniform(0.2, 0.8) * widened.max()).astype(np.float32), second)
    full = cv2.resize(small, (across, down), interpolation=cv2.INTER_LINEAR)
    mask[low[1] : high[1], low[0] : high[0]] = np.clip(full, 0, 1)
    return mask


def _bent(mask: F32, *, extent: float, rng: np.random.Generator) -> F32:
    """Moved by a smooth field of few random knots, as the masks of Face X-ray and of self-blended images are."""
    height, width = mask.shape
    knots = int(rng.integers(3, 8))
    field = rng.normal(0, rng.uniform(0.02, 0.08) * extent, (knots, knots, 2)).astype(np.float32)
    shift = cv2.resize(field, (width, height), interpolation=cv2.INTER_CUBIC)
    columns = shift[..., 0] + np.arange(width, dtype=np.float32)
    rows = shift[..., 1] + np.arange(height, dtype=np.float32)[:, None]
    return np.asarray(cv2.remap(mask, columns, rows, cv2.INTER_LINEAR), dtype=np.float32)


def oval(rng: np.random.Generator) -> Points:
    """A superellipse from brow to chin whose radius wavers.

    Parameters
    ----------
    rng : np.random.Generator

    Returns
    -------
    float64 array, shape (n, 2)
        Corners, x and y in the unit square.
    """
    angle = np.linspace(0, 2 * np.pi, _OUTLINE, endpoint=False)
    radius = np.ones(_OUTLINE)
    for order in (2, 3, 4, 5):
        radius += rng.normal(0, 0.12 / order) * np.cos(order * angle + rng.uniform(0, 2 * np.pi))
    radius *= rng.uniform(0.75, 1.1)
    square = 2 / rng.uniform(2.0, 3.0)  # exponent of a superellipse: from an oval to a rounded box
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    return np.sign(circle) * np.abs(circle) ** square * _OVAL_AXES * radius[:, None] + OVAL_CENTRE


def _whole(rng: np.random.Generator) -> list[Points]:
    return [oval(rng)]


def _part(rng: np.random.Generator) -> list[Points]:
    """An oval cut by a line: from the nose down, eyes and nose, or one side."""
    angle = rng.integers(4) * np.pi / 2 + rng.normal(0, 0.15)
    normal = np.array([np.cos(angle), np.sin(angle)])
    points = oval(rng) - OVAL_CENTRE
    beyond = np.maximum(points @ normal - rng.uniform(-0.05, 0.15), 0)
    return [points - beyond[:, None] * normal + OVAL_CENTRE]


def _hull(rng: np.random.Generator) -> list[Points]:
    """The convex hull of where 27 landmarks of jaw and brows lie, each a little off."""
    angle = np.linspace(0, np.pi, 17)
    jaw = np.stack([0.5 + 0.34 * np.cos(angle), 0.47 + 0.55 * np.sin(angle)], axis=1)
    brows = np.stack([np.linspace(0.2, 0.8, 10), np.full(10, 0.33 - rng.uniform(-0.04, 0.15))], axis=1)
    points = np.concatenate([jaw, brows])
    points = (
        (points - OVAL_CENTRE) * rng.uniform(0.8, 1.05) + OVAL_CENTRE + rng.normal(0, 0.015, points.shape)
    )
    return [cv2.convexHull(points.astype(np.float32))[:, 0].astype(np.float64)]


def _box(rng: np.random.Generator) -> list[Points]:
    """A rectangle of the inner face, a little turned."""
    half = np.array([rng.uniform(0.2, 0.36), rng.uniform(0.22, 0.4)])
    corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * half
    turn = rng.normal(0, 0.05)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return [corners @ rotation.T + OVAL_CENTRE + rng.normal(0, 0.03, 2)]


# Which of left eye, right eye, nose and mouth are forged together.
_TOGETHER = ((0, 1), (3,), (0,), (1,), (2,), (2, 3), (0, 1, 3))
_FEATURE_AXES = np.array([[0.1, 0.065], [0.1, 0.065], [0.09, 0.13], [0.17, 0.09]])


def _features(rng: np.random.Generator) -> list[Points]:
    """Ovals about some of eyes, nose and mouth."""
    middles = np.vstack([TEMPLATE[:3], TEMPLATE[3:].mean(axis=0)])
    angle = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
    axes = _FEATURE_AXES * rng.uniform(0.8, 1.6, 2)
    return [
        circle * axes[at] + middles[at] + rng.normal(0, 0.015, 2)
        for at in _TOGETHER[rng.integers(len(_TOGETHER))]
    ]


_SHAPES: tuple[Callable[[np.random.Generator], list[Points]], ...] = (_whole, _part, _hull, _box, _features)
_SHARES = (0.35, 0.2, 0.2, 0.1, 0.15)
