"""Each block of a bundle is timed alone, by what computes it."""

from types import SimpleNamespace

import numpy as np
import pytest

from benchmarks.speed import blocks
from features.views import TEMPLATE, Face, plan_crop


class Net:
    """Counts its calls."""

    spec = SimpleNamespace(crop="aligned", size=32)

    def __init__(self):
        self.calls = []

    def __call__(self, crops):
        self.calls.append(len(crops))


def bundle_of(names, pictures):
    """A bundle that finds a face in the middle of each picture; its net is not trained."""
    box = np.array([24, 24, 72, 72], np.float32)
    face = Face(True, 1, 1.0, box, (TEMPLATE * 48 + 24).astype(np.float32))
    searches = []

    def detect(images):
        searches.append(len(images))
        return [face] * len(images)

    def crop(pixels, face):
        height, width = pixels.shape[:2]
        return plan_crop(face, height=height, width=width, native=1.2, context=2.0, aligned=1.6)

    return SimpleNamespace(
        info=SimpleNamespace(blocks=dict.fromkeys(names)),
        nets={"rgb": Net()},
        crop=crop,
        detector=SimpleNamespace(detect=detect, searches=searches),
    )


@pytest.fixture
def pictures():
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (96, 96, 3), np.uint8) for _ in range(2)]


def test_every_block_has_its_cost(pictures):
    bundle = bundle_of(["face", "radial", "rgb"], pictures)
    costs = blocks.measure(bundle, pictures, rounds=3)
    assert list(costs) == ["face", "radial", "rgb"]
    assert all(ms > 0 for ms in costs.values())
    assert bundle.nets["rgb"].calls == [2] * 4  # a warm-up and three rounds
    assert bundle.detector.searches == [2] * 5  # and once to cut the pictures


def test_the_least_time_counts(pictures, monkeypatch):
    monkeypatch.setattr(
        blocks, "side_by_side", lambda *_, **__: SimpleNamespace(seconds={"face": [3.0, 1.0, 2.0]})
    )
    assert blocks.measure(bundle_of(["face"], pictures), pictures, rounds=3) == {"face": 500.0}


def test_the_table_has_shares_and_a_sum():
    assert blocks.table({"face": 3.0, "radial": 1.0}).splitlines()[1:] == [
        "| block | ms an image | share |",
        "|---|---|---|",
        "| face | 3.00 | 75% |",
        "| radial | 1.00 | 25% |",
        "| all | 4.00 | |",
    ]
