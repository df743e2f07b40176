"""Harmless local changes that the real picture and its fake share.

With them not every local inconsistency is a forgery: only the one at the face is.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from features.views import Face
from models.kinds import Forgery
from models.synthesis.degradations import F32, blurred, noisy, to_bytes
from models.synthesis.frame import Frame
from models.synthesis.masks import oval, soft_mask

_LEAST_LEFT = 0.5  # of a forgery's strength that an object in front of it has to leave


def distracted(forgery: Forgery, face: Face, rng: np.random.Generator) -> Forgery:
    """One change of tone, grain or sharpness in a soft-edged region, or an object in front, in both pictures alike.

    Parameters
    ----------
    forgery : Forgery
    face : Face
    rng : np.random.Generator

    Returns
    -------
    Forgery
        Its mask is 0 where the object hides the forgery.
    """
    height, width = forgery.mask.shape
    frame = Frame.of(face, height=height, width=width)
    where = soft_mask(
        [_region(frame, height=height, width=width, rng=rng)], height=height, width=width, rng=rng
    )
    x, y, across, down = cv2.boundingRect((where > 0).astype(np.uint8))
    if not across:
        return forgery
    place = np.s_[y : y + down, x : x + across]
    alpha, mask = where[place], forgery.mask
    draw, change = int(rng.integers(2**32)), _CHANGES[rng.integers(len(_CHANGES))]
    if change is _object:
        alpha = np.clip((alpha - 0.4) * 5, 0, 1)  # an edge as sharp as that of things
        mask = mask.copy()
        mask[place] *= 1 - alpha
        if mask.sum() < _LEAST_LEFT * forgery.mask.sum():
            return forgery
    real, fake = forgery.real.copy(), forgery.fake.copy()
    for picture in (real, fake):
        before = picture[place].astype(np.float32)
        after = change(before, np.random.default_rng(draw))
        picture[place] = to_bytes(before + (after - before) * alpha[..., None])
    # A blur carries the forgery a little beyond its mask.
    fake[place][mask[place] == 0] = real[place][mask[place] == 0]
    return replace(forgery, real=real, fake=fake, mask=mask)


def _region(frame: Frame, *, height: int, width: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Corners, px, of an oval or a bar about any point of the picture or, in half of the draws, of the face."""
    middle = rng.uniform(0, 1, 2) * (width, height)
    if rng.random() < 0.5:
        middle = frame.to_pixels(rng.uniform(0, 1.1, (1, 2)))[0]
    size = frame.size * rng.uniform(0.15, 0.5)
    shape = (oval(rng) - 0.5) * (1, rng.uniform(0.3, 1))
    turn = rng.uniform(0, 2 * np.pi)
    rotation = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    return middle + size * shape @ rotation.T


def _tone(x: F32, rng: np.random.Generator) -> F32:
    return x * rng.normal(1, 0.08, 3).astype(np.float32) + np.float32(rng.uniform(-15, 15))


def _grain(x: F32, rng: np.random.Generator) -> F32:
    return noisy(x, sigma=float(rng.uniform(2, 7)), rng=rng)


def _blur(x: F32, rng: np.random.Generator) -> F32:
    return blurred(x, float(rng.uniform(0.5, 2)))


def _object(x: F32, rng: np.random.Generator) -> F32:
    """A thing of one colour, shaded from one side to the other, with some grain."""
    height, width = x.shape[:2]
    shade = rng.normal(0, 12, (2, 2, 1)) + rng.uniform(20, 235, 3)
    thing = cv2.resize(shade.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    return noisy(np.asarray(thing, dtype=np.float32), sigma=float(rng.uniform(0.5, 3)), rng=rng)


_CHANGES = (_tone, _grain, _blur, _object)
