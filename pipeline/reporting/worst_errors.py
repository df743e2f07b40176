"""The most confident errors on val, each with a thumbnail."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.storage.images import BadImage, read_image

THRESHOLD = 0.5
SIDE = 160  # px, longer side of a thumbnail
QUALITY = 82


@dataclass(frozen=True)
class WorstError:
    """One image on the wrong side. uri : JPEG data URI, or None with the reason in `why`."""

    name: str
    source: str
    target: int
    score: float
    uri: str | None
    why: str = ""


def most_confident(scores: pd.DataFrame, count: int) -> pd.DataFrame:
    """Rows on the wrong side of 0.5, the furthest first: at most half of `count` of each class.

    scores : target (0, 1 or missing), score. Ties keep the order of the rows.
    """
    target = scores["target"].to_numpy(dtype=np.float64, na_value=np.nan)
    wrong = np.where(target == 1, THRESHOLD - scores["score"], scores["score"] - THRESHOLD)
    wrong = np.where(np.isnan(target), -1.0, wrong)
    table = scores.assign(wrong=wrong)[wrong > 0].sort_values("wrong", ascending=False, kind="stable")
    real, fake = table[table["target"] == 0], table[table["target"] == 1]
    return pd.concat([real.head((count + 1) // 2), fake.head(count // 2)]).drop(columns="wrong")


def contact_sheet(scores: pd.DataFrame, count: int) -> list[WorstError]:
    """`most_confident` with thumbnails. scores : img_name, path, source, target, score, width, height."""
    found = []
    for row in most_confident(scores, count).itertuples():
        facts = {
            "name": row.img_name,
            "source": row.source,
            "target": int(row.target),
            "score": float(row.score),
        }
        try:
            # The manifest accepted this size, so it is the bound: a file swapped since is not decoded.
            pixels = read_image(row.path, max_pixels=max(int(row.width) * int(row.height), 1)).pixels
        except BadImage as error:
            found.append(WorstError(**facts, uri=None, why=error.detail))
            continue
        found.append(WorstError(**facts, uri=thumbnail(pixels)))
    return found


def thumbnail(pixels: NDArray[np.uint8]) -> str:
    """JPEG data URI of a picture, at most `SIDE` px on its longer side. pixels : uint8 (H, W, 3), RGB."""
    height, width = pixels.shape[:2]
    scale = min(SIDE / max(height, width), 1.0)
    size = (max(round(width * scale), 1), max(round(height * scale), 1))
    small = cv2.resize(pixels, size, interpolation=cv2.INTER_AREA)
    done, data = cv2.imencode(
        ".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
    )
    if not done:
        raise ValueError("OpenCV could not encode a thumbnail")
    return "data:image/jpeg;base64," + base64.b64encode(data.tobytes()).decode("ascii")
