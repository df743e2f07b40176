"""A demo set of small pictures, for runs in which nothing depends on their size."""

import pytest

from pipeline.demo import dataset
from pipeline.demo.person import draw_shot


def small_faces(folder, *, images):
    """The demo set with faces of half the sides, which every stage gets through several times as fast."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(dataset, "draw_shot", lambda rng: draw_shot(rng).scaled(0.5))
        dataset.make_dataset(folder, images=images, seed=0, workers=1)
