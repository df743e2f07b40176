"""What an image can be: real, a labelled fake, or a pseudo-fake of a registered kind."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.views import Face

REAL = "real"
LABELLED = "labelled"  # a fake of the data set, by its label; every other kind is made from real faces
DEGRADED = "degraded"  # a copy of any image, real or fake, that went through some use


@dataclass(frozen=True)
class Forgery:
    """A pseudo-fake and the real picture that it is to be told from.

    Both have to go through the same file and the same augmentation, so that nothing but the forgery is left to tell
    them apart.

    Attributes
    ----------
    real : uint8 array, shape (H, W, 3), RGB
        The real partner: the picture that was given, or the changed copy of it that the forgery was put into.
    fake : uint8 array, shape (H, W, 3), RGB
    mask : float32 array, shape (H, W), in [0, 1]
        Strength of the forgery at each pixel. Where it is 0, `real` and `fake` are the same bytes.
    """

    real: NDArray[np.uint8]
    fake: NDArray[np.uint8]
    mask: NDArray[np.float32]


Forge = Callable[[NDArray[np.uint8], Face, np.random.Generator], Forgery]
PSEUDO_FAKES: dict[str, Forge] = {}  # filled as `models.synthesis.pseudo_fakes` imports its neighbours


def pseudo_fake(*, name: str) -> Callable[[Forge], Forge]:
    """Register a function as a kind of pseudo-fake.

    Parameters
    ----------
    name : str
        Of the kind: lower-case letters. It becomes a column suffix and a key of `variants.pseudo_fakes`.

    Returns
    -------
    Callable
        A decorator that gives the function back as it was. The function takes pixels, uint8 (H, W, 3), RGB, the
        face in them, and a generator that decides everything that is drawn; it gives a `Forgery` of the same shape.

    Raises
    ------
    ValueError
        For a name that is taken or not of lower-case letters, or a function without a docstring.
    """

    def register(function: Forge) -> Forge:
        if name in (REAL, LABELLED, DEGRADED) or name in PSEUDO_FAKES:
            raise ValueError(f"kind of pseudo-fake '{name}' is taken; choose another name")
        if not (name.isascii() and name.isalpha() and name.islower()):
            raise ValueError(f"kind of pseudo-fake '{name}': allowed are lower-case letters a-z")
        if not (function.__doc__ or "").strip():
            raise ValueError(
                f"kind of pseudo-fake '{name}' has no docstring; say what it forges, and its source"
            )
        PSEUDO_FAKES[name] = function
        return function

    return register
