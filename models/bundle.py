"""The trained detector as one folder, and the one path from pixels to score."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from features.spectral import compute
from features.views import Crop, Face, cut_views, face_numbers, plan_crop
from models.bundle_info import BundleError
from models.detection.mtcnn import DETECTOR_VERSION, FaceDetector
from models.nets.face_net import FaceNet, crop_for
from models.stacker.novelty import Novelty
from models.stacker.stacker import Stacker

NET_PREFIXES = ("embed_", "net_")


@dataclass(frozen=True)
class Prediction:
    """What the model says of one image.

    score : calibrated probability of fake. novelty : share of the training images that are more usual.
    log_likelihood_ratios : against real, of each kind of fake; the largest is what it looks like.
    """

    score: float
    novelty: float
    log_likelihood_ratios: dict[str, float]


@dataclass(frozen=True)
class Bundle:
    """A loaded bundle. info : bundle.json; folder : where it lies; device : of detector and nets."""

    folder: Path
    info: dict[str, Any]
    stacker: Stacker
    novelty: Novelty
    device: str

    @classmethod
    def load(cls, folder: Path, *, device: str = "cpu") -> Bundle:
        """Read a bundle folder. Raises BundleError when it is incomplete or of another code version."""
        try:
            info = json.loads((folder / "bundle.json").read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise BundleError(
                f"{folder} holds no bundle.json; train one with `dvc repro` or give --bundle"
            ) from None
        except ValueError as error:
            raise BundleError(f"{folder}/bundle.json is not valid JSON: {error}") from None
        now = code_versions([name for name in info["blocks"] if name in info["versions"]])
        old = {name: version for name, version in info["versions"].items() if now.get(name) != version}
        if old:
            raise BundleError(
                f"{folder} was trained with another version of {', '.join(sorted(old))}; train again with "
                "`dvc repro`, or score with the release that it came from"
            )
        return cls(folder, info, Stacker.load(folder, info["stacker"]), Novelty.load(folder), device)

    @property
    def prior(self) -> float:
        """Share of fakes among the training images: the score of an image that cannot be read."""
        return float(self.info["prior"])

    @property
    def kinds(self) -> list[str]:
        """Kinds of fake that a prediction has a ratio for."""
        return [expert.kind for expert in self.stacker.experts]

    @cached_property
    def detector(self) -> FaceDetector:
        """The face detector, with the search options of training."""
        return FaceDetector.of(self.info["params"]["faces"], device=self.device)

    @cached_property
    def nets(self) -> dict[str, FaceNet]:
        """Nets by block name."""
        names = [name for name in self.info["blocks"] if name.startswith(NET_PREFIXES)]
        return {name: FaceNet.load(self.folder / "nets" / name, device=self.device) for name in names}

    def features(self, pixels: Sequence[NDArray[np.uint8]]) -> tuple[pd.DataFrame, list[Face]]:
        """Every column the stacker reads, and the faces.

        pixels : uint8 (H, W, 3), RGB, of any sizes. Returns float32 (n, d) in the order of training.
        """
        faces = list(self.detector.detect(pixels))
        crops = [self.crop(p, face) for p, face in zip(pixels, faces, strict=True)]
        spectral = [name for name in self.info["blocks"] if name in self.info["versions"] and name != "faces"]
        values: dict[str, NDArray[np.float32]] = {
            "face": face_numbers(
                np.array([f.found for f in faces], np.float32), np.array([f.prob for f in faces], np.float32)
            )
        }
        rows = [
            compute(cut_views(p, face, crop), spectral)
            for p, face, crop in zip(pixels, faces, crops, strict=True)
        ]
        for name in spectral:
            values[name] = np.stack([row[name] for row in rows])
        for name, net in self.nets.items():
            values[name] = net([crop_for(net.spec, p, crop) for p, crop in zip(pixels, crops, strict=True)])
        joined = np.concatenate([values[name] for name in self.info["blocks"]], axis=1)
        columns = [column for block in self.info["blocks"].values() for column in block]
        return pd.DataFrame(joined, columns=columns), faces

    def crop(self, pixels: NDArray[np.uint8], face: Face) -> Crop:
        """Geometry of the cuts of one face, with the options of training."""
        cuts = self.info["params"]["faces"]
        return plan_crop(
            face,
            height=pixels.shape[0],
            width=pixels.shape[1],
            native=cuts["native"],
            context=cuts["context"],
            aligned=cuts["aligned"],
        )

    def predict(self, features: pd.DataFrame) -> list[Prediction]:
        """What the stacker says of rows of `features`."""
        log_likelihood_ratios = self.stacker.log_likelihood_ratios(features)
        score, novelty = (
            self.stacker.probability(log_likelihood_ratios),
            self.novelty(features.to_numpy(np.float32)),
        )
        return [
            Prediction(float(s), float(n), dict(zip(self.kinds, r.tolist(), strict=True)))
            for s, n, r in zip(score, novelty, log_likelihood_ratios, strict=True)
        ]

    def score(self, pixels: Sequence[NDArray[np.uint8]]) -> tuple[list[Prediction], list[Face]]:
        """What is said of each picture, uint8 (H, W, 3), RGB, and the faces it was read from."""
        if not pixels:
            return [], []
        features, faces = self.features(pixels)
        return self.predict(features), faces


def code_versions(names: Sequence[str]) -> dict[str, int]:
    """Versions of the code behind these spectral blocks, and of the detector as `faces`."""
    return {"faces": DETECTOR_VERSION, **{name: 1 for name in names if name != "faces"}}
