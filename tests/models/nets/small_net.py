"""A small net with two heads, and crops for it."""

import numpy as np

from models.nets.net_spec import NetSpec

SPEC = NetSpec(
    model="test_efficientnet",  # timm's smallest of the make that the recipe has
    model_args={},
    input="rgb",
    crop="aligned",
    size=64,
    mean=(0.5, 0.4, 0.3),
    std=(0.5, 0.25, 0.2),
    origin="test",
    heads=("labelled", "blend"),
)


def crops(n, size=64, seed=0):
    """n crops of noise, uint8 (size, size, 3)."""
    return list(np.random.default_rng(seed).integers(0, 256, (n, size, size, 3), dtype=np.uint8))
