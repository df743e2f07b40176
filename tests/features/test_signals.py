"""Pictures and transforms that blocks share."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.fft

from features import signals as module
from features.signals import MAX_NATIVE, Signals
from features.spectral import blocks, compute
from tests.features.pictures import as_views, noise, textured


def test_pixels_are_the_native_cut_itself():
    pixels = noise(90, 120)
    np.testing.assert_array_equal(Signals(as_views(pixels)).pixels, pixels)


def test_a_large_face_is_read_through_its_centred_window_on_the_grid():
    pixels = noise(MAX_NATIVE + 100, MAX_NATIVE + 41)
    window = Signals(as_views(pixels)).pixels
    np.testing.assert_array_equal(window, pixels[48 : 48 + MAX_NATIVE, 16 : 16 + MAX_NATIVE])


def test_a_large_context_is_read_about_the_face(monkeypatch):
    monkeypatch.setattr(module, "MAX_CONTEXT", 64)
    signals = Signals(as_views(noise(120, 140), margin=40))
    x0, y0, x1, y1 = signals.face_rectangle
    assert signals.context_ycc.shape == (64, 64, 3)
    assert (x0, y0, x1, y1) == (2, 12, 62, 52)
    np.testing.assert_allclose(signals.context_ycc[y0:y1, x0:x1, 0], signals.luma[:, :], rtol=1e-5)
    assert signals.bands[0].shape == (40, 60, 3)


def test_landmarks_follow_into_the_context():
    views = as_views(noise(80, 80), margin=10)
    np.testing.assert_allclose(Signals(views).landmarks, views.landmarks + 10)
    assert Signals(as_views(noise(80, 80), found=False)).landmarks is None


def test_block_dct_keeps_the_energy_and_sees_one_basis_function():
    basis = scipy.fft.idct(np.eye(8)[2], norm="ortho")[:, None]
    basis = basis * scipy.fft.idct(np.eye(8)[3], norm="ortho")[None, :]
    # Blocks start at (4, 4): the picture is the basis function repeated from there.
    tile = np.roll(np.tile(basis, (5, 6)), (4, 4), axis=(0, 1))
    pixels = np.rint(128 + 300 * tile).astype(np.uint8)[..., None].repeat(3, axis=2)
    coefficients = Signals(as_views(pixels)).block_dct
    inner = pixels[4:-4, 4:-4, 0].astype(float)
    assert coefficients.shape == (64, 4 * 5)
    np.testing.assert_allclose(coefficients[8 * 2 + 3], 300, atol=3)
    assert np.abs(np.delete(coefficients, 8 * 2 + 3, axis=0)).max() < 3
    assert np.square(coefficients).sum() == pytest.approx(np.square(inner - inner.mean()).sum(), rel=1e-4)


def test_npr_of_a_constant_picture_is_zero():
    assert not Signals(as_views(np.full((20, 20, 3), 77, np.uint8))).npr.any()


def test_npr_is_the_difference_to_the_first_pixel_of_each_cell():
    pixels = noise(30, 40).astype(np.float32)
    npr = Signals(as_views(pixels.astype(np.uint8))).npr.reshape(3, 3, 15, 20)
    upsampled = pixels[::2, ::2].repeat(2, axis=0).repeat(2, axis=1)
    residual = pixels - upsampled
    np.testing.assert_array_equal(npr[:, 0], residual[::2, 1::2].transpose(2, 0, 1))
    np.testing.assert_array_equal(npr[:, 1], residual[1::2, ::2].transpose(2, 0, 1))
    np.testing.assert_array_equal(npr[:, 2], residual[1::2, 1::2].transpose(2, 0, 1))


def test_bands_and_the_rest_add_up_to_the_picture():
    signals = Signals(as_views(textured(64, 64)))
    rest = signals.context_ycc - sum(signals.context_bands)
    assert rest[..., 0].std() < signals.luma.std()
    assert np.abs(rest.mean((0, 1)) - signals.context_ycc.mean((0, 1))).max() < 2


@pytest.mark.parametrize(("height", "width"), [(1, 1), (15, 200), (200, 15)])
def test_small_pictures_have_no_transform(height, width):
    signals = Signals(as_views(noise(height, width)))
    assert signals.spectrum is None and signals.log_dct is None and signals.block_dct is None


def test_shared_work_is_done_once(monkeypatch):
    calls = []
    original = scipy.fft.rfft2
    monkeypatch.setattr(scipy.fft, "rfft2", lambda *a, **k: calls.append(1) or original(*a, **k))
    compute(as_views(textured(64, 64)), list(blocks()))
    assert len(calls) == 1
