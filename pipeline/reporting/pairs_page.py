"""The page of the audit: what it found, and the pairs of images behind it, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from pipeline.reporting.elements import (
    Column,
    ContactSheet,
    Element,
    Page,
    Paragraph,
    Section,
    Table,
    Thumbnail,
)
from pipeline.reporting.language import Text, joined, say
from pipeline.reporting.number_format import number
from pipeline.reporting.raster import data_uri, shrunk
from pipeline.storage.hashed_files import HashedFile
from pipeline.storage.images import BadImage

TITLE = "What the audit found"
VERDICTS = {
    "ok": "Nothing but the faces was found to tell the classes apart, and nothing was found in two splits.",
    "amber": "Read the warnings before any figure.",
    "red": "The labels can be told without the faces, or images repeat: figures on these splits are not to be trusted.",
}
SHOWN = 60  # pairs of a kind on the page; reports/audit.json lists more
_SIDE, _GAP, _QUALITY = 120, 6, 82  # px of each picture and between the two; JPEG quality
_LABELS: dict[Any, str] = {0: "real", 1: "fake", None: "no label"}
_SECTIONS = {
    "near-duplicate": (
        "near-duplicates",
        "Near-duplicates",
        "The figure is the correlation of the edges of two pictures, laid over each other; 0.90 and more counts as the same "
        "picture. Copies are here, and neighbouring frames of one shot.",
    ),
    "same person": (
        "people",
        "People in two splits",
        "The figure is the distance of two faces in a face-recognition net; the smaller, the likelier the same person. "
        "Nothing of it is kept.",
    ),
}


def compose(report: Mapping[str, Any]) -> Page:
    """Set up the page.

    Parameters
    ----------
    report : mapping
        As `findings.audit` returns it.

    Returns
    -------
    Page
        Its thumbnails are read from the images; one that cannot be read has its reason instead.
    """
    rows = [[finding["level"], finding["text"]] for finding in report["findings"]]
    columns = [Column("level", is_text=True), Column("finding", is_text=True, wraps=True)]
    sections = [Section("findings", "Findings", [Table(columns, rows)])]
    for kind, (anchor, title, words) in _SECTIONS.items():
        pairs = [pair for pair in report["pairs"] if pair["kind"] == kind]
        sections.append(Section(anchor, title, _pairs(pairs, words)))
    level = report["verdict"]
    return Page(title=TITLE, verdict=VERDICTS[level], level=level, notices=[], sections=sections)


def _pairs(pairs: Sequence[Mapping[str, Any]], words: str) -> list[Element]:
    if not pairs:
        return [Paragraph("No pair was found.")]
    texts = [words]
    if len(pairs) > SHOWN:
        texts.append(
            say("The first {shown} of {count} are shown.", shown=number(SHOWN), count=number(len(pairs)))
        )
    return [Paragraph(joined(texts)), ContactSheet([_side_by_side(pair) for pair in pairs[:SHOWN]])]


def _side_by_side(pair: Mapping[str, Any]) -> Thumbnail:
    first, second = pair["first"], pair["second"]
    names = f"{first['img_name']} | {second['img_name']}"
    places = joined([_place(first), " | ", _place(second), ", mirrored" if pair["mirrored"] else ""], "")
    try:
        pictures = [_picture(first), _picture(second)]
    except BadImage as bad:
        return Thumbnail(None, bad.detail, names, places, f"{pair['likeness']:.3f}")
    return Thumbnail(
        _beside(pictures), say("{names}, side by side", names=names), names, places, f"{pair['likeness']:.3f}"
    )


def _place(image: Mapping[str, Any]) -> Text:
    return joined([image["split"], _LABELS[image["target"]]])


def _picture(image: Mapping[str, Any]) -> NDArray[np.uint8]:
    """A small picture of an image. Raises BadImage."""
    file = HashedFile(image["path"], image["sha256"])
    return shrunk(file.decode(max_pixels=image["width"] * image["height"]), side=_SIDE)


def _beside(pictures: Sequence[NDArray[np.uint8]]) -> str:
    """JPEG data URI of two pictures on white."""
    canvas = np.full((_SIDE, 2 * _SIDE + _GAP, 3), 255, np.uint8)
    for place, picture in enumerate(pictures):
        height, width = picture.shape[:2]
        top, left = (_SIDE - height) // 2, place * (_SIDE + _GAP) + (_SIDE - width) // 2
        canvas[top : top + height, left : left + width] = picture
    return data_uri(canvas, kind="jpeg", options=[cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
