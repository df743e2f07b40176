"""Where a number lies among the training images."""

import numpy as np
import pytest
from safetensors.numpy import save

from models.stacker.reference import LEVELS, Reference


def fitted(n=4000):
    rng = np.random.default_rng(0)
    target = np.arange(n) % 2
    features = np.stack([rng.normal(size=n) + 2 * target, np.full(n, np.nan), np.ones(n)], 1)
    return Reference.fit(features.astype(np.float32), target)


def test_medians_are_those_of_the_classes():
    real, fake = fitted().medians()
    assert real[0] == pytest.approx(0, abs=0.1)
    assert fake[0] == pytest.approx(2, abs=0.1)
    assert np.isnan(real[1])
    assert np.isnan(fake[1])


@pytest.mark.parametrize(("value", "share"), [(-9, 0), (0, 0.5), (1.2816, 0.9), (9, 1)])
def test_place_is_the_share_of_smaller_numbers(value, share):
    above_real, above_fake = fitted().place(np.array([value, 0, 1], np.float32))
    assert above_real[0] == pytest.approx(share, abs=0.02)
    assert above_fake[0] <= above_real[0]
    assert np.isnan(above_real[1])
    assert above_real[2] == 0.5  # all the same: neither above nor below


def test_a_missing_number_has_no_place():
    above_real, _ = fitted().place(np.full(3, np.nan, np.float32))
    assert np.isnan(above_real).all()


def test_one_class_alone_leaves_the_other_without_quantiles(tmp_path):
    reference = Reference.fit(np.ones((5, 2), np.float32), np.zeros(5, int))
    assert np.isnan(reference.fake).all()
    reference.save(tmp_path)
    loaded = Reference.load((tmp_path / "reference.safetensors").read_bytes(), columns=2)
    np.testing.assert_array_equal(loaded.real, reference.real)
    assert loaded.real.shape == (LEVELS, 2)


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"real": np.zeros((LEVELS, 2), np.float32)}, "holds real instead of fake, real"),
        (
            {"real": np.zeros((3, 2), np.float32), "fake": np.zeros((3, 2), np.float32)},
            "is not .101, 2. float32",
        ),
        (
            dict.fromkeys(("real", "fake"), np.full((LEVELS, 2), np.inf, np.float32)),
            "is not .101, 2. float32",
        ),
        (
            dict.fromkeys(("real", "fake"), -np.indices((LEVELS, 2))[0].astype(np.float32)),
            "of fake do not rise",
        ),
    ],
)
def test_what_is_no_reference_is_refused(arrays, message):
    with pytest.raises(ValueError, match=message):
        Reference.load(save(arrays), columns=2)


def test_other_bytes_are_refused():
    with pytest.raises(ValueError, match="is no safetensors file"):
        Reference.load(b"something else", columns=2)
