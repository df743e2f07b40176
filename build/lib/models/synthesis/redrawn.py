"""A real face and what a generator made of it, mixed: the last step of the kinds whose pictures are made once."""

from __future__ import annotations

import numpy as np

from features.views import Face
from models.kinds import Forgery
from models.synthesis.degradations import U8, to_bytes
from models.synthesis.self_blend import outline

_WEAKENED = 0.7  # of the forgeries
_LARGEST_SHARE = 0.5  # of the real picture in a weakened one
_INSIDE = 0.25  # of the forgeries are drawn inside the face's outline alone


def mix(pixels: U8, redrawn: U8, face: Face, rng: np.random.Generator) -> Forgery:
    """The generator's picture, in most draws weakened by the real one, whole or inside the face's outline.

    Weak traces teach more than strong ones [1]_.

    Parameters
    ----------
    pixels : uint8 array, shape (H, W, 3), RGB
    redrawn : uint8 array, shape (H, W, 3), RGB
        The same picture as a generator drew it.
    face : Face
    rng : np.random.Generator

    Returns
    -------
    Forgery
        Its real partner is the picture that was given.

    References
    ----------
    .. [1] Chen et al. 2025, "Dual Data Alignment Makes AI-Generated Image Detector Easier Generalizable",
       arXiv:2505.14359
    """
    share = rng.uniform(0, _LARGEST_SHARE) if rng.random() < _WEAKENED else 0.0
    mask = np.full(pixels.shape[:2], 1 - share, np.float32)
    if rng.random() < _INSIDE:
        mask *= outline(face, height=pixels.shape[0], width=pixels.shape[1], rng=rng)
    fake = pixels + (redrawn.astype(np.float32) - pixels) * mask[..., None]
    return Forgery(pixels, to_bytes(fake), mask)
