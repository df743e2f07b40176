"""Where a face is in an image, and the pictures that are cut from there."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

# Where the five landmarks (left eye, right eye, nose, mouth corners) of a frontal face lie, in units of the
# face's square: the template of ArcFace (Deng et al. 2019, arXiv:1801.07698), which is in pixels of 112.
_PX_112 = [[38.2946, 51.6963], [73.5318, 51.5014], [56.0252, 71.7366], [41.5493, 92.3655], [70.7299, 92.2041]]
TEMPLATE = np.array(_PX_112) / 112
# The point of the template that the aligned square is centred on: between eyes and nose tip, so that
# a tight crop keeps chin and brow alike.
CENTRE = np.array([0.5, 0.60])
BLOCK = 8  # side of a JPEG block, px


@dataclass(frozen=True)
class Face:
    """Where the face is in an image; everything in pixels of that image.

    Attributes
    ----------
    found : bool
        Whether the detector found a face.
    n_faces : int
        How many it found.
    prob : float
        The detector's probability for the chosen face, NaN without one.
    box : float32 array, shape (4,)
        x0, y0, x1, y1, may reach beyond the image; NaN without a face.
    landmarks : float32 array, shape (5, 2)
        x, y of the left eye, the right eye, the nose, the left and the right corner of the mouth, left and
        right as in the picture; NaN without a face.
    """

    found: bool
    n_faces: int
    prob: float
    box: NDArray[np.float32]
    landmarks: NDArray[np.float32]

    def moved(self, matrix: NDArray[np.float64]) -> Face:
        """The face in the coordinates of a warped image.

        Parameters
        ----------
        matrix : float64 array, shape (2, 3)
            Affine map from pixels of this image to pixels of the other.

        Returns
        -------
        Face
            Its box is the upright rectangle around the mapped one.
        """
        x0, y0, x1, y1 = self.box
        corners = np.array([[x0, y0], [x1, y0], [x0, y1], [x1, y1]], dtype=np.float64)
        corners, marks = (points @ matrix[:, :2].T + matrix[:, 2] for points in (corners, self.landmarks))
        box = np.concatenate([corners.min(0), corners.max(0)])
        return replace(self, box=box.astype(np.float32), landmarks=marks.astype(np.float32))


@dataclass(frozen=True)
class Crop:
    """Geometry of the cuts of one face.

    Attributes
    ----------
    native, context : tuple of int
        Rectangles x0, y0, x1, y1, px, native inside context inside the image.
    matrix : float64 array, shape (2, 3)
        Similarity from image pixels to the unit square of the aligned face.
    """

    native: tuple[int, int, int, int]
    context: tuple[int, int, int, int]
    matrix: NDArray[np.float64]


@dataclass(frozen=True)
class FaceViews:
    """The pictures of one face, cut without resampling.

    Attributes
    ----------
    native : uint8 array, shape (H, W, 3), RGB
        The face; without one the centred square of the image.
    context : uint8 array, shape (H, W, 3), RGB
        The face with its surroundings.
    face_in_context : tuple of int
        Rectangle x0, y0, x1, y1 of `native` inside `context`, px.
    landmarks : float32 array, shape (5, 2)
        In pixels of `native`, in the order of `Face.landmarks`; NaN without a face.
    found : bool
        Whether the detector found a face.
    """

    native: NDArray[np.uint8]
    context: NDArray[np.uint8]
    face_in_context: tuple[int, int, int, int]
    landmarks: NDArray[np.float32]
    found: bool


def face_numbers(found: NDArray[np.float32], prob: NDArray[np.float32]) -> NDArray[np.float32]:
    """Values of the block `face`.

    Parameters
    ----------
    found : float32 array, shape (n,)
        1 where the detector found a face, else 0.
    prob : float32 array, shape (n,)
        Its probability for the chosen face, NaN without one.

    Returns
    -------
    float32 array, shape (n, 2)
        `found`, and `prob` or 0.
    """
    return np.stack([found, np.nan_to_num(prob)], axis=1).astype(np.float32)


def plan_crop(face: Face, *, height: int, width: int, native: float, context: float, aligned: float) -> Crop:
    """Rectangles and alignment matrix of one face.

    Corners of the native cut are moved outwards to multiples of 8 px where the image allows it, so that the
    JPEG grid of the image keeps one phase. Without a face: the centred square of the image, its native cut
    moved by less than 8 px onto that grid.

    Parameters
    ----------
    face : Face
        In pixels of the image.
    height, width : int
        Of the image, px.
    native, context : float
        Side of the cut over the longer side of the box; 1 is the box itself.
    aligned : float
        Side of the aligned square over that of the landmark template, as far as the image has room for it.

    Returns
    -------
    Crop
        Rectangles inside the image, at least 1 px a side.
    """
    if not face.found:
        side = min(height, width)
        x0, y0 = (width - side) // 2, (height - side) // 2
        left, top = x0 // BLOCK * BLOCK, y0 // BLOCK * BLOCK
        rect = (left, top, left + side, top + side)
        matrix = np.array([[1.0, 0.0, -x0], [0.0, 1.0, -y0]]) / side
        return Crop(native=rect, context=(0, 0, width, height), matrix=matrix)
    inner = _square(face.box, scale=native, height=height, width=width, snap=BLOCK)
    outer = _square(face.box, scale=context, height=height, width=width, snap=1)
    x0, y0, x1, y1 = outer
    outer = (min(inner[0], x0), min(inner[1], y0), max(inner[2], x1), max(inner[3], y1))
    matrix = _inside(similarity(face.landmarks, scale=aligned), height=height, width=width)
    return Crop(native=inner, context=outer, matrix=matrix)


def _inside(matrix: NDArray[np.float64], *, height: int, width: int) -> NDArray[np.float64]:
    """The aligned square shrunk to the image's shorter side at most, and moved to lie inside.

    Its roll stays. Without this a tight crop would be padded with its mirror image.
    """
    inverse = np.linalg.inv(matrix[:, :2])
    x, y = inverse @ (0.5 - matrix[:, 2])
    side = float(np.hypot(inverse[0, 0], inverse[1, 0]))
    fit = max(side / min(height, width), 1.0)
    half = side / fit / 2
    centre = np.array([np.clip(x, half, width - half), np.clip(y, half, height - half)])
    linear = matrix[:, :2] * fit
    return np.hstack([linear, (0.5 - linear @ centre)[:, None]])


def _square(
    box: NDArray[np.float32], *, scale: float, height: int, width: int, snap: int
) -> tuple[int, int, int, int]:
    """Square around a box, grown by `scale`, on a grid of `snap` px, inside the image."""
    x0, y0, x1, y1 = (float(v) for v in box)
    half = max(x1 - x0, y1 - y0, 1.0) * scale / 2
    cx = min(max((x0 + x1) / 2, 0.0), float(width))
    cy = min(max((y0 + y1) / 2, 0.0), float(height))
    left, top = (int(np.floor((c - half) / snap)) * snap for c in (cx, cy))
    right, bottom = (int(np.ceil((c + half) / snap)) * snap for c in (cx, cy))
    left, top = min(max(left, 0), width - 1), min(max(top, 0), height - 1)
    return left, top, max(min(right, width), left + 1), max(min(bottom, height), top + 1)


def similarity(landmarks: NDArray[np.floating], *, scale: float) -> NDArray[np.float64]:
    """Least-squares similarity from landmarks to the template, without reflection.

    Parameters
    ----------
    landmarks : float array, shape (5, 2)
        x, y, px, in the order of `Face.landmarks`.
    scale : float
        The template is shrunk by it about its centre.

    Returns
    -------
    float64 array, shape (2, 3)
        From pixels to the unit square.

    References
    ----------
    Umeyama 1991, doi:10.1109/34.88573, in closed form for two dimensions.
    """
    source = np.asarray(landmarks, dtype=np.float64)
    target = (TEMPLATE - CENTRE) / scale + 0.5
    a, b = source - source.mean(0), target - target.mean(0)
    norm = max(float((a * a).sum()), 1e-12)
    cosine = float((a * b).sum()) / norm
    sine = float((a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]).sum()) / norm
    if cosine == 0.0 and sine == 0.0:
        cosine = 1e-6
    linear = np.array([[cosine, -sine], [sine, cosine]])
    return np.hstack([linear, (target.mean(0) - linear @ source.mean(0))[:, None]])


def cut_views(pixels: NDArray[np.uint8], face: Face, crop: Crop, *, own: bool = True) -> FaceViews:
    """Native and context cuts of one face; nothing is resampled.

    Parameters
    ----------
    pixels : uint8 array, shape (H, W, 3), RGB
        The image.
    face : Face
        In pixels of the image.
    crop : Crop
        Planned for this image.
    own : bool
        Whether the views may outlive the image: then a cut of less than half of it is a copy, which does not keep it in
        memory.

    Returns
    -------
    FaceViews
    """
    x0, y0, x1, y1 = crop.native
    u0, v0, u1, v1 = crop.context
    return FaceViews(
        native=_cut(pixels[y0:y1, x0:x1], whole=pixels, own=own),
        context=_cut(pixels[v0:v1, u0:u1], whole=pixels, own=own),
        face_in_context=(x0 - u0, y0 - v0, x1 - u0, y1 - v0),
        landmarks=(face.landmarks - np.array([x0, y0])).astype(np.float32),
        found=face.found,
    )


def _cut(part: NDArray[np.uint8], *, whole: NDArray[np.uint8], own: bool) -> NDArray[np.uint8]:
    """A part of an image; its own where it may outlive it and costs less memory than the image that it would keep."""
    return part.copy() if own and 2 * part.size < whole.size else part
