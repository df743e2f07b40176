"""The reasons of one score, for the service: what `pipeline.explain` shows, as JSON or as its page."""

from __future__ import annotations

from typing import Any

from models.bundle import Bundle
from pipeline.reporting.explanation_page import Explained, compose, evidence_picture, framed
from pipeline.reporting.raster import data_uri, shrunk
from pipeline.reporting.rendering import render
from pipeline.serving.explanation import explain
from pipeline.serving.pictures import ReadPicture
from pipeline.serving.prediction_rows import PredictionRow, by_model

SIDE = 320  # px, of a picture in an answer
TOP = 20  # numbers in an answer: the ones that push most


def explained(
    bundle: Bundle, name: str, picture: ReadPicture, *, as_page: bool
) -> tuple[PredictionRow, dict[str, Any], str]:
    """Why one picture gets its score.

    Parameters
    ----------
    bundle : Bundle
    name : str
        Of the picture, for the page.
    picture : ReadPicture
    as_page : bool

    Returns
    -------
    PredictionRow
    dict
        What `Explanation.record` gives, its first numbers alone, and `pictures`: data URIs of the framed face, the
        residual, and, where nets tell, the evidence.
    str
        The page of `pipeline.explain`; empty where it was not asked for.
    """
    (why,) = explain(bundle, [picture.pixels])
    row = by_model(
        name,
        why.prediction,
        picture.notes,
        face=why.face,
        precision=bundle.precision,
        credentials=picture.credentials,
    )
    image = Explained(name, picture.pixels, why, row.warnings, picture.credentials)
    if as_page:
        return row, {}, render(compose([image], [], bundle.info))
    record = why.record()
    pictures = {"face": framed(image), "residual": why.residual}
    if why.evidence is not None:
        pictures["evidence"] = evidence_picture(image)
    reasons = {key: record[key] for key in ("raw", "base", "kinds", "blocks", "spectrum")}
    reasons["features"] = record["features"][:TOP]
    reasons["pictures"] = {
        key: data_uri(shrunk(pixels, side=SIDE), kind="png") for key, pixels in pictures.items()
    }
    return row, reasons, ""
