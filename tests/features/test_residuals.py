"""The square kernel, and the pixels from which residuals are described."""

from __future__ import annotations

import numpy as np
from scipy import ndimage

from features.residuals import SQUARE, planes, row_stride, square_residual
from tests.features.pictures import gaussian


def test_square_residual_is_the_correlation_with_its_kernel():
    picture = gaussian(30, 40)
    expected = ndimage.correlate(picture, SQUARE.astype(np.float64), mode="mirror")
    np.testing.assert_allclose(square_residual(picture.astype(np.float32)), expected, atol=1e-3)


def test_square_residual_takes_channels_one_by_one():
    picture = np.stack([gaussian(20, 20, seed=seed) for seed in range(3)], axis=-1).astype(np.float32)
    for channel, residual in zip(np.moveaxis(picture, -1, 0), np.moveaxis(square_residual(picture), -1, 0)):
        np.testing.assert_allclose(residual, square_residual(np.ascontiguousarray(channel)), atol=1e-4)


def test_square_residual_of_rows_plus_columns_is_zero():
    rng = np.random.default_rng(0)
    picture = (rng.random((30, 1)) * 100 + rng.random((1, 40)) * 100).astype(np.float32)
    assert np.abs(square_residual(picture)).max() < 1e-4


def test_row_stride_reads_about_the_limit():
    assert [row_stride(pixels, 100) for pixels in (1, 100, 149, 151, 1000)] == [1, 1, 1, 2, 10]


def test_planes_are_the_channels_in_order():
    picture = np.arange(24, dtype=np.uint8).reshape(2, 4, 3)
    rows = planes(picture)
    assert rows.dtype == np.float32
    np.testing.assert_array_equal(rows, [picture[..., c].ravel() for c in range(3)])
