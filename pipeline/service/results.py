"""What a scoring process sends back: plain values, so that the front of the service loads nothing that scores."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pipeline.serving.content_credentials import ContentCredentials


@dataclass(frozen=True)
class FaceResult:
    """What is said of a face, or of the centred square of an image without one.

    Attributes
    ----------
    place : int
        1 for the main face.
    found : bool
    n_faces : int
        Of the image.
    prob : float
        The detector's.
    box : tuple of 4 floats
        x0, y0, x1, y1 in px of the upright image.
    score, novelty : float
    is_strange : bool
        Whether it is unlike all training images.
    log_likelihood_ratios : dict of str to float
    warnings : list of str
    credentials : ContentCredentials or None
        Of the image's file; None where none were read.
    """

    place: int
    found: bool
    n_faces: int
    prob: float
    box: tuple[float, ...]
    score: float
    novelty: float
    is_strange: bool
    log_likelihood_ratios: dict[str, float]
    warnings: list[str]
    credentials: ContentCredentials | None = None


@dataclass(frozen=True)
class Failed:
    """What became of an image that could not be worked on: a code, and words for people."""

    status: str
    message: str


@dataclass(frozen=True)
class Explained:
    """Why an image got its score: what is said of its face, the reasons in types that JSON has, and, where it was asked
    for, the page."""

    face: FaceResult
    reasons: dict[str, Any]
    page: str


Result = list[FaceResult] | Explained | Failed
