"""The page of `python -m pipeline.explain`: a section for each image."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from features.power_spectrum import RINGS_PER_CYCLE
from features.spectral import get
from models.bundle_info import OVERALL, BundleInfo
from pipeline.reporting.elements import (
    Chart,
    Column,
    Drawing,
    Element,
    Figure,
    FigureRow,
    Heading,
    Page,
    Paragraph,
    Section,
    Table,
)
from pipeline.reporting.language import Text, joined, say
from pipeline.reporting.line_chart import spectrum_of_one
from pipeline.reporting.number_format import number, percent
from pipeline.reporting.raster import data_uri, shrunk
from pipeline.serving.content_credentials import ContentCredentials
from pipeline.serving.explanation import Explanation, Push

TITLE = "Why these scores"
TOP = 10  # numbers that a section shows
SIDE = 320  # px, of a picture on the page
_BOX = (213, 94, 0)  # of the face's rectangle, RGB
_HOW = (
    "Pushes are SHAP values in log-odds before calibration: above 0 towards fake. They say what moved this model, not what is "
    "true of the picture. A number alone proves nothing: look at where it lies among the real and the fake training images."
)
_ANSWERS = (
    "With 95 % confidence, each limit by itself, at most that share of real faces lies above the one and of fakes below the "
    "other: for images from sources and kinds of fake like those of training, in their mix. Of a forgery unlike all of them it "
    "says nothing."
)
_EVIDENCE = (
    "Where the nets found it: orange pushes towards fake, blue towards real, as against a typical real face. A place is about a "
    "sixth of the face wide, so this points to a region, not to a pixel; spectral numbers are of the whole face and stand "
    "in no place."
)


@dataclass(frozen=True)
class Explained:
    """One image: its name and pixels, what is said of its score, the remarks on its row, and what its file says of itself."""

    name: str
    pixels: NDArray[np.uint8]
    explanation: Explanation
    warnings: str
    credentials: ContentCredentials | None = None


def compose(images: Sequence[Explained], unread: Sequence[tuple[str, str]], info: BundleInfo) -> Page:
    """Set up the page.

    Parameters
    ----------
    images : sequence of Explained
    unread : sequence of (name, reason)
        Images that could not be read.
    info : BundleInfo
        Of the model.

    Returns
    -------
    Page
    """
    sections = [_section(number_, image, info) for number_, image in enumerate(images)]
    if unread:
        rows = [[name, reason] for name, reason in unread]
        columns = [Column("image", is_text=True, wraps=True), Column("why", is_text=True, wraps=True)]
        sections.append(Section("unread", "Not read", [Table(columns, rows)]))
    verdict = say(
        "Scores of a model of {images} training images, {prior} of them fake: a score is the probability of a deepfake where as "
        "many of the images are fake as there.",
        images=number(info.training.images),
        prior=percent(info.prior, 0),
    )
    return Page(title=TITLE, verdict=verdict, level="ok", notices=[], sections=sections)


def _section(index: int, image: Explained, info: BundleInfo) -> Section:
    why = image.explanation
    pictures = [
        Figure(
            _picture(framed(image), say("{name} with the face's rectangle", name=image.name)),
            _face_words(why),
        ),
        Figure(
            _picture(why.residual, "high-pass residual of the face"),
            "High-pass residual of the face, amplified.",
        ),
    ]
    if why.evidence is not None:
        pictures.insert(1, Figure(_picture(evidence_picture(image), "map of the nets' evidence"), _EVIDENCE))
    elements: list[Element] = [
        Paragraph(_headline(image)),
        *_answers(why),
        *_credentials(image.credentials),
        FigureRow(pictures),
        Heading("Which kind of fake it looks like"),
        _kinds(why),
        Heading("What pushed the score most"),
        _pushes(why),
        Heading("By block"),
        _blocks(why, info),
    ]
    if why.spectrum:
        elements += [Heading("Radial spectrum"), Figure(_spectrum(why), _spectrum_words())]
    return Section(f"image-{index + 1}", image.name, elements)


def _headline(image: Explained) -> Text:
    prediction = image.explanation.prediction
    text = say(
        "Score {score}. Novelty {novelty}: {share} of the training images are more usual than it.",
        score=f"{prediction.score:.4f}",
        novelty=f"{prediction.novelty:.3f}",
        share=percent(prediction.novelty),
    )
    remarks = joined(image.warnings.split("; "), "; ")
    return joined([text, say("Remarks: {remarks}.", remarks=remarks) if remarks else ""])


def _answers(why: Explanation) -> list[Element]:
    """What the limits with a guarantee say; in words where the bundle has none."""
    known = [a for a in why.answers if a.source == OVERALL and (a.fake_above, a.real_below) != (None, None)]
    if not known:
        few = "Answer: undecided. Too few images were kept back in training for a limit with a guarantee."
        return [Paragraph(few)]
    best = next((a for a in reversed(known) if a.answer != "undecided"), None)
    text: str = "Answer: undecided at every share of errors that there are limits for."
    if best is not None:
        text = say(
            "Answer: {answer}, for a share of errors of {rate} of {wrong}.",
            answer=best.answer,
            rate=percent(best.rate),
            wrong="real faces" if best.answer == "fake" else "fakes",
        )
    rows = [[percent(a.rate), number(a.fake_above, 4), number(a.real_below, 4), a.answer] for a in known]
    columns = [*map(Column, ("share of errors", "fake above", "real below")), Column("answer", is_text=True)]
    return [Paragraph(text), Table(columns, rows, _ANSWERS)]


def _credentials(credentials: ContentCredentials | None) -> list[Element]:
    """What the file says of its own making, beside the score."""
    if credentials is None:
        return []
    signer = credentials.signer or "nobody"
    if credentials.status == "absent":
        text = say("The file carries no Content Credentials, which proves nothing.")
    elif credentials.status == "elsewhere":
        text = say("The file names Content Credentials that are kept elsewhere; they were not fetched.")
    elif credentials.status == "valid":
        text = say(
            "The file's Content Credentials hold: it is as {signer} signed it. Whether the signer is who the certificate says "
            "was not checked.",
            signer=signer,
        )
    else:
        text = say(
            "The file's Content Credentials, signed by {signer}, do not hold ({problems}): the picture was changed after it was "
            "signed, or they were.",
            signer=signer,
            problems=", ".join(credentials.problems),
        )
    named = say("Where it comes from, they say: {sources}.", sources=", ".join(credentials.sources))
    return [Paragraph(joined([text, named if credentials.sources else ""]))]


def _face_words(why: Explanation) -> str:
    if not why.face.found:
        return "No face was found: the centred square of the picture was scored."
    return joined(
        [
            say(
                "The face that was scored; the detector's probability is {prob}.", prob=f"{why.face.prob:.3f}"
            ),
            say("{count} faces were found.", count=str(why.face.n_faces)) if why.face.n_faces > 1 else "",
        ]
    )


def _kinds(why: Explanation) -> Table:
    rows = [
        [kind.kind, number(kind.log_likelihood_ratio, signed=True), number(kind.adds, signed=True)]
        for kind in why.kinds
    ]
    columns = [Column("kind", is_text=True), Column("log-likelihood ratio"), Column("adds to the raw score")]
    caption = say(
        "Ratio above 0: more like this kind of fake than like a real face. One expert that is sure is enough. What they "
        "add makes a raw score of {raw}.",
        raw=number(why.raw, signed=True),
    )
    return Table(columns, rows, caption)


def _pushes(why: Explanation) -> Table:
    rows = [
        [
            push.column,
            number(push.push, signed=True),
            number(push.value),
            number(push.real),
            number(push.fake),
            _place(push),
        ]
        for push in why.pushes[:TOP]
    ]
    columns = [
        Column("number", is_text=True),
        Column("push, log-odds"),
        Column("here"),
        Column("median of real"),
        Column("median of fake"),
        Column("higher than", is_text=True),
    ]
    return Table(columns, rows, _HOW)


def _place(push: Push) -> Text:
    shares = {"real": percent(push.above_real, 0), "fake": percent(push.above_fake, 0)}
    return say("{real} of real, {fake} of fake", **shares)


def _blocks(why: Explanation, info: BundleInfo) -> Table:
    rows = [
        [name, number(push, signed=True), _what(name, info)]
        for name, push in sorted(why.blocks.items(), key=lambda item: -abs(item[1]))
    ]
    caption = say("With the base of {base} they add up to the raw score.", base=number(why.base, signed=True))
    columns = [
        Column("block", is_text=True),
        Column("push, log-odds"),
        Column("what it measures", is_text=True, wraps=True),
    ]
    return Table(columns, rows, caption)


def _what(name: str, info: BundleInfo) -> str:
    sort = info.blocks[name].sort
    if sort == "spectral":
        return (get(name).compute.__doc__ or "").strip().partition("\n")[0]
    if name in info.nets:
        net = info.nets[name]
        learned = ", ".join(column.partition(".")[2] for column in info.blocks[name].columns)
        facts = {"model": net.model, "crop": net.crop, "size": str(net.size)}
        what = say("{model}, {crop} picture of {size} px", **facts)
        return joined([what, ": ", learned], "") if sort == "net" else what
    return "Whether a face was found, and how surely."


def _spectrum(why: Explanation) -> Chart:
    frequency = (np.arange(len(why.spectrum["image"])) + 0.5) / RINGS_PER_CYCLE
    lines = {name: np.array(values, dtype=np.float64) for name, values in why.spectrum.items()}
    return spectrum_of_one(frequency, lines)


def _spectrum_words() -> str:
    return "Mean log power by frequency less the mean of all: this face, and the medians of the real and the fake training images."


def framed(image: Explained) -> NDArray[np.uint8]:
    """The whole picture with the rectangle that was scored."""
    pixels = image.pixels.copy()
    x0, y0, x1, y1 = image.explanation.crop.native
    thickness = max(round(max(pixels.shape[:2]) / SIDE), 1)
    cv2.rectangle(pixels, (x0, y0), (x1 - 1, y1 - 1), _BOX, thickness)
    return pixels


def evidence_picture(image: Explained) -> NDArray[np.uint8]:
    """The native cut in grey under orange and blue."""
    x0, y0, x1, y1 = image.explanation.crop.native
    grey = cv2.cvtColor(np.ascontiguousarray(image.pixels[y0:y1, x0:x1]), cv2.COLOR_RGB2GRAY)
    evidence = image.explanation.evidence
    assert evidence is not None
    strength = evidence / max(float(np.abs(evidence).max()), 1e-12)
    colour = np.where(strength[..., None] > 0, np.array(_BOX), np.array((0, 114, 178)))
    share = 0.75 * np.abs(strength)[..., None]
    return np.asarray(np.clip((1 - share) * grey[..., None] + share * colour, 0, 255), np.uint8)


def _picture(pixels: NDArray[np.uint8], alt: str) -> Drawing:
    """A picture at most `SIDE` px wide and high, as PNG."""
    small = shrunk(pixels, side=SIDE)
    return Drawing(uri=data_uri(small, kind="png"), alt=alt, width=max(small.shape[1], 220))
