"""Self-blended images: a face blended into a slightly changed copy of itself.

Only the traces of blending remain. Some faces are not blended but moulded: features pushed about by a smooth field,
as reenactment and beautifiers do.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from features.views import Face
from models.kinds import Forgery, pseudo_fake
from models.synthesis.degradations import F32, U8, blurred, compressed, down_up, noisy, sharpened, to_bytes
from models.synthesis.distractors import distracted
from models.synthesis.frame import Frame
from models.synthesis.masks import OVAL_CENTRE, outline

_RATIOS = (0.5, 0.75, 1.0, 1.0, 1.0)  # share of the changed copy in the mask, as often as listed
_MOULDED = 0.15  # of the pseudo-fakes
_SEAMLESS = 0.15  # of the blends
_DISTRACTED = 0.25  # of the pseudo-fakes
_LEAST_SOLVED = 16  # px, sides of a mask that Poisson's equation is solved in


@pseudo_fake(name="blend")
def blend(pixels: U8, face: Face, rng: np.random.Generator) -> Forgery:
    """A self-blended image [1]_: copy and original differ in tone, sharpness and by a small warp, then blend.

    Either of the two is the base, and the base is the real partner: shown beside the picture as it was, a changed
    base would tell the fake by what lies outside the face. Some seams are Poisson's [2]_; one pseudo-fake in seven
    is a face that a smooth field moulds; some pairs share a harmless local change.

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
    .. [2] Pérez, Gangnet & Blake 2003, "Poisson image editing", doi:10.1145/882262.882269
    """
    height, width = pixels.shape[:2]
    mask = outline(face, height=height, width=width, rng=rng)
    make = _moulded if rng.random() < _MOULDED else _blended
    forgery = make(pixels, face, mask, rng)
    return distracted(forgery, face, rng) if rng.random() < _DISTRACTED else forgery


def _blended(pixels: U8, face: Face, mask: F32, rng: np.random.Generator) -> Forgery:
    """Base and warped source, one of them changed, blended by the mask or by Poisson's equation inside it."""
    height, width = mask.shape
    changed = pixels.astype(np.float32)
    for change in (_tone, _texture):
        changed = change(changed, rng)
    base, source = pixels, changed
    if rng.random() < 0.5:
        base, source = to_bytes(changed), pixels.astype(np.float32)
    mask = mask * np.float32(rng.choice(_RATIOS))
    x, y, across, down = cv2.boundingRect((mask > 0).astype(np.uint8))
    place = np.s_[y : y + down, x : x + across]
    moved = _warp(source, _small_warp(face, height=height, width=width, rng=rng), place)
    if rng.random() < _SEAMLESS:
        moved = _seamless(moved, base[place], mask[place])
    fake = base.copy()
    fake[place] = to_bytes(base[place] + (moved - base[place]) * mask[place][..., None])
    return Forgery(real=base, fake=fake, mask=mask)


def _seamless(source: F32, base: U8, mask: F32) -> F32:
    """The source with the base's tone along the mask's edge: Poisson's equation with the source's gradients.

    OpenCV solves it in the mask's bounding rectangle, so the caller still blends by the mask, as face swappers do.
    A mask whose inner part reaches the rectangle's border, as one cut off by the picture does, or is too small to be
    solved in leaves the source as it is.
    """
    inner = (mask > 0.1 * mask.max()).astype(np.uint8) * 255
    rim = np.concatenate([inner[[0, -1]].ravel(), inner[:, [0, -1]].ravel()])
    x, y, across, down = cv2.boundingRect(inner)
    if rim.any() or min(across, down) < _LEAST_SOLVED:
        return source
    middle = (x + across // 2, y + down // 2)
    solved = cv2.seamlessClone(to_bytes(source), base, inner, middle, cv2.NORMAL_CLONE)
    return np.asarray(solved, dtype=np.float32)


def _moulded(pixels: U8, face: Face, mask: F32, rng: np.random.Generator) -> Forgery:
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
    moulded[region] = cv2.remap(pixels, columns, rows, flag, borderMode=cv2.BORDER_REFLECT)
    return Forgery(real=pixels, fake=moulded, mask=mask)


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
    middle = frame.to_pixels(np.array([OVAL_CENTRE]))[0]
    turn = np.deg2rad(rng.normal(0, 1.5))
    zoom = np.exp(rng.normal(0, 0.025, 2))
    linear = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) * zoom
    shift = rng.normal(0, 0.015, 2) * frame.size
    return np.hstack([linear, (middle + shift - linear @ middle)[:, None]])


def _warp(x: F32, matrix: NDArray[np.float64], place: tuple[slice, slice]) -> F32:
    """The rectangle `place` of the warped picture."""
    rows, columns = place
    shifted = matrix - np.array([[0, 0, columns.start], [0, 0, rows.start]])
    size = (columns.stop - columns.start, rows.stop - rows.start)
    warped = cv2.warpAffine(x, shifted, size, flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REFLECT)
    return np.asarray(warped, dtype=np.float32)
