"""The trained detector as one folder, and the one path from pixels to score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from features.spectral import compute
from features.views import Crop, Face, cut_views, face_numbers, plan_crop
from models.bundle_info import BundleInfo, read_info
from models.detection.mtcnn import FaceDetector
from models.nets.evidence_map import EvidenceNet
from models.nets.face_net import FaceNet, crop_for
from models.stacker.calibration import at_prior
from models.stacker.novelty import Novelty
from models.stacker.reference import Reference
from models.stacker.stacker import Stacker


@dataclass(frozen=True)
class Prediction:
    """What the model says of one image.

    Parameters
    ----------
    score : float
        Calibrated probability of fake.
    novelty : float
        Share of the training images that are more usual than it.
    log_likelihood_ratios : dict
        Of each kind of fake against real; the largest is what it looks like.
    """

    score: float
    novelty: float
    log_likelihood_ratios: dict[str, float]


@dataclass(frozen=True)
class Bundle:
    """A loaded bundle.

    Parameters
    ----------
    folder : Path
        Where it lies.
    info : BundleInfo
        Its record.
    stacker : Stacker
    novelty : Novelty
    reference : Reference
        Of the training images' numbers.
    device : {"cpu", "cuda"}
        Of detector and nets.
    """

    folder: Path
    info: BundleInfo
    stacker: Stacker
    novelty: Novelty
    reference: Reference
    device: str

    @classmethod
    def load(cls, folder: Path, *, device: str = "cpu") -> Bundle:
        """Read a bundle folder, after every file of it was checked against its record.

        Raises
        ------
        BundleError
            Naming the part that is missing, damaged or altered, or made by other code.
        """
        info = read_info(folder)
        return cls(
            folder,
            info,
            Stacker.load(folder, info.stacker),
            Novelty.load(folder),
            Reference.load(folder),
            device,
        )

    @property
    def prior(self) -> float:
        """Share of fakes among the training images: the score of an image that cannot be read."""
        return self.info.prior

    @property
    def max_pixels(self) -> int:
        """A larger image is not read, as in training."""
        return int(self.info.params["manifest"]["max_pixels"])

    @property
    def kinds(self) -> list[str]:
        """Kinds of fake that a prediction has a ratio for."""
        return [expert.kind for expert in self.stacker.experts]

    @cached_property
    def detector(self) -> FaceDetector:
        """The face detector, with the search options of training."""
        return FaceDetector.of(self.info.params["faces"], device=self.device)

    @cached_property
    def nets(self) -> dict[str, FaceNet]:
        """Nets by block name."""
        return {
            name: FaceNet.load(self.folder / "nets" / name, device=self.device) for name in self.info.nets
        }

    @cached_property
    def evidence_nets(self) -> dict[str, EvidenceNet]:
        """The nets that have logits, by block name, in the form that tells where these come from."""
        folders = {name: self.folder / "nets" / name for name in self.info.blocks_of("net")}
        return {name: EvidenceNet(folder, device=self.device) for name, folder in folders.items()}

    def features(self, pixels: Sequence[NDArray[np.uint8]]) -> tuple[pd.DataFrame, list[Face]]:
        """Every column the stacker reads, and the faces.

        Parameters
        ----------
        pixels : sequence of uint8 arrays, shape (H, W, 3), RGB, of any sizes

        Returns
        -------
        DataFrame
            float32 (n, d), columns in the order of training.
        list of Face
        """
        faces = list(self.detector.detect(pixels))
        crops = [self.crop(picture, face) for picture, face in zip(pixels, faces, strict=True)]
        values: dict[str, NDArray[np.float32]] = {
            "face": face_numbers(
                np.array([face.found for face in faces], np.float32),
                np.array([face.prob for face in faces], np.float32),
            )
        }
        spectral = list(self.info.blocks_of("spectral"))
        rows = [
            compute(cut_views(picture, face, crop), spectral)
            for picture, face, crop in zip(pixels, faces, crops, strict=True)
        ]
        values |= {name: np.stack([row[name] for row in rows]) for name in spectral}
        for name, net in self.nets.items():
            values[name] = net(
                [crop_for(net.spec, picture, crop) for picture, crop in zip(pixels, crops, strict=True)]
            )
        joined = np.concatenate([values[name] for name in self.info.blocks], axis=1)
        columns = [column for block in self.info.blocks.values() for column in block.columns]
        return pd.DataFrame(joined, columns=columns), faces

    def crop(self, pixels: NDArray[np.uint8], face: Face) -> Crop:
        """Geometry of the cuts of one face, with the options of training."""
        scales = {name: self.info.params["faces"][name] for name in ("native", "context", "aligned")}
        return plan_crop(face, height=pixels.shape[0], width=pixels.shape[1], **scales)

    def predict(self, features: pd.DataFrame) -> list[Prediction]:
        """What the stacker says of rows of `features`."""
        ratios = self.stacker.log_likelihood_ratios(features)
        scores = self.stacker.probability(ratios)
        novelty = self.novelty(features.to_numpy(np.float32))
        return [
            Prediction(float(score), float(new), dict(zip(self.kinds, row.tolist(), strict=True)))
            for score, new, row in zip(scores, novelty, ratios, strict=True)
        ]

    def uncalibrated(self, features: pd.DataFrame) -> NDArray[np.float64]:
        """What the fusion of the experts says without calibration, (n,), for the mix of classes in training.

        The fusion counts real and fake alike; only that is converted.
        """
        return at_prior(expit(self.stacker.raw(features)), trained=0.5, wanted=self.prior)

    def score(self, pixels: Sequence[NDArray[np.uint8]]) -> tuple[list[Prediction], list[Face]]:
        """What is said of each picture, uint8 (H, W, 3), RGB, and the faces it was read from."""
        if not pixels:
            return [], []
        features, faces = self.features(pixels)
        return self.predict(features), faces
