"""Why an image got its score: what pushed it, how its numbers compare with the training images', and where in the face."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import cv2
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.blocks.radial import bin_columns
from features.signals import Signals
from features.views import Crop, Face, cut_views
from models.bundle import Bundle, Prediction
from models.bundle_info import ThresholdInfo
from models.nets.crops import crop_for, from_image
from models.nets.net_spec import NetSpec

_NO_GAP = 1e-6  # between a logit and that of the typical real face: it moves nothing


@dataclass(frozen=True)
class Push:
    """What one number does to the score.

    Attributes
    ----------
    column : str
        `block.column`.
    push : float
        SHAP value in the raw score, log-odds: above 0 towards fake.
    value : float or None
        Of this image; None where nothing could be measured.
    real, fake : float or None
        Median of the real and of the fake training images.
    above_real, above_fake : float or None
        Share of the real and of the fake training images with a smaller number.
    """

    column: str
    push: float
    value: float | None
    real: float | None
    fake: float | None
    above_real: float | None
    above_fake: float | None


@dataclass(frozen=True)
class KindEvidence:
    """What the expert of one kind of fake says: its log-likelihood ratio, and what that adds to the raw score."""

    kind: str
    log_likelihood_ratio: float
    adds: float


@dataclass(frozen=True)
class Answer:
    """What the bundle's limits for a wanted share of errors say of a score.

    Attributes
    ----------
    source : str
        Whose images the limits hold for; `(overall)` for all in their mix.
    rate : float
        Wanted share of errors, with 95 % confidence, each side by itself.
    fake_above, real_below : float or None
        The limits; None where too few images were kept for one.
    answer : {"fake", "real", "undecided"}
    """

    source: str
    rate: float
    fake_above: float | None
    real_below: float | None
    answer: str

    @classmethod
    def of(cls, limit: ThresholdInfo, score: float) -> Answer:
        """Hold a score, at the mix of classes in training, against limits."""
        above = limit.fake_above is not None and score > limit.fake_above
        below = limit.real_below is not None and score < limit.real_below
        answer = "fake" if above else "real" if below else "undecided"
        return cls(limit.source, limit.rate, limit.fake_above, limit.real_below, answer)


@dataclass(frozen=True)
class Explanation:
    """Everything that is known of one score.

    Attributes
    ----------
    prediction : Prediction
    answers : list of Answer
        Of every limit in the bundle, in its order: overall first, sources after it, rates falling.
    face : Face
    crop : Crop
    raw, base : float
        Raw score before calibration, log-odds, and what of it is the same for every image or shared by all numbers.
    kinds : list of KindEvidence
        The one that adds most first.
    pushes : list of Push
        Every number, the one that moves the score most first: `base` and all pushes add up to `raw`.
    blocks : dict of str to float
        Sum of the pushes of each block.
    evidence : float32 array, shape (h, w), or None
        What each pixel of the native cut adds to the raw score by the logits of the nets, relative to a typical real face.
        None where no net tells.
    residual : uint8 array, shape (h, w)
        High-pass residual of the face, 128 is none.
    spectrum : dict of str to list of float
        Bins of the radial spectrum: `image`, and the medians of `real` and `fake` training images; empty without that block.
    """

    prediction: Prediction
    answers: list[Answer]
    face: Face
    crop: Crop
    raw: float
    base: float
    kinds: list[KindEvidence]
    pushes: list[Push]
    blocks: dict[str, float]
    evidence: NDArray[np.float32] | None
    residual: NDArray[np.uint8]
    spectrum: dict[str, list[float | None]] = field(default_factory=dict)

    def record(self) -> dict[str, Any]:
        """All but the pictures, in types that JSON has."""
        return {
            "y_pred": self.prediction.score,
            "novelty": self.prediction.novelty,
            "answers": [asdict(answer) for answer in self.answers],
            "face": {
                "found": self.face.found,
                "n_faces": self.face.n_faces,
                "prob": _known(self.face.prob),
                "box": [_known(v) for v in self.face.box],
            },
            "raw": self.raw,
            "base": self.base,
            "kinds": [asdict(kind) for kind in self.kinds],
            "blocks": self.blocks,
            "features": [asdict(push) for push in self.pushes],
            "spectrum": self.spectrum,
        }


def explain(bundle: Bundle, pictures: Sequence[NDArray[np.uint8]]) -> list[Explanation]:
    """Score pictures and say why.

    Parameters
    ----------
    bundle : Bundle
    pictures : sequence of uint8 arrays, shape (H, W, 3), RGB
        Several cost less each than one alone, whose nets run on a batch of a fixed size.

    Returns
    -------
    list of Explanation
        Their predictions are those that `Bundle.score` gives.
    """
    if not pictures:
        return []
    features, faces = bundle.features(pictures)
    return [
        _explained(bundle, pixels, face, features.iloc[[row]].reset_index(drop=True))
        for row, (pixels, face) in enumerate(zip(pictures, faces, strict=True))
    ]


def _explained(bundle: Bundle, pixels: NDArray[np.uint8], face: Face, features: pd.DataFrame) -> Explanation:
    """Why one picture, with these features, gets its score."""
    (prediction,) = bundle.predict(features)
    ratios = np.array([list(prediction.log_likelihood_ratios.values())])
    raw = float(bundle.stacker.fusion(ratios)[0])
    crop = bundle.crop(pixels, face)
    contributions = bundle.stacker.contributions(features)[0]
    by_column = dict(zip(features.columns, contributions[:-1].tolist(), strict=True))
    blocks = {
        name: sum(by_column[column] for column in block.columns) for name, block in bundle.info.blocks.items()
    }
    return Explanation(
        prediction=prediction,
        answers=[Answer.of(limit, prediction.score) for limit in bundle.info.thresholds],
        face=face,
        crop=crop,
        raw=raw,
        base=float(contributions[-1]),
        kinds=_kinds(bundle, ratios),
        pushes=_pushes(bundle, features, by_column),
        blocks=blocks,
        evidence=_evidence(bundle, features, pixels, crop, raw=raw),
        residual=_residual(pixels, face, crop),
        spectrum=_spectrum(bundle, features),
    )


def _kinds(bundle: Bundle, ratios: NDArray[np.float64]) -> list[KindEvidence]:
    added = bundle.stacker.fusion.terms(ratios)
    kinds = [
        KindEvidence(kind, float(ratio), float(adds))
        for kind, ratio, adds in zip(bundle.kinds, ratios[0], added[0], strict=True)
    ]
    return sorted(kinds, key=lambda kind: -kind.adds)


def _pushes(bundle: Bundle, features: pd.DataFrame, by_column: dict[str, float]) -> list[Push]:
    row = features.to_numpy(np.float32)[0]
    above_real, above_fake = bundle.reference.place(row)
    real, fake = bundle.reference.medians()
    pushes = [
        Push(name, push, *(_known(v[i]) for v in (row, real, fake, above_real, above_fake)))
        for i, (name, push) in enumerate(by_column.items())
    ]
    return sorted(pushes, key=lambda push: -abs(push.push))


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _evidence(
    bundle: Bundle, features: pd.DataFrame, pixels: NDArray[np.uint8], crop: Crop, *, raw: float
) -> NDArray[np.float32] | None:
    """Pushes of the logits, spread over the places that say something else than they say of a real face."""
    typical = pd.Series(bundle.reference.medians()[0], index=features.columns)
    slopes = _slopes(bundle, features, typical, raw=raw)
    x0, y0, x1, y1 = crop.native
    total: NDArray[np.float32] | None = None
    for name, net in bundle.evidence_nets.items():
        if net.typical is None or (by_head := net(crop_for(net.spec, pixels, crop))) is None:
            continue
        total = np.zeros((y1 - y0, x1 - x0), np.float32) if total is None else total
        for column, places in zip(bundle.info.blocks[name].columns, by_head - net.typical, strict=True):
            # What the means leave over, rounding and the typical face's median, goes to all places alike.
            gap = np.float32(features[column].iloc[0]) - np.float32(typical[column])
            exact = places + (gap - places.mean())
            shown = exact * np.float32(slopes[column] / places.size)
            total += _on_native(shown, net.spec, crop, shape=pixels.shape[:2])
    return total


def _slopes(bundle: Bundle, features: pd.DataFrame, typical: pd.Series, *, raw: float) -> dict[str, float]:
    """How much of the raw score goes, by unit of each net's logit, when the logit becomes a typical real face's; 0 where it
    is one already."""
    columns = [column for name in bundle.evidence_nets for column in bundle.info.blocks[name].columns]
    without = features.loc[features.index.repeat(len(columns))].reset_index(drop=True)
    for row, column in enumerate(columns):
        without.loc[row, column] = np.float32(typical[column])
    gaps = features[columns].iloc[0].to_numpy(np.float64) - typical[columns].to_numpy(np.float64)
    falls = raw - bundle.stacker.raw(without)
    slopes = np.divide(falls, gaps, out=np.zeros(len(columns)), where=np.abs(gaps) > _NO_GAP)
    return dict(zip(columns, slopes.tolist(), strict=True))


def _on_native(
    places: NDArray[np.float32], spec: NetSpec, crop: Crop, *, shape: tuple[int, int]
) -> NDArray[np.float32]:
    """Values of a net's places, (h, w), as a smooth picture of the native cut with about the same sum; what the net did
    not see stays 0."""
    height, width = places.shape
    unit = from_image(spec, crop, height=shape[0], width=shape[1])
    # From pixels of the image to places, whose centres lie at integer + 0.5 as those of pixels do.
    to_places = unit * np.array([[width], [height]])
    area = abs(float(np.linalg.det(to_places[:, :2])))  # places in a pixel
    x0, y0, x1, y1 = crop.native
    to_places[:, 2] += to_places[:, :2] @ np.array([x0 + 0.5, y0 + 0.5]) - 0.5
    return np.asarray(
        area
        * cv2.warpAffine(
            places,
            to_places,
            (x1 - x0, y1 - y0),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_CONSTANT,
        ),
        dtype=np.float32,
    )


def _residual(pixels: NDArray[np.uint8], face: Face, crop: Crop) -> NDArray[np.uint8]:
    residual = Signals(cut_views(pixels, face, crop)).high_pass
    if residual is None:
        return np.full((1, 1), 128, np.uint8)
    scale = 48.0 / max(float(np.percentile(np.abs(residual), 95)), 1.0)
    return np.asarray(np.clip(128 + residual * scale, 0, 255), np.uint8)


def _spectrum(bundle: Bundle, features: pd.DataFrame) -> dict[str, list[float | None]]:
    columns = bin_columns(list(features.columns))
    at = features.columns.get_indexer(columns)
    real, fake = bundle.reference.medians()
    rows = {"image": features.to_numpy(np.float32)[0], "real": real, "fake": fake}
    return {name: [_known(v) for v in row[at]] for name, row in rows.items()} if columns else {}
