"""Forgeries made from real faces alone: what a detector can practise on without knowing any forger's tool."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from features.views import Face
from models.synthesis.degradations import U8
from models.synthesis.resynthesis import resynthesise
from models.synthesis.self_blend import blend

PSEUDOFAKES_VERSION = 3  # raised when a drawn picture changes; part of the address of all that comes of it

KINDS = ("blend", "resynthesis")


def make(kind: str, pixels: U8, face: Face, rng: np.random.Generator) -> U8:
    """A pseudo-fake of `kind` from a real face; the same shape, uint8 (H, W, 3), RGB.

    kind : one of KINDS. Without landmarks the outline is that of a face that fills the image.
    Raises ValueError for another kind.
    """
    makers: dict[str, Callable[[U8, Face, np.random.Generator], U8]] = {
        "blend": blend,
        "resynthesis": resynthesise,
    }
    if kind not in makers:
        raise ValueError(f"pseudo-fake kind '{kind}' is unknown; known are {', '.join(KINDS)}")
    return makers[kind](pixels, face, rng)
