"""The trained detector as one folder, and the one path from pixels to score.

Detector and nets are imported when a picture is scored: torch and timm take seconds to import, and whoever reads stored
rows (stages `evaluate`, `report` and `predict`) needs neither.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from features.spectral import compute, get
from features.views import Crop, Face, cut_views, face_numbers, plan_crop
from models.bundle_files import read_info, read_part
from models.bundle_info import DETECTOR_FILE, NOVELTY_FILE, REFERENCE_FILE, BundleError, BundleInfo
from models.cpu_engine import give_back
from models.stacker.calibration import at_prior
from models.stacker.novelty import Novelty
from models.stacker.reference import Reference
from models.stacker.stacker import Stacker

if TYPE_CHECKING:
    from models.detection.mtcnn import FaceDetector
    from models.nets.evidence_map import EvidenceNet
    from models.nets.face_net import FaceNet

LARGE = 16 << 20  # bytes of a picture


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
        return cls.of(folder, read_info(folder), device=device)

    @classmethod
    def of(cls, folder: Path, info: BundleInfo, *, device: str) -> Bundle:
        """Read the parts that a record names; each is checked against it once more as it is read.

        Raises
        ------
        BundleError
            As of `load`.
        """
        columns = len(info.stacker.columns)
        try:
            for name, block in info.blocks_of("spectral").items():
                if block.columns != list(get(name).columns):
                    raise ValueError(f"the columns of block {name} are not those of this release")
            stacker = Stacker.load(info.stacker, read=lambda name: read_part(folder, info, folder / name))
            novelty = Novelty.load(read_part(folder, info, folder / NOVELTY_FILE), columns=columns)
            reference = Reference.load(read_part(folder, info, folder / REFERENCE_FILE), columns=columns)
        except ValueError as error:
            raise BundleError(f"{folder}: {error}; copy the bundle again or train again") from None
        return cls(folder, info, stacker, novelty, reference, device)

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
        from models.detection.mtcnn import FaceDetector

        return FaceDetector.of(
            self.info.params["faces"],
            device=self.device,
            state=read_part(self.folder, self.info, self.folder / DETECTOR_FILE),
        )

    @cached_property
    def nets(self) -> dict[str, FaceNet]:
        """Nets by block name. Raises BundleError where one is not the one that the record names."""
        from models.nets.face_net import FaceNet

        nets = {}
        for name in self.info.nets:
            net = FaceNet.load(
                self.folder / "nets" / name,
                device=self.device,
                read=lambda path: read_part(self.folder, self.info, path),
            )
            if net.width != len(self.info.blocks[name].columns):
                raise BundleError(
                    f"{self.folder}: nets/{name} gives {net.width} numbers, its block has "
                    f"{len(self.info.blocks[name].columns)}; train again"
                )
            nets[name] = net
        return nets

    @property
    def precision(self) -> str:
        """What the nets compute in here: f32 or bf16, both with a + where they differ; empty without a net."""
        return "+".join(sorted({net.precision for net in self.nets.values()}))

    @cached_property
    def evidence_nets(self) -> dict[str, EvidenceNet]:
        """The nets that have logits, by block name, in the form that tells where these come from."""
        from models.nets.evidence_map import EvidenceNet

        return {
            name: EvidenceNet(
                self.folder / "nets" / name,
                device=self.device,
                read=lambda path: read_part(self.folder, self.info, path),
            )
            for name in self.info.blocks_of("net")
        }

    def features(self, pixels: Sequence[NDArray[np.uint8]]) -> tuple[pd.DataFrame, list[Face]]:
        """Every column the stacker reads, and the main faces.

        Parameters
        ----------
        pixels : sequence of uint8 arrays, shape (H, W, 3), RGB, of any sizes

        Returns
        -------
        DataFrame
            float32 (n, d), columns in the order of training.
        list of Face
        """
        faces = self.detector.detect(pixels)
        return self.features_of(pixels, faces), faces

    def features_of(self, pixels: Sequence[NDArray[np.uint8]], faces: Sequence[Face]) -> pd.DataFrame:
        """Every column the stacker reads, of faces that are known.

        Parameters
        ----------
        pixels : sequence of uint8 arrays, shape (H, W, 3), RGB, of any sizes
        faces : sequence of Face
            One for each of `pixels`.

        Returns
        -------
        DataFrame
            float32 (n, d), columns in the order of training.
        """
        crops = [self.crop(picture, face) for picture, face in zip(pixels, faces, strict=True)]
        values: dict[str, NDArray[np.float32]] = {
            "face": face_numbers(
                np.array([face.found for face in faces], np.float32),
                np.array([face.prob for face in faces], np.float32),
            )
        }
        spectral = list(self.info.blocks_of("spectral"))
        rows = [
            compute(cut_views(picture, face, crop, own=False), spectral)
            for picture, face, crop in zip(pixels, faces, crops, strict=True)
        ]
        values |= {name: np.stack([row[name] for row in rows]) for name in spectral}
        values |= self._net_rows(pixels, crops)
        joined = np.concatenate([values[name] for name in self.info.blocks], axis=1)
        columns = [column for block in self.info.blocks.values() for column in block.columns]
        return pd.DataFrame(joined, columns=columns)

    def _net_rows(
        self, pixels: Sequence[NDArray[np.uint8]], crops: Sequence[Crop]
    ) -> dict[str, NDArray[np.float32]]:
        if not self.info.nets:
            return {}
        from models.nets.crops import crop_for

        return {
            name: net(
                [crop_for(net.spec, picture, crop) for picture, crop in zip(pixels, crops, strict=True)]
            )
            for name, net in self.nets.items()
        }

    def crop(self, pixels: NDArray[np.uint8], face: Face) -> Crop:
        """Geometry of the cuts of one face, with the options of training."""
        scales = {name: self.info.params["faces"][name] for name in ("native", "context", "aligned")}
        return plan_crop(face, height=pixels.shape[0], width=pixels.shape[1], **scales)

    def predict(self, features: pd.DataFrame) -> list[Prediction]:
        """What the stacker says of rows of `features`. Raises BundleError where that is no number."""
        ratios = self.stacker.log_likelihood_ratios(features)
        scores = self.stacker.probability(ratios)
        novelty = self.novelty(features.to_numpy(np.float32))
        if not (np.isfinite(ratios).all() and np.isfinite(scores).all()):
            raise BundleError(f"{self.folder} gives a score that is no number; train again")
        return [
            Prediction(float(score), float(new), dict(zip(self.kinds, row.tolist(), strict=True)))
            for score, new, row in zip(scores, novelty, ratios, strict=True)
        ]

    def uncalibrated(self, features: pd.DataFrame) -> NDArray[np.float64]:
        """What the fusion of the experts says without calibration, (n,), for the mix of classes in training.

        The fusion counts real and fake alike; only that is converted.
        """
        return at_prior(expit(self.stacker.raw(features)), trained=0.5, wanted=self.prior)

    def score(
        self, pixels: Sequence[NDArray[np.uint8]], *, every_face: bool = False
    ) -> list[list[tuple[Prediction, Face]]]:
        """What is said of the faces of each picture.

        Parameters
        ----------
        pixels : sequence of uint8 arrays, shape (H, W, 3), RGB, of any sizes
        every_face : bool
            Whether the other faces that the detector found are scored too, the main one first.

        Returns
        -------
        list of lists of (Prediction, Face)
            One at least for each picture: without a face it is read from the centred square.
        """
        if not pixels:
            return []
        found = self.detector.detect_every(pixels)
        large = sum(picture.nbytes for picture in pixels) >= LARGE * len(pixels)
        if (
            large
        ):  # beside the pixels of photos what detector and nets keep counts, and takes no time to take again
            self.detector.release_memory()
            give_back()
        chosen = [faces if every_face else faces[:1] for faces in found]
        repeated = [picture for picture, faces in zip(pixels, chosen, strict=True) for _ in faces]
        flat = [face for faces in chosen for face in faces]
        features = self.features_of(repeated, flat)
        if large:
            for net in self.nets.values():
                net.release_memory()
        pairs = iter(zip(self.predict(features), flat, strict=True))
        return [[next(pairs) for _ in faces] for faces in chosen]
