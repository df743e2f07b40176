"""Each family on pictures whose numbers are known beforehand."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
import pywt
import scipy.fft

from features.blocks.blockdct import benford
from features.blocks.contrast import regions
from features.blocks.phase import bicoherence
from features.blocks.srm import T, triples
from features.blocks.upsampling import autocorrelation, grid_peak, trace_peaks
from features.blocks.wavelet import transform
from features.moments import LOG_FLOOR, correlations, shapes
from features.signals import Signals
from features.spectral import blocks


def grey(values) -> np.ndarray:
    """uint8 (H, W, 3) of a real array."""
    return np.clip(np.rint(values), 0, 255).astype(np.uint8)[..., None].repeat(3, axis=2)


def wave(height, width, *, fy=0.0, fx=0.0, amplitude=60.0) -> np.ndarray:
    y, x = np.mgrid[:height, :width]
    return 128 + amplitude * np.cos(2 * np.pi * (fy * y + fx * x) + 0.3)


def gaussian(height, width, *, seed=0, deviation=20.0) -> np.ndarray:
    return 128 + deviation * np.random.default_rng(seed).standard_normal((height, width))


@pytest.fixture(name="measure")
def measure_fixture(as_views):
    """(block, pixels, margin) -> column without the block's name -> value."""

    def measure(name, pixels, margin=0):
        block = blocks()[name]
        values = block.compute(Signals(as_views(pixels, margin=margin)))
        short = (column.removeprefix(f"{name}.") for column in block.columns)
        return dict(zip(short, values.tolist(), strict=True))

    return measure


class TestMoments:
    def test_shapes_of_known_distributions(self):
        rng = np.random.default_rng(0)
        rows = np.stack([rng.standard_normal(200_000), rng.laplace(size=200_000)])
        level, ratio, kurtosis = shapes(rows.astype(np.float32))
        np.testing.assert_allclose(level, np.log([np.sqrt(2 / np.pi) + LOG_FLOOR, 1.01]), atol=0.01)
        np.testing.assert_allclose(ratio, [2 / np.pi, 0.5], atol=0.01)
        np.testing.assert_allclose(kurtosis, np.log([3, 6]), atol=0.05)

    def test_shapes_of_nothing_are_nan_but_for_the_level(self):
        level, ratio, kurtosis = shapes(np.zeros((1, 50), np.float32))
        assert level[0] == pytest.approx(np.log(LOG_FLOOR))
        assert np.isnan([ratio[0], kurtosis[0]]).all()

    def test_correlations_agree_with_numpy_and_are_nan_for_a_constant(self):
        rows = np.random.default_rng(0).standard_normal((3, 500)).astype(np.float32)
        rows[1] += rows[0]
        np.testing.assert_allclose(correlations(rows), np.corrcoef(rows), atol=1e-5)
        rows[2] = 5
        assert np.isnan(correlations(rows)[2]).all()


class TestRadial:
    @pytest.mark.parametrize(("fy", "fx"), [(0, 0.2), (0.2, 0), (0.12, 0.16)])
    def test_a_sinusoid_lands_in_its_bin(self, measure, fy, fx):
        found = measure("radial", grey(wave(160, 160, fy=fy, fx=fx)))
        bins = [found[f"bin_{i:02d}"] for i in range(45)]
        assert np.argmax(bins) == int(0.2 * 64)

    def test_white_noise_is_flat(self, measure):
        found = measure("radial", grey(gaussian(256, 256)))
        assert abs(found["slope_all"]) < 0.1 and found["roughness"] < 0.3
        assert all(abs(found[f"excess_{k}"]) < 0.25 for k in ("upper", "top", "corner"))
        assert all(abs(found[f"bin_{i:02d}"]) < 0.3 for i in range(10, 45))

    def test_pink_noise_falls_with_the_square(self, measure):
        frequency = np.hypot(np.fft.fftfreq(256)[:, None], np.fft.rfftfreq(256)[None, :])
        frequency[0, 0] = 1
        picture = scipy.fft.irfft2(scipy.fft.rfft2(gaussian(256, 256) - 128) / frequency)
        found = measure("radial", grey(128 + 30 * picture / picture.std()))
        assert found["slope_all"] == pytest.approx(-2, abs=0.1)

    def test_added_high_frequency_is_an_excess(self, measure):
        smooth = cv2.GaussianBlur(gaussian(128, 128, deviation=60), (0, 0), 1.0)
        plain = measure("radial", grey(smooth + gaussian(128, 128, seed=1, deviation=0.5) - 128))
        extra = measure("radial", grey(smooth + gaussian(128, 128, seed=1, deviation=5) - 128))
        assert extra["excess_top"] > plain["excess_top"] + 1

    def test_does_not_depend_on_the_size(self, measure):
        small, large = (measure("radial", grey(gaussian(s, s))) for s in (128, 384))
        for i in range(8, 44):
            assert small[f"bin_{i:02d}"] == pytest.approx(large[f"bin_{i:02d}"], abs=0.4)


class TestAngular:
    def test_horizontal_frequency_is_at_zero_degrees(self, measure):
        found = measure("angular", grey(wave(128, 128, fx=0.3) + gaussian(128, 128) - 128))
        sectors = [found[f"upper_{15 * i:02d}"] for i in range(7)]
        assert np.argmax(sectors) == 0
        assert found["upper_horizontal_vs_vertical"] > 0 and found["upper_axes_vs_diagonal"] > 0

    def test_transposing_swaps_the_axes(self, measure, textured):
        pixels = textured(128, 128)
        one, other = (measure("angular", np.ascontiguousarray(p)) for p in (pixels, pixels.swapaxes(0, 1)))
        for band in ("low", "mid", "upper", "top"):
            assert one[f"{band}_00"] == pytest.approx(other[f"{band}_90"], abs=1e-3)
            assert one[f"{band}_spread"] == pytest.approx(other[f"{band}_spread"], abs=1e-3)

    def test_white_noise_has_no_direction(self, measure):
        found = measure("angular", grey(gaussian(256, 256)))
        assert max(abs(v) for k, v in found.items() if not k.startswith("low")) < 0.35


class TestUpsampling:
    @pytest.mark.parametrize("mode", [cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC])
    def test_enlarging_by_two_on_pixel_edges_has_period_two(self, measure, mode):
        large = cv2.resize(gaussian(80, 80, deviation=40), (160, 160), interpolation=mode)
        self._has_period_two(measure, large, "cross")

    def test_enlarging_by_two_on_pixel_centres_has_period_two(self, measure):
        large = np.zeros((160, 160))
        large[::2, ::2] = gaussian(80, 80, deviation=40)
        kernel = np.array([0.5, 1, 0.5])
        self._has_period_two(measure, cv2.sepFilter2D(large, -1, kernel, kernel), "second")

    @staticmethod
    def _has_period_two(measure, large, trace):
        plain, enlarged = (measure("upsampling", grey(p)) for p in (gaussian(160, 160), large))
        for axis in "xy":
            assert enlarged[f"{trace}_{axis}_p2"] > plain[f"{trace}_{axis}_p2"] + 2
            assert enlarged[f"{trace}_{axis}_p2_over_p8"] > 2

    def test_enlarged_chroma_has_period_two(self, measure):
        pixels = grey(gaussian(160, 160)).astype(float)
        pixels[..., 0] += (gaussian(80, 80, seed=1) - 128).repeat(2, axis=0).repeat(2, axis=1)
        found = measure("upsampling", np.clip(pixels, 0, 255).astype(np.uint8))
        assert min(found["chroma_x_p2"], found["chroma_y_p2"]) > 3

    def test_inserted_zeros_have_peaks_on_the_grid(self, measure):
        picture = np.zeros((128, 128))
        picture[::2, ::2] = gaussian(64, 64)
        found = measure("upsampling", grey(picture))
        assert min(found[f"peak_{k}"] for k in ("half_half", "half_zero", "zero_half")) > 2
        assert abs(found["peak_quarter_quarter"]) < 1.5

    def test_a_jpeg_grid_is_not_taken_for_period_two(self, measure):
        blocks_of_eight = np.kron(gaussian(20, 20, deviation=30) - 128, np.ones((8, 8)))
        found = measure("upsampling", grey(gaussian(160, 160, deviation=3) + blocks_of_eight))
        for trace in ("second_x", "second_y", "cross_x", "cross_y"):
            assert min(found[f"{trace}_p8"], found[f"{trace}_p8x3"]) > 2
            assert found[f"{trace}_p2_over_p8"] < 1.5

    def test_a_trace_of_period_four(self):
        trace = np.tile([1.0, 0, 0, 0], 32) + 0.01 * np.random.default_rng(0).random(128)
        p2, p4, p8, p8x3 = trace_peaks(trace)
        assert min(p2, p4) > 5 > max(p8, p8x3)

    @pytest.mark.parametrize("trace", [np.zeros(64), np.random.default_rng(0).random(24)])
    def test_a_flat_or_short_trace_is_not_measured(self, trace):
        assert np.isnan(trace_peaks(trace)).all()

    @pytest.mark.parametrize(("fy", "fx"), [(0.25, 0.25), (0, 0.5), (0.5, 0), (0.25, 0.5)])
    def test_grid_peak_sees_a_wave_only_where_it_is(self, as_views, fy, fx):
        pixels = grey(wave(128, 128, fy=fy, fx=fx) + gaussian(128, 128, deviation=4) - 128)
        power = Signals(as_views(pixels)).spectrum.power
        assert grid_peak(power, fy=fy, fx=fx) > 3
        assert abs(grid_peak(power, fy=0.375, fx=0.125)) < 1.5

    def test_autocorrelation_of_white_noise_is_that_of_the_cross_difference(self, as_views):
        lags = autocorrelation(Signals(as_views(grey(gaussian(256, 256)))).spectrum)
        expected = np.array([1, -0.5] + [0] * 8)
        np.testing.assert_allclose(lags, [expected, expected], atol=0.03)


class TestBlockDct:
    def test_white_noise_has_equal_scales_and_gaussian_shape(self, measure):
        found = measure("blockdct", grey(gaussian(256, 256)))
        assert max(abs(v) for k, v in found.items() if k.startswith("scale")) < 0.1
        for d in range(1, 15):
            assert found[f"shape_{d:02d}"] == pytest.approx(2 / np.pi, abs=0.03)
        assert found["kurtosis_06"] == pytest.approx(np.log(3), abs=0.15)

    def test_scales_are_ratios(self, measure):
        weak, strong = (measure("blockdct", grey(gaussian(128, 128, deviation=s))) for s in (10, 30))
        assert weak["scale_01"] == pytest.approx(strong["scale_01"], abs=0.02)

    def test_a_blurred_picture_falls_with_frequency(self, measure):
        found = measure("blockdct", grey(cv2.GaussianBlur(gaussian(128, 128), (0, 0), 1.2)))
        assert found["scale_01"] > found["scale_10"] > found["scale_d8"]

    def test_benford(self):
        magnitudes = 10 ** np.random.default_rng(0).uniform(0, 3, 50_000)
        assert benford(magnitudes.astype(np.float32)) < 1e-3
        assert benford(np.full(1000, 55, np.float32)) > 1
        assert np.isnan(benford(np.ones(99, np.float32)))

    @pytest.mark.parametrize("magnitude", [3.2, 32.0, 320.0, 999.5])
    def test_first_digits_at_every_scale(self, magnitude):
        one = np.full(500, magnitude, np.float32)
        digit = int(str(magnitude)[0])
        rest = -np.log(np.log10(1 + 1 / digit))
        assert benford(one) == pytest.approx(rest, abs=0.1)


def test_logdct_puts_one_coefficient_into_its_bin(measure):
    coefficients = np.zeros((96, 120))
    coefficients[30, 45] = 4000.0
    found = measure("logdct", grey(128 + scipy.fft.idctn(coefficients, norm="ortho")))
    bins = [found[f"bin_{i:02d}"] for i in range(36)]
    assert np.argmax(bins) == int((30 / 96 + 45 / 120) * 18)


def test_logdct_of_white_noise_is_flat(measure):
    found = measure("logdct", grey(gaussian(256, 256)))
    assert max(abs(found[f"bin_{i:02d}"]) for i in range(3, 34)) < 0.2
    assert max(abs(v) for k, v in found.items() if k.startswith("mid")) < 0.1


class TestNpr:
    def test_a_constant_picture_has_none(self, measure):
        found = measure("npr", grey(np.full((64, 64), 90.0)))
        assert found["level_g_right"] == pytest.approx(np.log(LOG_FLOOR))
        assert found["share_0"] == 1 and found["share_1"] == 0
        assert np.isnan(found["corr_g_right_below"])

    def test_phases_of_white_noise_share_half_their_variance(self, measure, noise):
        found = measure("npr", noise(180, 180))
        for pair in ("right_below", "right_diagonal", "below_diagonal"):
            assert found[f"corr_g_{pair}"] == pytest.approx(0.5, abs=0.04)
        assert abs(found["corr_right_r_g"]) < 0.05 and abs(found["parity_x_g"]) < 0.05

    def test_doubled_pixels_break_parity(self, measure, enlarged):
        found = measure("npr", enlarged(128, 128))
        assert max(found["parity_x_g"], found["parity_y_r"]) < -5

    def test_differences_across_the_jpeg_grid_do_not_count(self, measure):
        steps = np.kron(np.random.default_rng(0).uniform(50, 200, (8, 8)), np.ones((8, 8)))
        assert measure("npr", grey(steps))["parity_x_g"] == 0


class TestSrm:
    def test_a_ramp_has_no_second_order_residual(self, measure):
        y, x = np.mgrid[:64, :64]
        found = measure("srm", grey(2.0 * x + y))
        assert found["level_square"] == pytest.approx(np.log(LOG_FLOOR), abs=1e-2)
        assert np.isnan(found["kurtosis_square"]) and np.isnan(found["triple_zzz"])
        assert found["level_first_x"] == pytest.approx(np.log(2) - np.log(LOG_FLOOR), abs=2e-2)

    def test_independent_values_have_no_surprise(self):
        values = np.random.default_rng(0).standard_normal((400, 400)).astype(np.float32)
        result = triples(values)
        assert len(result) == 39 and np.abs(result).max() < 0.2

    def test_triples_do_not_see_sign_or_direction(self):
        values = gaussian(60, 60).astype(np.float32)[:, ::-1] - 128
        values = cv2.blur(np.ascontiguousarray(values), (3, 1))
        expected = triples(values)
        for other in (-values, values[:, ::-1], values[::-1], values.T):
            np.testing.assert_allclose(triples(np.ascontiguousarray(other)), expected, atol=1e-6)
        assert T == 2


class TestWavelet:
    def test_transform_is_that_of_pywavelets(self):
        picture = gaussian(48, 72).astype(np.float32)
        approximation, details = transform(picture)
        expected, bands = pywt.dwt2(picture, "db4", mode="periodization")
        np.testing.assert_allclose(approximation, expected, rtol=1e-4, atol=1e-3)
        np.testing.assert_allclose(details, np.stack(bands), rtol=1e-4, atol=1e-3)

    def test_transform_keeps_the_energy(self):
        picture = (gaussian(64, 64) - 128).astype(np.float32)
        approximation, details = transform(picture)
        energy = np.square(approximation).sum() + np.square(details).sum()
        assert energy == pytest.approx(np.square(picture).sum(), rel=1e-4)

    def test_white_noise_is_gaussian_and_alike_on_every_level(self, measure):
        found = measure("wavelet", grey(gaussian(256, 256)))
        for n, tolerance in ((1, 0.02), (2, 0.04), (3, 0.08)):
            assert abs(found[f"level_{n}h"]) < 2 * tolerance
            assert found[f"shape_{n}d"] == pytest.approx(2 / np.pi, abs=tolerance)
        assert abs(found["scale_1_2_h"]) < 0.1 and abs(found["h_v_1"]) < 0.05

    def test_a_face_too_small_for_a_level_leaves_it_out(self, measure):
        found = measure("wavelet", grey(gaussian(40, 40)))
        assert np.isfinite(found["level_2h"]) and np.isnan(found["level_3h"])


class TestChroma:
    def test_a_grey_picture_has_no_chroma(self, measure):
        found = measure("chroma", grey(gaussian(96, 96)))
        assert found["energy_fine_cr"] < -8 and found["corr_rgb_r_g"] == pytest.approx(1, abs=1e-4)
        assert found["saturation_ratio"] == pytest.approx(0, abs=1e-3)

    def test_independent_channels_are_uncorrelated(self, measure, noise):
        found = measure("chroma", noise(160, 160))
        assert abs(found["corr_rgb_r_g"]) < 0.05 and abs(found["corr_rgb_g_b"]) < 0.05
        assert found["energy_fine_cr"] > -2 and found["saturation_ratio"] > 1

    def test_smooth_chroma_falls_off_faster_than_luma(self, measure):
        colour = cv2.GaussianBlur(gaussian(96, 96, seed=3, deviation=150) - 128, (0, 0), 3)
        pixels = grey(gaussian(96, 96)).astype(float)
        pixels[..., 0] += colour
        found = measure("chroma", np.clip(pixels, 0, 255).astype(np.uint8))
        assert found["falloff_cr_1"] < found["falloff_y_1"]
        assert found["lag_cr_x"] > 0

    def test_exposure(self, measure):
        picture = gaussian(64, 64)
        picture[:16] = 255
        picture[16:24] = 0
        found = measure("chroma", grey(picture))
        assert found["over_exposed"] == pytest.approx(0.25, abs=0.01)
        assert found["under_exposed"] == pytest.approx(0.125, abs=0.01)


class TestContrast:
    @staticmethod
    def _face_changed(change):
        picture = gaussian(160, 160, deviation=15)
        face = np.zeros((160, 160), np.uint8)
        cv2.ellipse(face, (80, 86), (38, 52), 0, 0, 360, 1, -1)
        return grey(np.where(face == 1, change(picture), picture))

    def test_the_same_noise_everywhere_has_no_contrast(self, measure):
        found = measure("contrast", self._face_changed(lambda p: p), margin=32)
        assert max(abs(v) for k, v in found.items() if not k.endswith(("luma", "cr", "cb"))) < 0.15

    def test_a_blurred_face_is_quieter_than_its_surroundings(self, measure):
        found = measure("contrast", self._face_changed(lambda p: cv2.GaussianBlur(p, (0, 0), 1.5)), margin=32)
        for measure_name in ("residual", "fine", "noise"):
            assert found[f"inner_around_{measure_name}"] < -0.5
        assert found["inner_around_fine_middle"] < -0.3

    def test_a_noisier_face_is_louder(self, measure):
        found = measure("contrast", self._face_changed(lambda p: 2 * p - 128), margin=32)
        assert found["inner_around_noise"] == pytest.approx(np.log(2), abs=0.1)
        assert found["inner_ring_noise"] > 0.3 and found["border_inner_noise"] < 0

    def test_a_brighter_face_has_a_luma_contrast(self, measure):
        found = measure("contrast", self._face_changed(lambda p: p + 40), margin=32)
        assert found["inner_around_luma"] == pytest.approx(40, abs=2)
        assert abs(found["inner_around_cr"]) < 0.5

    def test_without_surroundings_they_are_not_measured(self, measure):
        found = measure("contrast", grey(gaussian(96, 96)))
        assert np.isnan(found["inner_around_noise"]) and np.isfinite(found["inner_ring_noise"])

    def test_regions_follow_the_landmarks(self, noise, as_views):
        labels = regions(Signals(as_views(noise(120, 120), margin=20)))
        assert set(np.unique(labels)) == {0, 1, 2, 3}
        assert labels[60, 60] == 0 and labels[22, 22] == 2 and labels[5, 60] == 3
        assert (labels == 3).sum() <= 120 * 120 - 80 * 80

    def test_regions_without_landmarks_are_centred(self, noise, as_views):
        labels = regions(Signals(as_views(noise(121, 121), margin=20, found=False)))
        inner = np.argwhere(labels == 0)
        np.testing.assert_allclose(inner.mean(0), 60.5, atol=1)


class TestPhase:
    def test_coupled_harmonics_are_coherent(self):
        rng = np.random.default_rng(0)
        start = rng.uniform(0, 2 * np.pi, (300, 1))
        angle = 2 * np.pi * 8 / 64 * np.arange(64) + start
        free = 2 * np.pi * 16 / 64 * np.arange(64) + rng.uniform(0, 2 * np.pi, (300, 1))
        noise = rng.standard_normal((300, 64))
        coupled = 50 * np.cos(angle) + 50 * np.cos(2 * angle) + noise
        uncoupled = 50 * np.cos(angle) + 50 * np.cos(free) + noise
        assert bicoherence(coupled.astype(np.float32))[1] > 0.45
        assert bicoherence(uncoupled.astype(np.float32))[1] < 0.25
        assert (bicoherence(coupled.astype(np.float32)) <= 1).all()

    def test_even_noise_has_an_even_map(self, measure):
        even = measure("phase", grey(gaussian(128, 128)))
        assert even["map_fine_std"] < 0.06
        mixed = gaussian(128, 128)
        mixed[:, 64:] = cv2.GaussianBlur(mixed[:, 64:], (0, 0), 2)
        uneven = measure("phase", grey(mixed))
        assert uneven["map_fine_asymmetry"] > 0.8 and uneven["map_fine_middle_range"] > 0.3

    def test_blurred_eyes_are_duller_than_cheeks(self, measure):
        picture = gaussian(160, 160)
        picture[50:90] = cv2.GaussianBlur(picture, (0, 0), 2)[50:90]
        found = measure("phase", grey(picture))
        assert found["part_eyes_cheeks_fine"] < -0.5
        assert abs(found["part_mouth_cheeks_fine"]) < 0.2 and found["part_eyes_differ_fine"] < 0.2

    def test_parts_need_landmarks(self, as_views):
        block = blocks()["phase"]
        values = block.compute(Signals(as_views(grey(gaussian(96, 96)), found=False)))
        missing = {c for c, v in zip(block.columns, values, strict=True) if np.isnan(v)}
        assert missing == {c for c in block.columns if ".part_" in c}
