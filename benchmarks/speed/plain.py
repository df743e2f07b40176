"""Spectral blocks written once more as one would for a single image: float64 numpy and scipy, nothing shared.

Formulas and sampling are those in the docstrings of `features.blocks`; only the way of computing differs. Each
function takes `FaceViews` and returns float64 columns in the block's order. For faces of at most MAX_NATIVE px.
A block need not have one; those that do are compared by tests/benchmarks/speed/test_plain.py.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import product

import cv2
import numpy as np
import pywt
import scipy.fft
from numpy.typing import NDArray
from scipy import ndimage

from features.blocks import blockdct as _blockdct
from features.blocks import contrast as _contrast
from features.blocks import upsampling as _upsampling
from features.moments import LOG_FLOOR, MIN_VARIANCE
from features.power_spectrum import N_RINGS, N_SECTORS, POWER_FLOOR, RINGS_PER_CYCLE
from features.residuals import BAND_SAMPLE, SAMPLE, row_stride
from features.views import FaceViews

F64 = NDArray[np.float64]
SQUARE = np.array([[-1, 2, -1], [2, -4, 2], [-1, 2, -1]]) / 4.0
KV = (
    np.array(
        [
            [-1, 2, -2, 2, -1],
            [2, -6, 8, -6, 2],
            [-2, 8, -12, 8, -2],
            [2, -6, 8, -6, 2],
            [-1, 2, -2, 2, -1],
        ]
    )
    / 12
)


def luma(picture: NDArray[np.uint8]) -> F64:
    """ITU-R BT.601."""
    return picture.astype(np.float64) @ np.array([0.299, 0.587, 0.114])


def cut8(picture: F64) -> F64:
    """Cut right and below to multiples of 8."""
    height, width = (side // 8 * 8 for side in picture.shape)
    return picture[:height, :width]


def moments(x: F64) -> tuple[float, float, float]:
    """Log mean magnitude, generalised-Gaussian ratio, log kurtosis."""
    absolute, second, fourth = np.mean(np.abs(x)), np.mean(x**2), np.mean(x**4)
    if second <= MIN_VARIANCE:
        return float(np.log(absolute + LOG_FLOOR)), np.nan, np.nan
    return float(np.log(absolute + LOG_FLOOR)), float(absolute**2 / second), float(np.log(fourth / second**2))


def correlation(a: F64, b: F64) -> float:
    """Pearson."""
    if min(a.var(), b.var()) <= MIN_VARIANCE:
        return np.nan
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def power(picture: F64) -> tuple[F64, F64, F64]:
    """Power spectrum of the Hann-windowed picture, |fy| and |fx|."""
    height, width = picture.shape
    window = np.outer(np.hanning(height), np.hanning(width))
    spectrum = np.abs(np.fft.fft2((picture - picture.mean()) * window)) ** 2 / np.sum(window**2)
    return spectrum, np.abs(np.fft.fftfreq(height))[:, None], np.abs(np.fft.fftfreq(width))[None, :]


def polar(views: FaceViews) -> tuple[F64, NDArray[np.intp], NDArray[np.intp]]:
    """Log power, ring and sector of each frequency; the zero frequency has ring -1."""
    spectrum, fy, fx = power(cut8(luma(views.native)))
    ring = np.minimum((np.hypot(fy, fx) * RINGS_PER_CYCLE).astype(np.intp), N_RINGS - 1)
    ring[0, 0] = -1
    sector = np.rint(np.arctan2(fy, fx) / (np.pi / 2) * (N_SECTORS - 1)).astype(np.intp)
    return np.log(spectrum + POWER_FLOOR), ring, sector


def _mean(values: F64) -> float:
    return float(values.mean()) if values.size else np.nan


def radial(views: FaceViews) -> F64:
    log_power, ring, _ = polar(views)
    whole = log_power[ring >= 0].mean()
    bins = np.array([_mean(log_power[ring == i]) for i in range(N_RINGS - 1)]) - whole
    centres = (np.arange(N_RINGS - 1) + 0.5) / RINGS_PER_CYCLE

    def line(low: float, high: float) -> tuple[float, float]:
        inside = (centres >= low) & (centres < high) & np.isfinite(bins)
        if inside.sum() < 4:
            return np.nan, np.nan
        slope, offset = np.polyfit(np.log(centres[inside]), bins[inside], 1)
        return float(slope), float(offset)

    fits = [line(*limits) for limits in ((0.025, 0.15), (0.15, 0.5), (0.025, 0.5))]
    distances = bins - (fits[-1][0] * np.log(centres) + fits[-1][1])
    fitted = distances[(centres >= 0.025) & (centres < 0.5) & np.isfinite(distances)]
    roughness = np.sqrt(np.mean(fitted**2)) if fitted.size else np.nan
    slope, offset = line(0.025, 0.25)
    above = bins - (slope * np.log(centres) + offset)
    limits = ((0.25, 0.375), (0.375, 0.5), (0.5, 0.71))
    excess = [_mean(above[(centres >= low) & (centres < high) & np.isfinite(above)]) for low, high in limits]
    return np.array([*bins, *(s for s, _ in fits), roughness, *excess])


def angular(views: FaceViews) -> F64:
    log_power, ring, sector = polar(views)
    edges = [round(edge * RINGS_PER_CYCLE) for edge in (3 / 64, 1 / 8, 1 / 4, 3 / 8, 1 / 2)]
    bands, summary = [], []
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        inside = (ring >= low) & (ring < high)
        level = np.array([log_power[inside & (sector == s)].mean() for s in range(N_SECTORS)])
        level -= log_power[inside].mean()
        bands.append(level)
        first, diagonal, last = level[0], level[N_SECTORS // 2], level[-1]
        summary.append([level.std(), (first + last) / 2 - diagonal, first - last])
    return np.concatenate([np.ravel(bands), np.ravel(summary)])


def upsampling(views: FaceViews) -> F64:
    grey, rgb = luma(views.native), views.native.astype(np.float64)
    traces = [
        np.abs(grey[:, :-2] - 2 * grey[:, 1:-1] + grey[:, 2:]).mean(0),
        np.abs(grey[:-2] - 2 * grey[1:-1] + grey[2:]).mean(1),
    ]
    for plane in (grey, rgb[..., 0] - rgb[..., 2]):
        padded = np.pad(plane, ((0, 1), (0, 1)), mode="reflect")
        cross = np.abs(padded[:-1, :-1] - padded[:-1, 1:] - padded[1:, :-1] + padded[1:, 1:])
        traces += [cross.mean(0)[:-1], cross.mean(1)[:-1]]
    peaks = np.array([_upsampling.trace_peaks(trace[: len(trace) // 8 * 8]) for trace in traces])
    spectrum, _, _ = power(cut8(grey))
    height, width = spectrum.shape
    points = []
    for fy, fx in _upsampling._POINTS.values():
        rows = (np.arange(-4, 5) + round(fy * height)) % height
        columns = (np.arange(-4, 5) + round(fx * width)) % width
        patch = spectrum[np.ix_(rows, columns)]
        inner = patch[3:6, 3:6].sum()
        points.append(np.log((inner / 9 + POWER_FLOOR) / ((patch.sum() - inner) / 72 + POWER_FLOOR)))
    gain_y = 2 - 2 * np.cos(2 * np.pi * np.fft.fftfreq(height))
    gain_x = 2 - 2 * np.cos(2 * np.pi * np.fft.fftfreq(width))
    whole = np.fft.ifft2(spectrum * gain_y[:, None] * gain_x[None, :]).real
    lags = np.stack([whole[0, :10], whole[:10, 0]])
    lags = np.full_like(lags, np.nan) if lags[0, 0] < MIN_VARIANCE else lags / lags[:, :1]
    rises = [[row[k] - (row[k - 1] + row[k + 1]) / 2 for k in (2, 4, 8)] for row in lags]
    p2_over_p8 = peaks[:, 0] - (peaks[:, 2] + peaks[:, 3]) / 2
    return np.concatenate([peaks.ravel(), p2_over_p8, points, lags[:, 1:5].ravel(), np.ravel(rises)])


def blockdct(views: FaceViews) -> F64:
    grey = cut8(luma(views.native))
    rows, columns = (side // 8 - 1 for side in grey.shape)
    inner = grey[4 : 4 + 8 * rows, 4 : 4 + 8 * columns]
    blocks = (inner - inner.mean()).reshape(rows, 8, columns, 8).transpose(0, 2, 1, 3).reshape(-1, 8, 8)
    coefficients = np.stack([scipy.fft.dctn(block, norm="ortho") for block in blocks]).reshape(-1, 64)
    coefficients = coefficients[:, _blockdct._ROWS].T
    level, shape, kurtosis = np.array([moments(row) for row in coefficients]).T
    level = level - level[1:].mean()
    diagonal = _blockdct._DIAGONAL
    pooled = [level[(diagonal >= a) & (diagonal <= b)].mean() for a, b in _blockdct._POOLED.values()]
    shapes = [shape[diagonal == d].mean() for d in range(1, 15)]
    tails = [kurtosis[diagonal == d].mean() for d in (1, 2, 4, 6, 9, 12)]
    digits = [_benford(coefficients[a:b]) for a, b in ((1, 6), (6, 15), (15, 28))]
    return np.concatenate([level[1:21], pooled, shapes, tails, digits])


def _benford(values: F64) -> float:
    magnitudes = np.abs(values).ravel()
    magnitudes = magnitudes[magnitudes >= 1]
    if magnitudes.size < 100:
        return np.nan
    digits = (magnitudes / 10 ** np.floor(np.log10(magnitudes))).astype(np.intp)
    counts = np.array([(digits == d).sum() for d in range(1, 10)], dtype=np.float64)
    share = (counts + 0.5) / (counts.sum() + 4.5)
    return float((share * np.log(share / np.log10(1 + 1 / np.arange(1, 10)))).sum())


def logdct(views: FaceViews) -> F64:
    grey = cut8(luma(views.native))
    values = np.log(scipy.fft.dctn(grey - grey.mean(), norm="ortho") ** 2 + POWER_FLOOR)
    v, u = (
        np.arange(grey.shape[0])[:, None] / grey.shape[0],
        np.arange(grey.shape[1])[None, :] / grey.shape[1],
    )
    bins = np.minimum(((u + v) / 2 * 36).astype(np.intp), 35)
    direction = np.minimum((np.arctan2(v, u) / (np.pi / 6)).astype(np.intp), 2)
    bins[0, 0] = -1
    whole = values[bins >= 0].mean()
    means = [values[bins == i].mean() - whole for i in range(36)]
    for band in range(3):
        inside = (bins >= 12 * band) & (bins < 12 * band + 12)
        means += [values[inside & (direction == d)].mean() - values[inside].mean() for d in range(3)]
    return np.array(means)


def npr(views: FaceViews) -> F64:
    rgb = views.native.astype(np.float64)
    height, width = (side // 2 * 2 for side in rgb.shape[:2])
    step = row_stride(height * width // 4, SAMPLE)
    top, below = rgb[: height : 2 * step, :width], rgb[1 : height : 2 * step, :width]
    first = top[:, ::2]
    differences = (top[:, 1::2] - first, below[:, ::2] - first, below[:, 1::2] - first)
    table = np.array([[moments(d[..., c]) for d in differences] for c in range(3)])
    level = table[..., 0] - table[1, 0, 0] * (np.arange(9).reshape(3, 3) != 3)
    pairs = ((0, 1), (0, 2), (1, 2))
    within = [correlation(differences[i][..., c], differences[j][..., c]) for c in range(3) for i, j in pairs]
    across = [correlation(differences[p][..., i], differences[p][..., j]) for p in range(3) for i, j in pairs]
    sizes = np.minimum(np.abs(differences[0][..., 1]), 255).astype(np.uint8)
    edges = ((0, 1), (1, 2), (2, 3), (3, 5), (5, 9), (9, 17))
    shares = [((sizes >= low) & (sizes < high)).mean() for low, high in edges]
    parity: list[float] = []
    step = row_stride(rgb.shape[0] * rgb.shape[1], SAMPLE)
    for rows in (rgb[::step], rgb[:, ::step].transpose(1, 0, 2)):
        sizes = np.abs(np.diff(rows, axis=1)).mean(axis=0)
        phase = np.arange(len(sizes)) % 8
        inside, between = sizes[phase % 2 == 0].mean(0), sizes[(phase % 2 == 1) & (phase != 7)].mean(0)
        parity += (np.log(inside + LOG_FLOOR) - np.log(between + LOG_FLOOR)).tolist()
    return np.concatenate(
        [level.ravel(), table[..., 1].ravel(), table[1, :, 2], within, across, shares, parity]
    )


def srm(views: FaceViews) -> F64:
    grey = luma(views.native)
    square = ndimage.correlate(grey, SQUARE, mode="mirror")[1:-1, 1:-1]
    step = row_stride(square.size, SAMPLE)
    first, second = np.array([[0.0, -1, 1]]), np.array([[0.5, -1, 0.5]])
    rows = [
        ndimage.correlate(grey, kernel, mode="mirror")[2:-2:step, 2:-2]
        for kernel in (first, first.T, second, second.T, KV)
    ]
    table = np.array([moments(r) for r in (*rows, square[::step])])
    table[:-1, 0] -= table[-1, 0]
    return np.concatenate([table.T.ravel(), _triples(square)])


def _triples(residual: F64) -> F64:
    names: dict[tuple[int, int, int], int] = {}
    classes = np.zeros((5, 5, 5), dtype=np.intp)
    for a, b, c in product(range(-2, 3), repeat=3):
        key = max((a, b, c), (c, b, a), (-a, -b, -c), (-c, -b, -a))
        classes[a + 2, b + 2, c + 2] = names.setdefault(key, len(names))
    step = np.abs(residual).mean()
    if step**2 < MIN_VARIANCE:
        return np.full(len(names), np.nan)
    values = np.clip(np.rint(residual / step), -2, 2).astype(np.intp) + 2
    across = classes[values[:, :-2], values[:, 1:-1], values[:, 2:]]
    down = classes[values[:-2], values[1:-1], values[2:]]
    counts = np.array([(across == k).sum() + (down == k).sum() for k in range(len(names))], dtype=np.float64)
    single = np.array([(values == k).sum() for k in range(5)]) + 0.5
    single = (single + single[::-1]) / (2 * single.sum())
    chance = np.zeros(len(names))
    np.add.at(chance, classes, np.einsum("a,b,c->abc", single, single, single))
    return np.asarray(np.log((counts / counts.sum() + 1e-6) / (chance + 1e-6)))


def wavelet(views: FaceViews) -> F64:
    picture = cut8(luma(views.native))
    picture = picture - picture.mean()
    details: list[tuple[F64, F64, F64]] = []
    while len(details) < 4 and min(picture.shape) >= 16:
        picture, bands = pywt.dwt2(picture, "db4", mode="periodization")
        details.append(bands)
    table, between, scales = np.full((4, 3, 3), np.nan), np.full((4, 3), np.nan), np.full((3, 3), np.nan)
    for n, bands in enumerate(details):
        table[n] = np.array([moments(band) for band in bands]).T
        between[n] = [correlation(np.abs(bands[i]), np.abs(bands[j])) for i, j in ((0, 1), (0, 2), (1, 2))]
        if n:
            for b, (fine, coarse) in enumerate(zip(details[n - 1], bands, strict=True)):
                height, width = fine.shape[0] // 2, fine.shape[1] // 2
                cells = np.abs(fine[: 2 * height, : 2 * width]).reshape(height, 2, width, 2)
                scales[n - 1, b] = correlation(cells.sum(axis=(1, 3)), np.abs(coarse[:height, :width]))
    table[:, 0] -= table[min(1, len(details) - 1), 0].mean()
    return np.concatenate([table.ravel(), between.ravel(), scales.ravel()])


def ycc(views: FaceViews) -> F64:
    """Y, Cr, Cb of the face with its surroundings."""
    rgb = views.context.astype(np.float64)
    grey = luma(views.context)
    return np.stack([grey, (rgb[..., 0] - grey) * 0.713 + 0.5, (rgb[..., 2] - grey) * 0.564 + 0.5], axis=-1)


def bands_of(planes: F64) -> list[F64]:
    """Differences of box blurs of 1, 3, 7 and 15 px."""
    blurs = [planes, *(ndimage.uniform_filter(planes, (s, s, 1), mode="mirror") for s in (3, 7, 15))]
    return [a - b for a, b in zip(blurs[:-1], blurs[1:], strict=True)]


def face_bands(views: FaceViews) -> list[F64]:
    """`bands_of` inside the face."""
    x0, y0, x1, y1 = views.face_in_context
    return [band[y0:y1, x0:x1] for band in bands_of(ycc(views))]


def chroma(views: FaceViews) -> F64:
    bands = face_bands(views)
    step = row_stride(bands[0].shape[0] * bands[0].shape[1], BAND_SAMPLE)
    rows = [band[::step] for band in bands]
    variance = np.array([np.mean(r**2, axis=(0, 1)) for r in rows]) + MIN_VARIANCE
    planes = ((0, 1), (0, 2), (1, 2))
    pairs = [correlation(r[..., i], r[..., j]) for r in rows for i, j in planes]
    shapes = [moments(r[..., i])[1] for r in rows for i in range(3)]
    rgb = views.native.astype(np.float64)
    step = row_stride(rgb.shape[0] * rgb.shape[1], BAND_SAMPLE)
    residual = np.stack([ndimage.correlate(rgb[..., c], SQUARE, mode="mirror") for c in range(3)], axis=-1)
    residual = residual[1:-1:step, 1:-1]
    fine = bands[0]
    step = row_stride(fine.shape[0] * fine.shape[1], BAND_SAMPLE)
    lags = []
    for plane in (fine[..., 1], fine[..., 2]):
        rows_read, below = plane[:-1:step], plane[1::step]
        lags += [correlation(rows_read[:, :-1], rows_read[:, 1:]), correlation(rows_read, below)]
    spread = residual.max(axis=-1) - residual.min(axis=-1)
    level, _, kurtosis = moments(spread)
    magnitude = np.abs(residual).mean()
    ratio = spread.mean() / magnitude if magnitude**2 > MIN_VARIANCE else np.nan
    brightest = views.native.max(axis=-1)
    return np.concatenate(
        [
            pairs,
            np.log(variance[:, 1:] / variance[:, :1]).ravel(),
            np.log(variance[:-1] / variance[1:]).T.ravel(),
            shapes,
            [correlation(residual[..., i], residual[..., j]) for i, j in planes],
            lags,
            [level, ratio, kurtosis],
            [(brightest > 250).mean(), (brightest < 5).mean()],
        ]
    )


def contrast(views: FaceViews) -> F64:
    planes = ycc(views)
    bands = bands_of(planes)
    step = row_stride(planes.shape[0] * planes.shape[1], BAND_SAMPLE)
    labels = _regions(views, planes.shape[:2])[::step]
    fine, middle, coarse = (np.abs(band[::step]) for band in bands)
    residual = np.abs(ndimage.correlate(planes[..., 0], SQUARE, mode="mirror"))[::step]
    energy = [residual, fine[..., 0], middle[..., 0], coarse[..., 0]]
    energy += [fine[..., 1] + fine[..., 2], middle[..., 1] + middle[..., 2]]
    table = np.full((4, 10), np.nan)
    for k in range(4):
        mask = labels == k
        if mask.any() and mask.sum() * step >= _contrast.MIN_PIXELS:
            colours = [planes[::step][..., c][mask].mean() for c in range(3)]
            table[k] = [*(e[mask].mean() for e in energy), np.median(residual[mask]), *colours]
    return np.concatenate([_contrast._compare(table[a], table[b]) for a, b in ((0, 2), (0, 3), (1, 0))])


def _regions(views: FaceViews, shape: tuple[int, int]) -> NDArray[np.uint8]:
    x0, y0, x1, y1 = views.face_in_context
    labels = np.full(shape, 3, dtype=np.uint8)
    labels[y0:y1, x0:x1] = 2
    centre, axes, angle = ((x0 + x1) / 2, (y0 + y1) / 2), (0.7 * (x1 - x0), 0.85 * (y1 - y0)), 0.0
    if views.found and np.isfinite(views.landmarks).all():
        points = views.landmarks + np.array([x0, y0], dtype=np.float32)
        eyes, mouth = points[:2].mean(0), points[3:].mean(0)
        down = mouth - eyes
        length = float(np.hypot(*down))
        if 2.0 < length < 2 * max(x1 - x0, y1 - y0):
            middle = eyes + 0.575 * down
            across = min(max(2.1 * float(np.hypot(*(points[1] - points[0]))), 1.6 * length), 2.6 * length)
            centre, axes = (float(middle[0]), float(middle[1])), (across, 2.35 * length)
            angle = float(np.degrees(np.arctan2(down[1], down[0]))) - 90.0
    for scale, label in ((1.15, 1), (0.85, 0)):
        cv2.ellipse(labels, (centre, (axes[0] * scale, axes[1] * scale), angle), label, -1)
    return labels


def phase(views: FaceViews) -> F64:
    grey = luma(views.native)
    step = row_stride(grey.size, SAMPLE)
    rows, below = grey[:-1:step], grey[1::step]
    tails = np.array([moments(g)[1:] for g in (np.diff(rows, axis=1), below - rows)]).T
    return np.concatenate(
        [_bicoherence(grey), _bicoherence(grey.T), tails.ravel(), _maps(views), _landmark_ratios(views)]
    )


def _bicoherence(grey: F64) -> list[float]:
    per_row = grey.shape[1] // 64
    if not per_row:
        return [np.nan] * 3
    rows = grey[:: max(grey.shape[0] * per_row // 512, 1), : per_row * 64]
    lines = rows.reshape(-1, 64)
    spectrum = np.fft.rfft((lines - lines.mean(1, keepdims=True)) * np.hanning(64), axis=1)
    coherence = []
    for frequencies in (range(2, 6), range(6, 11), range(11, 16)):
        values = []
        for f in frequencies:
            squared, double = spectrum[:, f] ** 2, spectrum[:, 2 * f]
            norm = np.sqrt((np.abs(squared) ** 2).sum() * (np.abs(double) ** 2).sum())
            if norm > MIN_VARIANCE:
                values.append(np.abs((squared * double.conj()).sum()) / norm)
        coherence.append(float(np.mean(values)) if values else np.nan)
    return coherence


def _maps(views: FaceViews) -> F64:
    def cells(values: F64) -> F64:
        height, width = (side // 4 for side in values.shape)
        return values[: 4 * height, : 4 * width].reshape(4, height, 4, width).mean(axis=(1, 3))

    fine, middle, coarse = (np.abs(band) for band in face_bands(views))
    logs = [np.log(cells(band[..., 0]) + LOG_FLOOR) for band in (fine, middle, coarse)]
    colour = np.log(cells(fine[..., 1]) + cells(fine[..., 2]) + LOG_FLOOR)
    summaries: list[float] = []
    for values in (logs[0], logs[0] - logs[1], logs[1] - logs[2], colour):
        centre = values[1:3, 1:3].mean()
        rim = (values.sum() - 4 * centre) / 12
        sides = np.abs(values - values[:, ::-1]).mean()
        below = values[2:].mean() - values[:2].mean()
        summaries += [values.std(), np.ptp(values), sides, centre - rim, below]
    return np.array(summaries)


def _landmark_ratios(views: FaceViews) -> F64:
    if not views.found or not np.isfinite(views.landmarks).all():
        return np.full(8, np.nan)
    x0, y0 = views.face_in_context[:2]
    left, right, nose, mouth_left, mouth_right = views.landmarks + np.array([x0, y0], dtype=np.float32)
    half = 0.22 * float(np.hypot(*((left + right) / 2 - (mouth_left + mouth_right) / 2)))

    def mean(band: F64, point: NDArray[np.float32]) -> float:
        height, width = band.shape
        u0, u1 = (int(np.clip(point[0] + sign * half, 0, width)) for sign in (-1, 1))
        v0, v1 = (int(np.clip(point[1] + sign * half, 0, height)) for sign in (-1, 1))
        return float(np.abs(band[v0:v1, u0:u1]).mean()) if (u1 - u0) * (v1 - v0) >= 16 else np.nan

    def log(value: float) -> float:
        return float(np.log(value + LOG_FLOOR))

    rows = []
    for band in (b[..., 0] for b in bands_of(ycc(views))[:2]):
        cheeks = [mean(band, 0.35 * eye + 0.65 * m) for eye, m in ((left, mouth_left), (right, mouth_right))]
        cheek, eyes = log(sum(cheeks) / 2), [mean(band, left), mean(band, right)]
        mouth = log((mean(band, mouth_left) + mean(band, mouth_right)) / 2)
        eye, eyes_differ = log(sum(eyes) / 2), abs(log(eyes[0]) - log(eyes[1]))
        rows.append([eye - cheek, mouth - cheek, log(mean(band, nose)) - cheek, eyes_differ])
    return np.array(rows).T.ravel()


PLAIN: dict[str, Callable[[FaceViews], F64]] = {
    function.__name__: function
    for function in (
        radial,
        angular,
        upsampling,
        blockdct,
        logdct,
        npr,
        srm,
        wavelet,
        chroma,
        contrast,
        phase,
    )
}
