"""A pseudo-fake and its real partner from a file, both saved as that file was."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from features.views import Face
from models.kinds import Forgery
from models.synthesis import pseudo_fakes
from models.synthesis.redrawn import mix
from pipeline.storage.hashed_files import HashedFile
from pipeline.storage.images import decode, recompress_like
from pipeline.storage.picture_store import PictureStore


@dataclass(frozen=True)
class Forger:
    """What makes one kind of pseudo-fake.

    Parameters
    ----------
    kind : str
    max_pixels : int
        A larger image is refused.
    pictures : PictureStore, optional
        Where a generator draws this kind: what it drew.
    """

    kind: str
    max_pixels: int
    pictures: PictureStore | None = None

    def forge(self, file: HashedFile, face: Face, rng: np.random.Generator, *, picture: str) -> Forgery:
        """Forge the real face in a file.

        Not saved as that file was, a pseudo-fake would be told from real faces by its lack of compression; and a real
        partner that was saved only once, by its lack of a second one.

        Parameters
        ----------
        file : HashedFile
        face : Face
        rng : numpy.random.Generator
            Decides all that is drawn here.
        picture : str
            Key of the generator's picture; not used for other kinds.

        Returns
        -------
        Forgery
            Real partner and fake as they come back from the file.

        Raises
        ------
        BadImage
            ChangedFile where it is not the picture but its file, or that of the generator's picture.
        """
        data = file.read()
        pixels = decode(data, max_pixels=self.max_pixels, where=file.path).pixels
        if self.pictures is None:
            made = pseudo_fakes.forge(self.kind, pixels, face, rng)
        else:
            made = mix(pixels, self.pictures.read(picture), face, rng)
        return Forgery(recompress_like(made.real, data), recompress_like(made.fake, data), made.mask)
