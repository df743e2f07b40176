"""Forgeries made from real faces alone: what a detector can practise on without knowing any forger's tool.

Importing this module imports every module of `models.synthesis`, which registers its kind: a new one is a function
with `models.kinds.pseudo_fake` in a module of its own there.
"""

from __future__ import annotations

from importlib import import_module
from pkgutil import iter_modules

import numpy as np

from features.views import Face
from models import synthesis
from models.kinds import PSEUDO_FAKES, Forge, Forgery
from models.synthesis.degradations import U8

for _module in iter_modules(synthesis.__path__):
    import_module(f"{synthesis.__name__}.{_module.name}")


def kinds() -> tuple[str, ...]:
    """Names of the registered kinds, sorted: whoever imports a kind's module first has no say in their order."""
    return tuple(sorted(PSEUDO_FAKES))


def code_of(kind: str) -> str:
    """Where the function of a kind is, as `module:name`: the start of its fingerprint."""
    function = _function(kind)
    return f"{function.__module__}:{function.__qualname__}"


def forge(kind: str, pixels: U8, face: Face, rng: np.random.Generator) -> Forgery:
    """A pseudo-fake of a real face, and its real partner.

    Parameters
    ----------
    kind : str
        One of `kinds`.
    pixels : uint8 array, shape (H, W, 3), RGB
    face : Face
        Without landmarks the outline is that of a face that fills the image.
    rng : numpy.random.Generator
        Decides everything that is drawn.

    Returns
    -------
    Forgery

    Raises
    ------
    ValueError
        For another kind.
    """
    return _function(kind)(pixels, face, rng)


def _function(kind: str) -> Forge:
    if kind not in PSEUDO_FAKES:
        raise ValueError(f"kind of pseudo-fake '{kind}' is unknown; known are {', '.join(kinds())}")
    return PSEUDO_FAKES[kind]
