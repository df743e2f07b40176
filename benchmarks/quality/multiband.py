"""A face swap in pieces: another face warped triangle by triangle, matched by histogram, joined band by band.

None of its steps is one of `swap` and `clone`, which turn the whole face, match means or gradients and join once.
"""

from __future__ import annotations

from itertools import pairwise

import cv2
import numpy as np
from scipy.spatial import Delaunay

from benchmarks.quality.conditions import U8
from benchmarks.quality.forgeries import Matrix
from benchmarks.quality.portraits import Portrait
from features.views import Face
from models.synthesis.degradations import F32, to_bytes

_SHARE = 0.9  # of the face box's sides: the ellipse that is swapped
_COARSEST = 16  # parts of the face box's width that the coarsest band is about as wide as
_MOST_LEVELS = 5


def multiband(onto: Portrait, donor: Portrait) -> U8:
    """Another person's face in place of this one."""
    inside = ellipse(onto.face, onto.pixels.shape)
    drawn = matched(warped(onto, donor), onto.pixels, inside)
    return to_bytes(join(onto.pixels, drawn, inside, levels=levels_of(onto.face)))


def ellipse(face: Face, shape: tuple[int, ...]) -> F32:
    """1 inside an ellipse in the face box, else 0; float32 (H, W)."""
    rows, columns = np.mgrid[: shape[0], : shape[1]]
    (x0, y0, x1, y1) = face.box
    across = (columns - (x0 + x1) / 2) / ((x1 - x0) / 2 * _SHARE)
    down = (rows - (y0 + y1) / 2) / ((y1 - y0) / 2 * _SHARE)
    return (across**2 + down**2 <= 1).astype(np.float32)


def anchors(face: Face) -> Matrix:
    """The landmarks and the corners of the face box, (9, 2)."""
    x0, y0, x1, y1 = face.box
    return np.concatenate([face.landmarks, [[x0, y0], [x1, y0], [x0, y1], [x1, y1]]]).astype(np.float64)


def warped(onto: Portrait, donor: Portrait) -> F32:
    """The donor's picture with its anchors on the other's, affine in each Delaunay triangle; float32 (H, W, 3).

    Outside the face box its edge goes on, so that no seam of the warp lies near the ellipse.
    """
    height, width = onto.pixels.shape[:2]
    here, there = anchors(onto.face), anchors(donor.face)
    mesh = Delaunay(here)
    low, high = here[5:].min(0) + 1e-3, here[5:].max(0) - 1e-3
    grid = np.stack(np.meshgrid(np.arange(width), np.arange(height)), axis=-1).reshape(-1, 2)
    points = np.clip(grid, low, high)
    triangle = mesh.find_simplex(points)
    to_weights = mesh.transform[triangle]
    first = np.einsum("nij,nj->ni", to_weights[:, :2], points - to_weights[:, 2])
    weights = np.column_stack([first, 1 - first.sum(1)])
    places = np.einsum("ni,nij->nj", weights, there[mesh.simplices[triangle]]).astype(np.float32)
    across, down = places.T.reshape(2, height, width)
    moved = cv2.remap(donor.pixels, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101)
    return np.asarray(moved, np.float32)


def matched(drawn: F32, ground: U8, inside: F32) -> F32:
    """`drawn` with the histograms of `ground`, of luma and both chromas inside the mask; float32 (H, W, 3).

    Values of the same mid-rank are put in place of each other, so a picture matched to itself stays as it is.
    """
    chosen = inside > 0
    planes, goals = (
        np.moveaxis(cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2YCrCb), -1, 0)
        for picture in (drawn, ground)
    )
    moved = []
    for plane, goal in zip(planes, goals, strict=True):
        (own, own_ranks), (wanted, ranks) = _ranked(plane[chosen]), _ranked(goal[chosen])
        moved.append(np.interp(plane, own, np.interp(own_ranks, ranks, wanted)))
    joined = np.stack(moved, axis=-1).astype(np.float32)
    return np.asarray(cv2.cvtColor(joined, cv2.COLOR_YCrCb2RGB) * 255, np.float32)


def _ranked(values: F32) -> tuple[Matrix, Matrix]:
    """The values that occur, and the mid-rank of each, in (0, 1)."""
    levels, counts = np.unique(values, return_counts=True)
    return levels.astype(np.float64), (np.cumsum(counts) - counts / 2) / counts.sum()


def levels_of(face: Face) -> int:
    """How often the pyramid is reduced for a face of this size."""
    return int(np.clip(np.rint(np.log2((face.box[2] - face.box[0]) / _COARSEST)), 1, _MOST_LEVELS))


def reach(levels: int) -> int:
    """px from the mask, at most, at which `join` still changes a pixel: two of every level, down and up again."""
    return 4 * (2**levels - 1)


def join(ground: U8, drawn: F32, inside: F32, *, levels: int) -> F32:
    """`drawn` inside the mask, each band of a Laplacian pyramid joined over a width of its own [1]_.

    Returns
    -------
    float32 array, shape (H, W, 3)

    References
    ----------
    .. [1] Burt & Adelson 1983, "A multiresolution spline with application to image mosaics",
       doi:10.1145/245.247
    """
    bands = [
        there + (here - there) * mask[..., None]
        for there, here, mask in zip(
            _bands(ground.astype(np.float32), levels),
            _bands(drawn, levels),
            _reduced(inside, levels),
            strict=True,
        )
    ]
    picture = bands.pop()
    for band in reversed(bands):
        picture = band + _enlarged(picture, band)
    return picture


def _reduced(picture: F32, levels: int) -> list[F32]:
    pictures = [picture]
    for _ in range(levels):
        pictures.append(np.asarray(cv2.pyrDown(pictures[-1]), np.float32))
    return pictures


def _bands(picture: F32, levels: int) -> list[F32]:
    """What each reduction takes away, and what is left after the last."""
    pictures = _reduced(picture, levels)
    return [fine - _enlarged(coarse, fine) for fine, coarse in pairwise(pictures)] + pictures[-1:]


def _enlarged(coarse: F32, like: F32) -> F32:
    return np.asarray(cv2.pyrUp(coarse, dstsize=(like.shape[1], like.shape[0])), np.float32)
