"""Forgeries of real faces whose mask is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.quality.forgeries import clone, oval, swap
from benchmarks.quality.portraits import Portrait
from features.views import TEMPLATE
from models.kinds import Forgery
from models.synthesis.frame import Frame
from models.synthesis.self_blend import blend

U8 = NDArray[np.uint8]
Mask = NDArray[np.bool_]
_INSIDE = 0.5  # share of a mask's largest strength from which a pixel is forged
_WORN = 0.05  # below it a pixel is untouched
# Middle, in points of the landmark template, and half axes, in its units: parts that are forged alone.
_PARTS = {
    "eyes": (TEMPLATE[:2].mean(axis=0), (0.33, 0.13)),
    "mouth": (TEMPLATE[3:].mean(axis=0), (0.24, 0.13)),
}


@dataclass(frozen=True)
class Forged:
    """A forgery beside the real picture that it was put into.

    Attributes
    ----------
    real, fake : uint8 array, shape (H, W, 3), RGB
    inside, outside : bool array, shape (H, W)
        Pixels that were forged, and those that were not; what lies between is neither.
    """

    real: U8
    fake: U8
    inside: Mask
    outside: Mask

    @classmethod
    def of(cls, forgery: Forgery) -> Forged:
        """From a forgery with a soft mask."""
        top = float(forgery.mask.max())
        inside, outside = forgery.mask >= _INSIDE * top, forgery.mask <= _WORN * top
        return cls(forgery.real, forgery.fake, inside, outside)


def swapped(portrait: Portrait, donor: Portrait, rng: np.random.Generator) -> Forged:
    """Another person's face, feathered in and matched in colour."""
    return _pasted(portrait, swap(portrait, donor))


def cloned(portrait: Portrait, donor: Portrait, rng: np.random.Generator) -> Forged:
    """Another person's face, joined by gradients."""
    return _pasted(portrait, clone(portrait, donor))


def _pasted(portrait: Portrait, fake: U8) -> Forged:
    """What was pasted into the face's oval."""
    mask = oval(portrait.face, portrait.pixels.shape, shrink=0.92)
    reach = 0.25 * float(np.linalg.norm(portrait.face.landmarks[0] - portrait.face.landmarks[1]))
    return Forged.of(Forgery(portrait.pixels, fake, cv2.GaussianBlur(mask, (0, 0), reach / 2)))


def blended(portrait: Portrait, donor: Portrait, rng: np.random.Generator) -> Forged:
    """The product's own pseudo-fake: a changed copy blended in, by masks from a single eye to the whole face."""
    return Forged.of(blend(portrait.pixels, portrait.face, rng))


def _part(name: str) -> Callable[[Portrait, Portrait, np.random.Generator], Forged]:
    middle, axes = _PARTS[name]

    def forge(portrait: Portrait, donor: Portrait, rng: np.random.Generator) -> Forged:
        height, width = portrait.pixels.shape[:2]
        frame = Frame.of(portrait.face, height=height, width=width)
        angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
        ring = middle + np.stack([axes[0] * np.cos(angle), axes[1] * np.sin(angle)], axis=1)
        mask = np.zeros((height, width), np.float32)
        corners = np.rint(frame.to_pixels(ring) * 16).astype(np.int32)
        cv2.fillPoly(mask, [corners], (1.0,), lineType=cv2.LINE_AA, shift=4)
        mask = np.asarray(cv2.GaussianBlur(mask, (0, 0), 0.02 * frame.size), np.float32)[..., None]
        whole = swap(portrait, donor).astype(np.float32)
        fake = np.rint(portrait.pixels * (1 - mask) + whole * mask).astype(np.uint8)
        return Forged.of(Forgery(portrait.pixels, fake, mask[..., 0]))

    return forge


KINDS: dict[str, Callable[[Portrait, Portrait, np.random.Generator], Forged]] = {
    "swap": swapped,
    "clone": cloned,
    "eyes": _part("eyes"),
    "mouth": _part("mouth"),
    "blend": blended,
}
