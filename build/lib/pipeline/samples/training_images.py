"""Augmented training pictures of a net, made from files as they are needed."""

from __future__ import annotations

import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.views import Crop, Face, plan_crop
from models.kinds import LABELLED
from models.nets.crops import crop_for
from models.nets.net_spec import NetSpec
from models.nets.sampler import TrainingPair
from models.synthesis.degradations import degrade, jitter, mirror, resampled
from pipeline.runtime import params
from pipeline.samples.forging import Forger
from pipeline.storage.face_schema import to_face
from pipeline.storage.hashed_files import HashedFile

Pixels = NDArray[np.uint8]


@dataclass(frozen=True)
class TrainImages:
    """Augmented training pictures of one net, pair by pair; the pair alone decides what is drawn.

    Parameters
    ----------
    files : list of HashedFile
        Of the training images.
    faces : float32 array, shape (n, 17)
        Their rows of the face table.
    spec : NetSpec
    options : params.Faces
    forgers : dict of str to Forger
        Of each kind of pseudo-fake that the net learns.
    drawn : dict of str to sequence of lists of str
        Of each kind that a generator draws: the keys of each image's pictures.
    max_pixels : int
    reach : int
        px by which a native window may lie off the face's middle, beside an eighth of the face's side.
    degrade_prob : float
        Of a pair, alike for both of its pictures.
    real_degrade_prob : float
        Of a real face, on its own.
    """

    files: list[HashedFile]
    faces: NDArray[np.float32]
    spec: NetSpec
    options: params.Faces
    forgers: Mapping[str, Forger]
    drawn: Mapping[str, Sequence[Sequence[str]]]
    max_pixels: int
    reach: int
    degrade_prob: float
    real_degrade_prob: float = 0.0

    def __call__(self, pair: TrainingPair) -> tuple[Pixels, Pixels]:
        """Real face and fake, uint8 (size, size, 3), RGB."""
        (real, face_of_real), (fake, face_of_fake) = self._sources(pair)
        if self.real_degrade_prob:  # real faces alone: a net with this learns no labelled fake
            real, face_of_real = self._degrade_real(real, face_of_real, _rng(pair, "real"))
        return self._augmented(real, face_of_real, pair), self._augmented(fake, face_of_fake, pair)

    def _sources(self, pair: TrainingPair) -> tuple[tuple[Pixels, Face], tuple[Pixels, Face]]:
        """Whole images, and the face in each."""
        face = to_face(self.faces[pair.real])
        if pair.kind == LABELLED:
            real, fake = (
                self.files[row].decode(max_pixels=self.max_pixels) for row in (pair.real, pair.fake)
            )
            return (real, face), (fake, to_face(self.faces[pair.fake]))
        rng = _rng(pair, pair.kind)
        pictures = self.drawn[pair.kind][pair.real] if pair.kind in self.drawn else [""]
        picture = pictures[int(rng.integers(len(pictures)))]
        forgery = self.forgers[pair.kind].forge(self.files[pair.real], face, rng, picture=picture)
        return (forgery.real, face), (forgery.fake, face)

    def _augmented(self, pixels: Pixels, face: Face, pair: TrainingPair) -> Pixels:
        """The net's picture; the two of a pair draw the same numbers."""
        rng = np.random.default_rng(pair.draw)
        height, width = pixels.shape[:2]
        crop = plan_crop(face, height=height, width=width, **self.options.cuts())
        moved = jitter(crop, rng) if self.spec.crop == "aligned" else shift(crop, rng, reach=self.reach)
        picture = mirror(crop_for(self.spec, pixels, moved), rng)
        return degrade(picture, rng) if rng.random() < self.degrade_prob else picture

    def _degrade_real(self, pixels: Pixels, face: Face, rng: np.random.Generator) -> tuple[Pixels, Face]:
        """A real face as it is or degraded, then resampled in half of the draws."""
        if rng.random() >= self.real_degrade_prob:
            return pixels, face
        pixels = degrade(pixels, rng)
        if rng.random() < 0.5:
            return pixels, face
        pixels, matrix = resampled(pixels, rng)
        return pixels, face.moved(matrix)


def _rng(pair: TrainingPair, purpose: str) -> np.random.Generator:
    """What is drawn apart from the augmentation that a pair shares."""
    return np.random.default_rng([pair.draw, zlib.crc32(purpose.encode())])


def shift(crop: Crop, rng: np.random.Generator, *, reach: int) -> Crop:
    """The native cut moved by up to an eighth of its side and `reach` px, for random windows."""
    x0, y0, x1, y1 = crop.native
    dx, dy = (int(v) for v in rng.uniform(-1, 1, 2) * (0.125 * (x1 - x0) + reach))
    return Crop(native=(x0 + dx, y0 + dy, x1 + dx, y1 + dy), context=crop.context, matrix=crop.matrix)
