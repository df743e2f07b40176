"""Pictures and transforms of one face that several blocks read, each computed once."""

from __future__ import annotations

from functools import cached_property, lru_cache

import cv2
import numpy as np
import scipy.fft
from numpy.typing import NDArray

from features.moments import F32
from features.power_spectrum import POWER_FLOOR, Spectrum, power_spectrum
from features.residuals import BAND_SAMPLE, SAMPLE, planes, row_stride, square_residual
from features.views import FaceViews

MIN_SIDE = 16  # px; below it no transform is meaningful
MAX_NATIVE = 512  # px; a larger face is read through its centred window, so that time is bounded
MAX_CONTEXT = 1536  # px; the same for the face with its surroundings
_BLUR_SIDES = (3, 7, 15)  # px, of the box blurs whose differences are the bands


class Signals:
    """What blocks read of one face: cut but never resampled, in grey levels 0-255.

    A transform is None where the picture is too small for it (below MIN_SIDE px).

    Parameters
    ----------
    views : FaceViews
        The face.
    """

    def __init__(self, views: FaceViews) -> None:
        self.views = views

    @cached_property
    def pixels(self) -> NDArray[np.uint8]:
        """The face, uint8 (H, W, 3), RGB, contiguous; its centred window where it is larger than MAX_NATIVE px."""
        height, width = self.views.native.shape[:2]
        x0, y0, x1, y1 = _centred(height, width, MAX_NATIVE)
        return np.ascontiguousarray(self.views.native[y0:y1, x0:x1])

    @cached_property
    def channels(self) -> tuple[NDArray[np.uint8], ...]:
        """R, G and B of `pixels`, uint8 (H, W) each, contiguous."""
        return tuple(np.asarray(channel, dtype=np.uint8) for channel in cv2.split(self.pixels))

    @cached_property
    def rgb(self) -> F32:
        """`pixels` as float32 (H, W, 3)."""
        return self.pixels.astype(np.float32)

    @cached_property
    def luma(self) -> F32:
        """Luma of `pixels` (ITU-R BT.601), float32 (H, W), not rounded."""
        return _f32(cv2.cvtColor(self.rgb, cv2.COLOR_RGB2GRAY))

    @cached_property
    def luma8(self) -> F32:
        """`luma` cut right and below to multiples of 8 px, so that periods 2, 4 and 8 fall on whole bins."""
        height, width = (side // 8 * 8 for side in self.luma.shape)
        return self.luma[:height, :width]

    @cached_property
    def centred(self) -> F32:
        """`luma8` about its mean, float32 (H, W)."""
        return _f32(self.luma8 - self.luma8.mean())

    @cached_property
    def large_enough(self) -> bool:
        """Whether transforms of the face exist."""
        return min(self.luma8.shape) >= MIN_SIDE

    @cached_property
    def spectrum(self) -> Spectrum | None:
        """Power spectrum of `luma8` about its mean under a Hann window, or None."""
        return power_spectrum(self.luma8) if self.large_enough else None

    @cached_property
    def block_dct(self) -> F32 | None:
        """Orthonormal 8×8 DCT-II of the blocks that start at (4, 4), float32 (64, n), or None.

        Row 8 u + v holds vertical frequency u and horizontal frequency v. The native cut lies on
        the JPEG grid; half a block off it, no coefficient is one that a quantiser has rounded.
        """
        if not self.large_enough:
            return None
        rows, columns = (side // 8 - 1 for side in self.luma8.shape)
        inner = self.luma8[4 : 4 + 8 * rows, 4 : 4 + 8 * columns]
        inner = inner - np.float32(cv2.mean(inner)[0])
        blocks = inner.reshape(rows, 8, columns, 8).transpose(1, 3, 0, 2).reshape(64, -1)
        return _f32(_dct_matrix() @ blocks)

    @cached_property
    def log_dct(self) -> F32 | None:
        """Log of the squared orthonormal DCT-II of all of `luma8` about its mean, float32 (H, W), or None."""
        if not self.large_enough:
            return None
        power = np.square(scipy.fft.dctn(self.centred, norm="ortho"))
        power += np.float32(POWER_FLOOR)
        return _f32(cv2.log(power, dst=power))  # half the time of np.log

    @cached_property
    def npr(self) -> F32 | None:
        """Differences to the first pixel of 2×2 cells, float32 (3 channels, 3 phases, n), or None.

        Phases: right, below, diagonal. The residual x - upsample(downsample(x)) of Tan et al. 2024
        (arXiv:2312.10461), without its zeros; of at most about SAMPLE cells, from every k-th row.
        """
        height, width = (side // 2 * 2 for side in self.luma.shape)
        if height < 4 or width < 4:
            return None
        rows = self.pixels[:height, :width].reshape(height // 2, 2, width // 2, 6)
        rows = rows[:: row_stride(height * width // 4, SAMPLE)]
        # Places of the cell first, pixels last: above or below, then R, G, B of the left and of the right pixel.
        cells = np.ascontiguousarray(rows.transpose(1, 3, 0, 2)).astype(np.float32).reshape(2, 6, -1)
        first, right, below, diagonal = cells[0, :3], cells[0, 3:], cells[1, :3], cells[1, 3:]
        return np.stack([right - first, below - first, diagonal - first], axis=1)

    @cached_property
    def high_pass(self) -> F32 | None:
        """`square_residual` of the luma without its border, float32 (H - 2, W - 2), or None."""
        if min(self.luma.shape) < 5:
            return None
        return square_residual(self.luma)[1:-1, 1:-1]

    @cached_property
    def context_ycc(self) -> F32:
        """Y, Cr, Cb of the face with its surroundings, float32 (H, W, 3), not rounded."""
        x0, y0, x1, y1 = self._context_window
        cut = self.views.context[y0:y1, x0:x1].astype(np.float32)
        return _f32(cv2.cvtColor(cut, cv2.COLOR_RGB2YCrCb))

    @cached_property
    def context_bands(self) -> tuple[F32, F32, F32]:
        """Fine, middle and coarse band of `context_ycc`, float32 (H, W, 3): differences of box blurs 1-3-7-15 px."""
        narrow, middle, wide = (_f32(cv2.blur(self.context_ycc, (side, side))) for side in _BLUR_SIDES)
        fine = self.context_ycc - narrow
        # In place: fresh memory costs more than the arithmetic.
        narrow -= middle
        middle -= wide
        return fine, narrow, middle

    @cached_property
    def bands(self) -> tuple[F32, F32, F32]:
        """`context_bands` inside the face."""
        x0, y0, x1, y1 = self.face_rectangle
        fine, middle, coarse = (band[y0:y1, x0:x1] for band in self.context_bands)
        return fine, middle, coarse

    @cached_property
    def band_rows(self) -> F32:
        """`bands` as samples, float32 (3 bands, 3 planes, n): whole rows, about BAND_SAMPLE pixels."""
        step = row_stride(self.bands[0].shape[0] * self.bands[0].shape[1], BAND_SAMPLE)
        return np.stack([planes(band[::step]) for band in self.bands])

    @cached_property
    def face_rectangle(self) -> tuple[int, int, int, int]:
        """Rectangle of the face inside `context_ycc`: x0, y0, x1, y1."""
        u0, v0, u1, v1 = self._context_window
        x0, y0, x1, y1 = self.views.face_in_context
        return max(x0 - u0, 0), max(y0 - v0, 0), min(x1, u1) - u0, min(y1, v1) - v0

    @cached_property
    def landmarks(self) -> F32 | None:
        """Landmarks in pixels of `context_ycc`, float32 (5, 2), or None when there are none."""
        points = self.views.landmarks
        if not self.views.found or not np.isfinite(points).all():
            return None
        u0, v0 = self._context_window[:2]
        x0, y0 = self.views.face_in_context[:2]
        return _f32(points + np.array([x0 - u0, y0 - v0], dtype=np.float32))

    @cached_property
    def _context_window(self) -> tuple[int, int, int, int]:
        """Rectangle of the context that is read: all of it, or MAX_CONTEXT px about the face."""
        height, width = self.views.context.shape[:2]
        x0, y0, x1, y1 = self.views.face_in_context
        left = min(max((x0 + x1 - MAX_CONTEXT) // 2, 0), max(width - MAX_CONTEXT, 0))
        top = min(max((y0 + y1 - MAX_CONTEXT) // 2, 0), max(height - MAX_CONTEXT, 0))
        return left, top, min(left + MAX_CONTEXT, width), min(top + MAX_CONTEXT, height)


def _f32(values: NDArray[np.generic]) -> F32:
    return np.asarray(values, dtype=np.float32)


def _centred(height: int, width: int, limit: int) -> tuple[int, int, int, int]:
    """Centred window of at most `limit` px a side, its corner on the 8 px grid."""
    y0, x0 = (max(side - limit, 0) // 16 * 8 for side in (height, width))
    return x0, y0, min(x0 + limit, width), min(y0 + limit, height)


@lru_cache(maxsize=1)
def _dct_matrix() -> F32:
    """Orthonormal 8×8 DCT-II of flattened blocks, (64, 64)."""
    along_one_axis = scipy.fft.dct(np.eye(8), axis=0, norm="ortho")
    return _f32(np.kron(along_one_axis, along_one_axis))
