"""A small camera: lens blur, Bayer mosaic, sensor noise, demosaicing, colour, tone, JPEG.

Everything is drawn from the camera model and the random stream alone, never from what is in
the picture, so that real and fake pictures leave it with the same file facts.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

_DEMOSAIC = {
    ("RGGB", False): cv2.COLOR_BayerRGGB2RGB,
    ("RGGB", True): cv2.COLOR_BayerRGGB2RGB_EA,
    ("GRBG", False): cv2.COLOR_BayerGRBG2RGB,
    ("GRBG", True): cv2.COLOR_BayerGRBG2RGB_EA,
    ("BGGR", False): cv2.COLOR_BayerBGGR2RGB,
    ("BGGR", True): cv2.COLOR_BayerBGGR2RGB_EA,
}
_SUBSAMPLING = {
    "4:2:0": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420,
    "4:4:4": cv2.IMWRITE_JPEG_SAMPLING_FACTOR_444,
}
_GAMMA = 2.2
_WHITE = 65535.0


@dataclass(frozen=True)
class Camera:
    """A camera model. Ranges are (low, high) of a uniform draw per picture.

    ``blur`` is the lens blur in px (standard deviation); ``electrons`` the full-well count that
    sets the shot noise; ``read_noise`` in electrons; ``quality`` the JPEG quality.
    """

    pattern: str
    edge_aware: bool
    blur: tuple[float, float]
    electrons: tuple[float, float]
    read_noise: float
    white_balance: tuple[float, float]
    contrast: float
    sharpen: float
    quality: tuple[int, int]
    subsampling: str


CAMERAS: dict[str, Camera] = {
    "cam_a": Camera(
        pattern="RGGB",
        edge_aware=False,
        blur=(0.35, 0.6),
        electrons=(3000, 9000),
        read_noise=3.0,
        white_balance=(1.9, 1.6),
        contrast=0.15,
        sharpen=0.3,
        quality=(82, 96),
        subsampling="4:2:0",
    ),
    "cam_b": Camera(
        pattern="GRBG",
        edge_aware=True,
        blur=(0.4, 0.7),
        electrons=(1500, 6000),
        read_noise=5.0,
        white_balance=(1.5, 2.1),
        contrast=0.3,
        sharpen=0.6,
        quality=(75, 95),
        subsampling="4:4:4",
    ),
}


def mosaic(image: np.ndarray, pattern: str) -> np.ndarray:
    """Keep the one colour that each sensor site sees.

    image : shape (H, W, 3), RGB; pattern : the four sites of the top left 2 x 2 cell, row by
    row, such as "RGGB". Returns shape (H, W), same dtype.
    """
    raw = np.empty(image.shape[:2], image.dtype)
    for site, letter in enumerate(pattern):
        rows, columns = slice(site // 2, None, 2), slice(site % 2, None, 2)
        raw[rows, columns] = image[rows, columns, "RGB".index(letter)]
    return raw


def demosaic(raw: np.ndarray, *, pattern: str, edge_aware: bool) -> np.ndarray:
    """Interpolate the missing colours; bilinear keeps every sampled value as it is.

    Parameters
    ----------
    raw : uint16 array, shape (H, W)
        One colour a site.
    pattern : {"RGGB", "GRBG", "BGGR"}
        The four sites of the top left 2 x 2 cell, row by row.
    edge_aware : bool
        OpenCV's edge-aware interpolation instead of bilinear.

    Returns
    -------
    uint16 array, shape (H, W, 3), RGB
    """
    # Whole 2 x 2 cells of reflected margin keep the pattern's phase and spare the picture
    # OpenCV's treatment of the outermost pixels.
    framed = cv2.copyMakeBorder(raw, 4, 4, 4, 4, cv2.BORDER_REFLECT_101)
    return cv2.demosaicing(framed, _DEMOSAIC[pattern, edge_aware])[4:-4, 4:-4]


def add_noise(
    raw: np.ndarray, *, electrons: float, read_noise: float, rng: np.random.Generator
) -> np.ndarray:
    """Shot and read noise on linear values (Gaussian limit of the Poisson law) [1]_.

    Variance = value / electrons + (read_noise / electrons) ** 2.

    Parameters
    ----------
    raw : float array of any shape, linear values in 0 … 1
    electrons : float
        Full-well count: electrons at the value 1.
    read_noise : float
        Standard deviation, electrons.
    rng : numpy.random.Generator

    Returns
    -------
    float32 array, shape of ``raw``, not clipped

    References
    ----------
    .. [1] Foi et al. 2008, "Practical Poissonian-Gaussian noise modeling and fitting for single-image
       raw-data", doi:10.1109/TIP.2008.2001399
    """
    deviation = np.sqrt(np.maximum(raw, 0) / electrons + (read_noise / electrons) ** 2)
    noise = rng.standard_normal(raw.shape, dtype=np.float32)
    return (raw + deviation * noise).astype(np.float32)


def _tone_curve(contrast: float) -> np.ndarray:
    """Table from 12-bit linear values to 8-bit display values: gamma, then an S-curve."""
    display = np.linspace(0, 1, 4096) ** (1 / _GAMMA)
    curve = display + contrast * display * (1 - display) * (2 * display - 1)
    return np.round(np.clip(curve, 0, 1) * 255).astype(np.uint8)


def develop(image: np.ndarray, *, camera: Camera, rng: np.random.Generator) -> np.ndarray:
    """Photograph a picture: display values in, the camera's display values out.

    Parameters
    ----------
    image : uint8 array, shape (H, W, 3), RGB
    camera : Camera
    rng : numpy.random.Generator
        Draws blur, exposure, full-well count, noise and the error of the white balance.

    Returns
    -------
    uint8 array, shape (H, W, 3), RGB
    """
    table = ((np.arange(256) / 255) ** _GAMMA).astype(np.float32)
    sigma = rng.uniform(*camera.blur)
    linear = cv2.GaussianBlur(table[image], (0, 0), sigma)
    red, blue = camera.white_balance
    linear *= np.array([1 / red, 1.0, 1 / blue], np.float32) * np.float32(rng.uniform(0.85, 1.0))

    raw = mosaic(linear, camera.pattern)
    electrons = rng.uniform(*camera.electrons)
    raw = add_noise(raw, electrons=electrons, read_noise=camera.read_noise, rng=rng)
    raw16 = np.round(np.clip(raw, 0, 1) * _WHITE).astype(np.uint16)
    colour = demosaic(raw16, pattern=camera.pattern, edge_aware=camera.edge_aware)

    error = rng.uniform(0.94, 1.06, 2)  # no white balance is exact
    gains = np.array([red * error[0], 1.0, blue * error[1]], np.float32) * np.float32(4095 / _WHITE)
    levels = np.clip(colour * gains + np.float32(0.5), 0, 4095).astype(np.uint16)
    shown = _tone_curve(camera.contrast)[levels]
    if camera.sharpen:
        soft = cv2.GaussianBlur(shown, (0, 0), 1.0)
        shown = cv2.addWeighted(shown, 1 + camera.sharpen, soft, -camera.sharpen, 0)
    return shown


def encode(image: np.ndarray, *, quality: int, subsampling: str) -> bytes:
    """Compress a picture to a JPEG file.

    Parameters
    ----------
    image : uint8 array, shape (H, W, 3), RGB
    quality : int
        JPEG quality, as OpenCV counts it: 0 to 100.
    subsampling : {"4:2:0", "4:4:4"}
        Of the chroma.

    Returns
    -------
    bytes
        Of the whole file.

    Raises
    ------
    RuntimeError
        OpenCV could not encode the picture.
    """
    options = [
        *(cv2.IMWRITE_JPEG_QUALITY, quality),
        *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, _SUBSAMPLING[subsampling]),
    ]
    done, data = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), options)
    if not done:
        raise RuntimeError(f"OpenCV could not encode a picture of shape {image.shape} as JPEG")
    return data.tobytes()


def capture(image: np.ndarray, *, camera: Camera, rng: np.random.Generator) -> bytes:
    """``develop`` and ``encode`` at a quality drawn from the camera's range.

    Parameters
    ----------
    image : uint8 array, shape (H, W, 3), RGB
    camera : Camera
    rng : numpy.random.Generator

    Returns
    -------
    bytes
        Of a JPEG file.
    """
    low, high = camera.quality
    quality = int(rng.integers(low, high + 1))
    shown = develop(image, camera=camera, rng=rng)
    return encode(shown, quality=quality, subsampling=camera.subsampling)
