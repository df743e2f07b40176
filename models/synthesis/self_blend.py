"""Self-blended images: a face blended into a slightly changed copy of itself.

Only the traces of blending remain. Some faces are not blended but moulded: features pushed about by a smooth field,
as reenactment and beautifiers do.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from features.views import CENTRE, TEMPLATE, Face, similarity
from models.kinds import Forgery, pseudo_fake
from models.synthesis.degradations import F32, U8, blurred, compressed, down_up, noisy, sharpened, to_bytes

# Centre and half axes of the face's outline in units of the landmark template's square: brow to chin.
_OVAL_CENTRE = (0.5, 0.65)
_OVAL_AXES = (0.31, 0.38)
_RATIOS = (0.5, 0.75, 1.0, 1.0, 1.0)  # share of the changed copy in the mask, as often as listed
_OUTLINE = 48  # points of the outline
_MOULDED = 0.15  # of the pseudo-fakes
_MASK_SIDE = 112  # px of the picture that a mask is drawn in


@dataclass(frozen=True)
class Frame:
    """Coordinates that a face carries with it: the unit square of the landmark template.

    Attributes
    ----------
    matrix : float64 array, shape (2, 3)
        Unit square to px.
    size : float
        Side of the square, px.
    """

    matrix: NDArray[np.float64]
    size: float

    @classmethod
    def of(cls, face: Face, *, height: int, width: int) -> Frame:
        """From landmarks; without them the template is laid into the image's centred square.

        Parameters
        ----------
        face : Face
        height, width : int
            Of the image, px.

        Returns
        -------
        Frame
        """
        points = face.landmarks
        if not face.found or not np.isfinite(points).all():
            side = min(height, width)
            points = TEMPLATE * side + np.array([(width - side) / 2, (height - side) / 2])
        inward = similarity(np.asarray(points, dtype=np.float64), scale=1.0)
        linear = np.linalg.inv(inward[:, :2])
        # `similarity` centres its square on CENTRE of the template; the frame has the template's square.
        offset = linear @ (0.5 - CENTRE - inward[:, 2])
        return cls(np.hstack([linear, offset[:, None]]), float(np.hypot(linear[0, 0], linear[1, 0])))

    def to_pixels(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """From the unit square to the image.

        Parameters
        ----------
        points : float64 array, shape (n, 2)
            x and y in the unit square.

        Returns
        -------
        float64 array, shape (n, 2), px
        """
        return points @ self.matrix[:, :2].T + self.matrix[:, 2]


def outline(face: Face, *, height: int, width: int, rng: np.random.Generator) -> F32:
    """Draw a soft random mask of the face: the whole of it, its lower or its inner region.

    The hull is an oval about the landmarks whose radius wavers; its edge is eroded or widened by
    two blurs of random width with a threshold between them.

    Parameters
    ----------
    face : Face
    height, width : int
        Of the image, px.
    rng : np.random.Generator

    Returns
    -------
    float32 array, shape (H, W), in [0, 1]
    """
    frame = Frame.of(face, height=height, width=width)
    angle = np.linspace(0, 2 * np.pi, _OUTLINE, endpoint=False)
    radius = np.ones(_OUTLINE)
    for order in (2, 3, 4, 5):
        radius += rng.normal(0, 0.12 / order) * np.cos(order * angle + rng.uniform(0, 2 * np.pi))
    radius *= rng.uniform(0.75, 1.1)
    square = 2 / rng.uniform(2.0, 3.0)  # exponent of a superellipse: from an oval to a rounded box
    x = np.sign(np.cos(angle)) * np.abs(np.cos(angle)) ** square * _OVAL_AXES[0] * radius
    y = np.sign(np.sin(angle)) * np.abs(np.sin(angle)) ** square * _OVAL_AXES[1] * radius
    region = rng.random()
    if region < 0.15:
        y = np.maximum(y, rng.uniform(-0.15, 0.05))  # from the nose down
    elif region < 0.25:
        y = np.minimum(y, rng.uniform(0.0, 0.15))  # eyes and nose
    points = frame.to_pixels(np.stack([x + _OVAL_CENTRE[0], y + _OVAL_CENTRE[1]], axis=1))
    # Drawn small: blurs of this width cost most of a blend at full size and show nothing more there.
    scale = min(_MASK_SIDE / max(height, width), 1.0)
    mask = np.zeros((max(round(height * scale), 1), max(round(width * scale), 1)), np.float32)
    cv2.fillPoly(mask, [np.rint(points * scale * 8).astype(np.int32)], (1.0,), lineType=cv2.LINE_AA, shift=3)
    first, second = (frame.size * scale * rng.uniform(0.01, high) for high in (0.10, 0.08))
    mask = (blurred(mask, first) > rng.uniform(0.2, 0.8)).astype(np.float32)
    soft = cv2.resize(blurred(mask, second), (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(np.clip(soft, 0, 1), dtype=np.float32)


@pseudo_fake(name="blend")
def blend(pixels: U8, face: Face, rng: np.random.Generator) -> Forgery:
    """A self-blended image [1]_: copy and original differ in tone, sharpness and by a small warp, then blend.

    Either of the two is the base, and the base is the real partner: shown beside the picture as it was, a changed
    base would tell the fake by what lies outside the face. One in seven is a face that a smooth field moulds.

    Parameters
    ----------
    pixels : uint8 array, shape (H, W, 3), RGB
    face : Face
    rng : np.random.Generator

    Returns
    -------
    Forgery

    References
    ----------
    .. [1] Shiohara & Yamasaki 2022, "Detecting Deepfakes with Self-Blended Images", arXiv:2204.08376
    """
    height, width = pixels.shape[:2]
    mask = outline(face, height=height, width=width, rng=rng)
    if mask.any() and rng.random() < _MOULDED:
        return Forgery(real=pixels, fake=_moulded(pixels, face, mask, rng), mask=mask)
    changed = pixels.astype(np.float32)
    for change in (_tone, _texture):
        changed = change(changed, rng)
    base, source = pixels, changed
    if rng.random() < 0.5:
        base, source = to_bytes(changed), pixels.astype(np.float32)
    source = _warp(source, _small_warp(face, height=height, width=width, rng=rng))
    mask = mask * np.float32(rng.choice(_RATIOS))
    fake = to_bytes(base + (source - base) * mask[..., None])
    return Forgery(real=base, fake=fake, mask=mask)


def _moulded(pixels: U8, face: Face, mask: F32, rng: np.random.Generator) -> U8:
    """Moved where the mask is, by a smooth field of few random knots; 1 to 5 % of the face's size is its deviation."""
    height, width = pixels.shape[:2]
    size = Frame.of(face, height=height, width=width).size
    knots = int(rng.integers(3, 8))
    field = rng.normal(0, rng.uniform(0.01, 0.05) * size, (knots, knots, 2)).astype(np.float32)
    flag = (cv2.INTER_LINEAR, cv2.INTER_CUBIC)[rng.integers(2)]
    x, y, across, down = cv2.boundingRect((mask > 0).astype(np.uint8))
    region = np.s_[y : y + down, x : x + across]
    push = cv2.resize(field, (across, down), interpolation=cv2.INTER_CUBIC) * mask[region][..., None]
    columns = push[..., 0] + np.arange(x, x + across, dtype=np.float32)
    rows = push[..., 1] + np.arange(y, y + down, dtype=np.float32)[:, None]
    moulded = pixels.copy()
    moulded[region] = cv2.remap(pixels, columns, rows, flag, borderMode=cv2.BORDER_REFLECT_101)
    return moulded


def _tone(x: F32, rng: np.random.Generator) -> F32:
    """Shift of channels, contrast, brightness and saturation, each drawn: one affine map of colours."""
    gain = rng.normal(1.0, 0.07, 3) if rng.random() < 0.7 else np.full(3, rng.uniform(0.85, 1.15))
    shift = rng.uniform(-14, 14) + rng.normal(0, 6, 3)
    saturation = rng.uniform(0.75, 1.3)
    colours = gain[:, None] * (saturation * np.eye(3) + (1 - saturation) / 3)
    mean = np.array(cv2.mean(x)[:3])
    matrix = np.hstack([colours, (mean - colours @ mean + shift)[:, None]])
    return np.asarray(cv2.transform(x, matrix), dtype=np.float32)


def _texture(x: F32, rng: np.random.Generator) -> F32:
    """One change of fine structure: coarser sampling, sharpening, blur, noise, compression or none."""
    draw = rng.random()
    if draw < 0.35:
        return down_up(x, share=float(rng.uniform(0.35, 0.85)), rng=rng)
    if draw < 0.55:
        return sharpened(x, amount=float(rng.uniform(0.4, 1.6)), sigma=float(rng.uniform(0.6, 1.5)))
    if draw < 0.65:
        return blurred(x, float(rng.uniform(0.5, 1.3)))
    if draw < 0.80:
        return noisy(x, sigma=float(rng.uniform(1.5, 7)), rng=rng)
    if draw < 0.90:
        return compressed(to_bytes(x), quality=int(rng.integers(30, 85))).astype(np.float32)
    return x


def _small_warp(face: Face, *, height: int, width: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """A turn, zoom and shift about the face's middle by a few percent of its size, (2, 3) in px."""
    frame = Frame.of(face, height=height, width=width)
    middle = frame.to_pixels(np.array([_OVAL_CENTRE]))[0]
    turn = np.deg2rad(rng.normal(0, 1.5))
    zoom = np.exp(rng.normal(0, 0.025, 2))
    linear = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) * zoom
    shift = rng.normal(0, 0.015, 2) * frame.size
    return np.hstack([linear, (middle + shift - linear @ middle)[:, None]])


def _warp(x: F32, matrix: NDArray[np.float64]) -> F32:
    size = (x.shape[1], x.shape[0])
    return np.asarray(
        cv2.warpAffine(x, matrix, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT_101),
        dtype=np.float32,
    )
