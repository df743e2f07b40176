"""A real face redrawn as generators do.

Up-sampling, patches of few components, bent spectra, lost grain, incoherent detail, colour that leaves the luma.
"""

from __future__ import annotations

import cv2
import numpy as np
import scipy.fft

from features.views import Face
from models.kinds import Forgery, pseudo_fake
from models.synthesis.degradations import F32, U8, blurred, noisy, to_bytes
from models.synthesis.masks import outline


@pseudo_fake(name="resynthesis")
def resynthesise(pixels: U8, face: Face, rng: np.random.Generator) -> Forgery:
    """The face redrawn as generators do: the whole picture, or (one in three) inside its outline.

    Half of the pictures get their fine structure back in strength (sharpening up to the original's
    Laplacian energy, or noise), so that "smoother" alone tells nothing.

    Parameters
    ----------
    pixels : uint8 array, shape (H, W, 3), RGB
    face : Face
    rng : np.random.Generator

    Returns
    -------
    Forgery
        `real` is `pixels`.
    """
    whole = pixels.astype(np.float32)
    redrawn = _REDRAW[rng.integers(len(_REDRAW))](whole, rng)
    draw = rng.random()
    if draw < 0.4:
        redrawn = _as_sharp(redrawn, whole, factor=float(rng.uniform(0.8, 1.4)))
    elif draw < 0.55:
        redrawn = noisy(redrawn, sigma=float(rng.uniform(0.8, 4)), rng=rng)
    mask = np.ones(pixels.shape[:2], np.float32)
    if rng.random() < 1 / 3:
        mask = outline(face, height=pixels.shape[0], width=pixels.shape[1], rng=rng)
        redrawn = redrawn * mask[..., None] + whole * (1 - mask[..., None])
    return Forgery(real=pixels, fake=to_bytes(redrawn), mask=mask)


def _upsampled(x: F32, rng: np.random.Generator) -> F32:
    """Reduced by 2, 3 or 4 and drawn large again by a generator's means, luma or colour more strongly."""
    height, width = x.shape[:2]
    factor = int(rng.choice([2, 2, 2, 3, 4]))
    small = cv2.resize(x, (max(width // factor, 1), max(height // factor, 1)), interpolation=cv2.INTER_AREA)
    way = rng.integers(4)
    if way < 3:
        flag = (cv2.INTER_NEAREST, cv2.INTER_LINEAR, cv2.INTER_CUBIC)[way]
        large = np.asarray(cv2.resize(small, (width, height), interpolation=flag), dtype=np.float32)
        if way == 0:
            large = _convolved(large, rng, side=3)
    else:  # zeros between the samples, then a random kernel: a transposed convolution
        grid = np.zeros((small.shape[0] * factor, small.shape[1] * factor, 3), np.float32)
        grid[::factor, ::factor] = small * factor**2
        below, right = max(height - grid.shape[0], 0), max(width - grid.shape[1], 0)
        grid = np.pad(grid, ((0, below), (0, right), (0, 0)))[:height, :width]
        large = _convolved(grid, rng, side=2 * factor - 1)
    detail = x - cv2.resize(small, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(large + detail * np.float32(rng.choice([0.0, 0.0, 0.3, 0.6])), dtype=np.float32)


def _convolved(x: F32, rng: np.random.Generator, *, side: int) -> F32:
    """Through a triangular kernel with random errors, whose sum is 1."""
    half = np.concatenate([np.arange(1, side // 2 + 2), np.arange(side // 2, 0, -1)]).astype(np.float64)
    kernel = np.outer(half, half)
    kernel *= 1 + rng.normal(0, 0.15, kernel.shape)
    return np.asarray(cv2.filter2D(x, cv2.CV_32F, kernel / kernel.sum()), dtype=np.float32)


def _few_components(x: F32, rng: np.random.Generator) -> F32:
    """Patches through a linear auto-encoder: of few components, each with another error.

    The components are those of the DCT, the principal ones of natural patches (Ahmed et al. 1974,
    doi:10.1109/T-C.1974.223784). Patches meet edge to edge, as after a pixel shuffle, at a random phase.
    """
    side = int(rng.choice([4, 8, 8, 16]))
    height, width = (-(-n // side) * side + side for n in x.shape[:2])
    top, left = (int(v) for v in rng.integers(0, side, 2))
    below, right = height - x.shape[0] - top, width - x.shape[1] - left
    padded = cv2.copyMakeBorder(x, top, below, left, right, cv2.BORDER_REFLECT)
    patches = padded.reshape(height // side, side, width // side, side, 3)
    code = scipy.fft.dctn(patches, axes=(1, 3), norm="ortho")
    order = np.hypot(*np.mgrid[:side, :side]) + rng.normal(0, 0.06 * side, (side, side))
    kept = order <= np.quantile(order, rng.uniform(0.1, 0.5))
    gain = kept * rng.normal(1, rng.choice([0.0, 0.05, 0.1]), (side, side))
    gain[0, 0] = 1
    code *= gain.astype(np.float32)[None, :, None, :, None]
    whole = scipy.fft.idctn(code, axes=(1, 3), norm="ortho", overwrite_x=True).reshape(height, width, 3)
    if rng.random() < 0.5:
        whole = blurred(whole, float(rng.uniform(0.3, 0.7)))
    return np.ascontiguousarray(whole[top : top + x.shape[0], left : left + x.shape[1]], dtype=np.float32)


def _spectrum(x: F32, rng: np.random.Generator) -> F32:
    """The spectrum bent: high frequencies weakened or raised, phases disturbed, peaks of a grid added."""
    height, width = x.shape[:2]
    plane = scipy.fft.rfft2(x, axes=(0, 1))
    fy, fx = np.abs(np.fft.fftfreq(height))[:, None], np.fft.rfftfreq(width)[None, :]
    radius = np.hypot(fy, fx)
    corner = rng.uniform(0.12, 0.35)
    above = np.clip((radius - corner) / (0.5 - corner), 0, 1)
    gain = np.exp(rng.uniform(-2.5, 0.8) * above)
    phase = np.exp(1j * rng.uniform(0, 1.2) * above * rng.normal(0, 1, radius.shape))
    plane = plane * (gain * phase)[..., None].astype(np.complex64)
    bent = scipy.fft.irfft2(plane, s=(height, width), axes=(0, 1)).astype(np.float32)
    if rng.random() < 0.5:
        period = int(rng.choice([2, 4, 8]))
        tile = rng.normal(0, 1, (period, period)).astype(np.float32)
        grid = np.tile(tile - tile.mean(), (-(-height // period), -(-width // period)))[:height, :width]
        bent = bent + grid[..., None] * np.float32(rng.uniform(0.5, 2.5))
    return bent


def _denoised(x: F32, rng: np.random.Generator) -> F32:
    """Grain and skin texture gone, edges kept: what is left where a generator draws no sensor noise."""
    for _ in range(int(rng.integers(1, 3))):
        tone, space = float(rng.uniform(8, 35)), float(rng.uniform(1, 3))
        x = np.asarray(cv2.bilateralFilter(x, 5, tone, space), dtype=np.float32)
    return x


def _shuffled(x: F32, rng: np.random.Generator) -> F32:
    """Fine structure moved by a pixel or two, incoherently: strands and teeth that do not join."""
    height, width = x.shape[:2]
    grain = int(rng.integers(3, 13))
    coarse = rng.standard_normal((height // grain + 2, width // grain + 2, 2), dtype=np.float32)
    shift = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    shift = shift * np.float32(rng.uniform(0.25, 0.8) * min(grain / 4, 2))
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    moved = cv2.remap(
        x, columns + shift[..., 0], rows + shift[..., 1], cv2.INTER_CUBIC, borderMode=cv2.BORDER_REFLECT
    )
    return np.asarray(moved, dtype=np.float32)


def _recoloured(x: F32, rng: np.random.Generator) -> F32:
    """Colour that does not follow the luma: its detail blurred away, exaggerated, or noise that the luma lacks."""
    ycc = cv2.cvtColor(x / 255, cv2.COLOR_RGB2YCrCb)
    chroma = np.ascontiguousarray(ycc[..., 1:])
    smooth = np.asarray(cv2.GaussianBlur(chroma, (0, 0), float(rng.uniform(1, 5))), dtype=np.float32)
    recoloured = smooth + (chroma - smooth) * np.float32(rng.choice([0.0, 0.3, 2.0, 3.0]))
    if rng.random() < 0.5:
        recoloured = (
            recoloured + noisy(np.zeros_like(x), sigma=float(rng.uniform(1, 5)), rng=rng)[..., :2] / 255
        )
    ycc[..., 1:] = recoloured
    return np.asarray(cv2.cvtColor(ycc, cv2.COLOR_YCrCb2RGB) * 255, dtype=np.float32)


_REDRAW = (_upsampled, _few_components, _spectrum, _denoised, _shuffled, _recoloured)


def _as_sharp(x: F32, like: F32, *, factor: float) -> F32:
    """`x` sharpened (or left) so that its Laplacian energy is `factor` times that of `like`."""
    goal = factor * float(np.abs(cv2.Laplacian(like, cv2.CV_32F)).mean())
    fine = x - blurred(x, 1.0)
    base, slope = (float(np.abs(cv2.Laplacian(v, cv2.CV_32F)).mean()) for v in (x, fine))
    amount = np.clip((goal - base) / max(slope, 1e-6), 0, 3)
    return x + fine * np.float32(amount)
