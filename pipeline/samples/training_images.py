"""Augmented training pictures of a net, made from files as they are needed."""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.views import Crop, Face, plan_crop
from models.kinds import LABELLED, REAL
from models.nets.face_net import NetSpec, crop_for
from models.nets.sampler import TrainingSample
from models.synthesis.degradations import degrade, jitter, mirror, resampled
from pipeline.runtime import params
from pipeline.samples.variants import forge
from pipeline.storage.face_schema import to_face
from pipeline.storage.images import read_image


@dataclass(frozen=True)
class TrainImages:
    """Augmented training pictures of one net, by sample; the sample alone decides what is drawn.

    Parameters
    ----------
    paths : list of str
        Of the training images.
    faces : float32 array, shape (n, 17)
        Their rows of the face table.
    spec : NetSpec
    options : params.Faces
    max_pixels : int
    degrade_prob : float
        Of any picture, alike for the pictures of a pair.
    real_degrade_prob : float
        Of a real face, on its own.
    """

    paths: list[str]
    faces: NDArray[np.float32]
    spec: NetSpec
    options: params.Faces
    max_pixels: int
    degrade_prob: float
    real_degrade_prob: float = 0.0

    def __call__(self, sample: TrainingSample) -> NDArray[np.uint8]:
        """uint8 (size, size, 3), RGB."""
        rng = np.random.default_rng(sample.draw)
        path, face = self.paths[sample.row], to_face(self.faces[sample.row])
        if sample.kind not in (REAL, LABELLED):
            pixels = forge(sample.kind, path, face, _rng(sample), max_pixels=self.max_pixels)
        else:
            pixels = read_image(path, max_pixels=self.max_pixels).pixels
            if self.real_degrade_prob:  # real faces alone: a net with this learns no labelled fake
                pixels, face = self._degrade_real(pixels, face, _rng(sample))
        height, width = pixels.shape[:2]
        crop = plan_crop(face, height=height, width=width, **self.options.cuts())
        moved = jitter(crop, rng) if self.spec.crop == "aligned" else shift(crop, rng)
        picture = mirror(crop_for(self.spec, pixels, moved), rng)
        return degrade(picture, rng) if rng.random() < self.degrade_prob else picture

    def _degrade_real(
        self, pixels: NDArray[np.uint8], face: Face, rng: np.random.Generator
    ) -> tuple[NDArray[np.uint8], Face]:
        """A real face as it is or degraded, then resampled in half of the draws."""
        if rng.random() >= self.real_degrade_prob:
            return pixels, face
        pixels = degrade(pixels, rng)
        if rng.random() < 0.5:
            return pixels, face
        pixels, matrix = resampled(pixels, rng)
        return pixels, face.moved(matrix)


def _rng(sample: TrainingSample) -> np.random.Generator:
    """What is drawn for one picture alone, apart from the augmentation that a pair shares."""
    return np.random.default_rng([sample.draw, zlib.crc32(sample.kind.encode())])


def shift(crop: Crop, rng: np.random.Generator) -> Crop:
    """The native cut moved by up to an eighth of its side, for random windows."""
    x0, y0, x1, y1 = crop.native
    dx, dy = (int(v) for v in rng.uniform(-0.125, 0.125, 2) * (x1 - x0))
    return Crop(native=(x0 + dx, y0 + dy, x1 + dx, y1 + dy), context=crop.context, matrix=crop.matrix)
