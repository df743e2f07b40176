"""One net to fine-tune: its images by fold, what it is shown of them and in which order."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.kinds import LABELLED
from models.nets.checkpoints import Checkpoint
from models.nets.net_spec import NetSpec
from models.nets.sampler import PairedSampler
from pipeline.runtime import params, paths
from pipeline.samples.forging import Forger
from pipeline.samples.training_images import TrainImages
from pipeline.samples.variants import VariantPlan
from pipeline.storage.hashed_files import HashedFile
from pipeline.storage.row_key import RowKey


@dataclass(frozen=True)
class Job:
    """One net to fine-tune.

    Parameters
    ----------
    name : str
        Its key in finetune.nets.
    net, section, options : params.Net, params.Finetune, params.Faces
    checkpoint : Checkpoint
        What it starts from.
    spec : NetSpec
    max_pixels : int
    train : DataFrame
        Its training images, with `fold`.
    faces : float32 array, shape (n, 17)
        Their rows of the face table.
    plan : VariantPlan
        Which images have which pictures by generators.
    version : str
        Address of all that comes of it.
    """

    name: str
    net: params.Net
    section: params.Finetune
    checkpoint: Checkpoint
    spec: NetSpec
    options: params.Faces
    max_pixels: int
    train: pd.DataFrame
    faces: NDArray[np.float32]
    plan: VariantPlan
    version: str

    @property
    def folder(self) -> Path:
        """Where its runs are kept for resuming."""
        return paths.FINETUNE / self.name / self.version

    def images_to_see(self, fold: int) -> int:
        """Pictures that the net which never sees `fold` is shown."""
        kept = np.flatnonzero(self.train["fold"].to_numpy() != fold)
        _, per_epoch = self.sampler(kept, seed=0).batching(min(self.net.batch_size, len(kept)))
        return self.net.epochs * 2 * per_epoch

    @cached_property
    def drawn(self) -> dict[str, list[list[str]]]:
        """Of each kind that a generator draws: the keys of each image's pictures."""
        keys, targets = map(RowKey.parse, self.train["key"]), self.train["target"].to_numpy()
        faces = [(key, target) for key, target in zip(keys, targets, strict=True)]
        return {
            kind: [
                [key.picture_of(name) for name in self.plan.fakes_of(key, kind)] if target == 0 else []
                for key, target in faces
            ]
            for kind in self.spec.heads
            if kind in self.plan.pictures
        }

    def images(self, kept: NDArray[np.int64]) -> TrainImages:
        """Training pictures of these of its rows."""
        return TrainImages(
            files=HashedFile.of(self.train.iloc[kept]),
            faces=self.faces[kept],
            spec=replace(self.spec, size=self.net.train_size or self.spec.size),
            reach=(self.spec.size - (self.net.train_size or self.spec.size)) // 2,
            options=self.options,
            forgers={
                kind: Forger(kind, max_pixels=self.max_pixels, pictures=self.plan.pictures.get(kind))
                for kind in self.spec.heads
                if kind != LABELLED
            },
            drawn={kind: [keys[row] for row in kept] for kind, keys in self.drawn.items()},
            max_pixels=self.max_pixels,
            degrade_prob=self.net.degrade_prob,
            real_degrade_prob=self.net.real_degrade_prob,
        )

    def sampler(self, kept: NDArray[np.int64], *, seed: int) -> PairedSampler:
        """The order in which these of its rows are shown."""
        rows = self.train.iloc[kept]
        return PairedSampler(
            target=rows["target"].to_numpy(np.int64),
            groups=rows["group"].to_numpy(str),
            sources=rows["source"].to_numpy(str),
            heads=self.spec.heads,
            balance=self.section.source_balance,
            seed=seed,
            can_forge={
                kind: np.array([bool(keys[row]) for row in kept], dtype=bool)
                for kind, keys in self.drawn.items()
            },
        )
