"""Coordinates that a face carries with it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.views import CENTRE, Face, similarity


@dataclass(frozen=True)
class Frame:
    """The unit square of the landmark template, laid onto a face.

    Attributes
    ----------
    matrix : float64 array, shape (2, 3)
        Unit square to px.
    size : float
        Side of the square, px.
    """

    matrix: NDArray[np.float64]
    size: float

    @classmethod
    def of(cls, face: Face, *, height: int, width: int) -> Frame:
        """From landmarks; without them the template is laid into the image's centred square.

        Parameters
        ----------
        face : Face
        height, width : int
            Of the image, px.

        Returns
        -------
        Frame
        """
        if not face.found or not np.isfinite(face.landmarks).all():
            return cls.centred(height=height, width=width)
        inward = similarity(np.asarray(face.landmarks, dtype=np.float64), scale=1.0)
        linear = np.linalg.inv(inward[:, :2])
        # `similarity` centres its square on CENTRE of the template; the frame has the template's square.
        offset = linear @ (0.5 - CENTRE - inward[:, 2])
        return cls(np.hstack([linear, offset[:, None]]), float(np.hypot(linear[0, 0], linear[1, 0])))

    @classmethod
    def centred(cls, *, height: int, width: int) -> Frame:
        """The template laid into the centred square of an image.

        Parameters
        ----------
        height, width : int
            Of the image, px.

        Returns
        -------
        Frame
        """
        side = min(height, width)
        offset = np.array([(width - side) / 2, (height - side) / 2])
        return cls(np.hstack([side * np.eye(2), offset[:, None]]), float(side))

    def to_pixels(self, points: NDArray[np.float64]) -> NDArray[np.float64]:
        """From the unit square to the image.

        Parameters
        ----------
        points : float64 array, shape (n, 2)
            x and y in the unit square.

        Returns
        -------
        float64 array, shape (n, 2), px
        """
        return points @ self.matrix[:, :2].T + self.matrix[:, 2]
