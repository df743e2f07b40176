"""What is known of one scored face, or of an image that could not be read: the row of every output."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from features.views import Face
from models.bundle import Prediction
from pipeline.serving.content_credentials import ContentCredentials

NO_FACE = "no face found: scored on the centred square of the whole image"
OUT_OF_DISTRIBUTION_FROM = 0.999  # of the novelty
OUT_OF_DISTRIBUTION = "unlike the training images (novelty): out of distribution, the score may mean little"
MAIN_FACE = "the score is that of the main one (largest area times probability)"
BY_MODEL, BY_PRIOR = "model", "training prior"


@dataclass(frozen=True)
class PredictionRow:
    """One line of the output.

    Parameters
    ----------
    name : str
        As it was listed.
    score : float
    source : str
        What the score comes from: BY_MODEL or BY_PRIOR.
    status : str
        "ok", or the code of what is wrong with the image.
    warnings : str
        What a reader has to know about this score; empty for nothing.
    prediction : Prediction or None
        What the model says beside the score; None where the image could not be read.
    face : Face or None
        What was scored, and how many faces there are; None where the image could not be read.
    place : int
        Of the face among those of its image: 1 for the main one.
    precision : str
        What the nets computed in, see `Bundle.precision`; empty where the image could not be read.
    credentials : ContentCredentials or None
        Of the file; None where none were read.
    """

    name: str
    score: float
    source: str
    status: str
    warnings: str
    prediction: Prediction | None = None
    face: Face | None = None
    place: int = 1
    precision: str = ""
    credentials: ContentCredentials | None = None


def by_image(rows: Sequence[PredictionRow]) -> list[list[PredictionRow]]:
    """Rows of `score_files` by image: each begins with that of its main face."""
    firsts = [index for index, row in enumerate(rows) if row.place == 1]
    return [list(rows[start:end]) for start, end in zip(firsts, [*firsts[1:], len(rows)], strict=True)]


def by_model(
    name: str,
    prediction: Prediction,
    notes: Sequence[str],
    *,
    face: Face,
    precision: str,
    credentials: ContentCredentials | None = None,
    place: int | None = None,
) -> PredictionRow:
    """The row of a face that the model has scored.

    Parameters
    ----------
    name : str
        Of the image, as it was listed.
    prediction : Prediction
    notes : sequence of str
        What had to be converted, in words.
    face : Face
        What was scored.
    precision : str
        What the nets computed in.
    credentials : ContentCredentials, optional
        Of the file. They are no warning, and move no score.
    place : int, optional
        Which of the image's faces it is, where each has a row; from 2 on the row is named `<name>#<place>`. Without it,
        the main face stands for its image.

    Returns
    -------
    PredictionRow
        Its warnings are the notes, that there is no face or more than one, and that the novelty is high.
    """
    warnings = list(notes)
    if not face.found:
        warnings.append(NO_FACE)
    if face.n_faces > 1:
        warnings.append(f"{face.n_faces} faces: {MAIN_FACE if place is None else f'this is number {place}'}")
    if prediction.novelty >= OUT_OF_DISTRIBUTION_FROM:
        warnings.append(OUT_OF_DISTRIBUTION)
    called = name if place in (None, 1) else f"{name}#{place}"
    return PredictionRow(
        called,
        prediction.score,
        BY_MODEL,
        "ok",
        "; ".join(warnings),
        prediction,
        face,
        place or 1,
        precision,
        credentials,
    )
