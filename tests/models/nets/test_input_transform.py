"""What a backbone sees of a crop: standardised RGB, or residuals that no constant and no offset reaches."""

import dataclasses

import numpy as np
import pytest
import torch

from models.nets.input_transform import InputTransform
from tests.models.nets.small_net import SPEC, crops


@pytest.mark.parametrize("kind", ["rgb", "npr", "highpass"])
def test_transform_keeps_the_shape(kind):
    x = torch.from_numpy(np.stack(crops(2))).permute(0, 3, 1, 2)
    assert InputTransform(dataclasses.replace(SPEC, input=kind))(x).shape == (2, 3, 64, 64)


def test_rgb_transform_is_zero_at_the_mean():
    x = torch.full((1, 3, 8, 8), 0, dtype=torch.uint8)
    x[:, 0], x[:, 1], x[:, 2] = 127, 102, 77
    assert InputTransform(SPEC)(x).abs().max() < 0.02


def test_residual_transforms_see_no_constant_and_no_offset():
    x = torch.from_numpy(np.stack(crops(1)) // 2).permute(0, 3, 1, 2)
    for kind in ("npr", "highpass"):
        transform = InputTransform(dataclasses.replace(SPEC, input=kind))
        assert transform(torch.full((1, 3, 16, 16), 93, dtype=torch.uint8)).abs().max() < 1e-4
        torch.testing.assert_close(transform(x), transform(x + 50), atol=1e-3, rtol=0)


def test_npr_transform_is_the_difference_from_the_first_pixel_of_each_block():
    x = torch.zeros((1, 3, 4, 4), dtype=torch.uint8)
    x[0, 0, 1, 1] = 24
    out = InputTransform(dataclasses.replace(SPEC, input="npr"))(x)
    assert out[0, 0, 1, 1] == pytest.approx(2.0)
    assert out.abs().sum() == pytest.approx(2.0)


def test_rgb_is_one_at_a_deviation_above_the_mean():
    x = torch.zeros((1, 3, 8, 8), dtype=torch.uint8)
    x[:, 0], x[:, 1], x[:, 2] = 255, 166, 127  # 255 * (mean + std), rounded
    torch.testing.assert_close(InputTransform(SPEC)(x), torch.ones(1, 3, 8, 8), atol=0.02, rtol=0)


def test_highpass_of_an_edge_is_clipped():
    x = torch.zeros((1, 3, 16, 16), dtype=torch.uint8)
    x[..., 8:] = 255
    out = InputTransform(dataclasses.replace(SPEC, input="highpass"))(x)
    assert out.abs().max() == 5.0  # 20 grey levels over 4
    assert not out[..., :5].any()
