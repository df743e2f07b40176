"""The most confident errors on val, each with a thumbnail."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.reporting.raster import data_uri, shrunk
from pipeline.storage.hashed_files import ChangedFile, HashedFile
from pipeline.storage.images import BadImage
from pipeline.storage.unmade import Unmade

THRESHOLD = 0.5
SIDE = 160  # px, longer side of a thumbnail
QUALITY = 82


@dataclass(frozen=True)
class WorstError:
    """An image on the wrong side of the threshold.

    Attributes
    ----------
    name, source : str
        As listed.
    target : int
        0 real, 1 fake.
    score : float
        Probability of a fake.
    uri : str or None
        JPEG data URI of a thumbnail; None when the file cannot be read.
    why : str
        Why it cannot be read.
    """

    name: str
    source: str
    target: int
    score: float
    uri: str | None
    why: str = ""


def most_confident(scores: pd.DataFrame, count: int) -> pd.DataFrame:
    """Pick the rows that are furthest on the wrong side of the threshold.

    Parameters
    ----------
    scores : DataFrame
        Columns target (0, 1 or missing) and score; rows without a target are never wrong.
    count : int
        Rows at most, half of them (of an odd count, one more) real.

    Returns
    -------
    DataFrame
        Rows of `scores`, real ones first, the furthest of each class first; ties in the order of the rows.
    """
    target = scores["target"].to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = np.where(target == 1, THRESHOLD - scores["score"], scores["score"] - THRESHOLD)
    wrong = np.where(np.isnan(target), -1.0, wrong)
    table = scores.assign(wrong=wrong)[wrong > 0].sort_values("wrong", ascending=False, kind="stable")
    real, fake = table[table["target"] == 0], table[table["target"] == 1]
    return pd.concat([real.head((count + 1) // 2), fake.head(count // 2)]).drop(columns="wrong")


def contact_sheet(scores: pd.DataFrame, count: int) -> tuple[list[WorstError], list[Unmade]]:
    """Load a thumbnail of each of the `most_confident` errors.

    Parameters
    ----------
    scores : DataFrame
        Columns img_name, path, sha256, source, target, score, width and height (px, of the file in the manifest).
    count : int
        Images at most.

    Returns
    -------
    list of WorstError
        In the order of `most_confident`.
    list of Unmade
        Those whose file is not the one that stage manifest saw: they have no thumbnail.
    """
    errors, unmade = [], []
    for row in most_confident(scores, count).itertuples():
        uri, why = None, ""
        try:
            file = HashedFile(row.path, row.sha256)
            uri = thumbnail(file.decode(max_pixels=int(row.width) * int(row.height)))
        except BadImage as error:
            why = error.detail
            unmade += [Unmade.by(error, row=row.sha256)] if isinstance(error, ChangedFile) else []
        errors.append(WorstError(row.img_name, row.source, int(row.target), float(row.score), uri, why))
    return errors, unmade


def thumbnail(pixels: NDArray[np.uint8]) -> str:
    """Shrink a picture to at most `SIDE` px on its longer side; a smaller one keeps its size.

    Parameters
    ----------
    pixels : uint8 array, shape (H, W, 3), RGB
        The picture.

    Returns
    -------
    str
        JPEG data URI.
    """
    return data_uri(shrunk(pixels, side=SIDE), kind="jpeg", options=[cv2.IMWRITE_JPEG_QUALITY, QUALITY])
