"""Bundles: any damage is told by the hashes; a stranger's own hashes do not help a text that is no model."""

from __future__ import annotations

import json
import random
import shutil
import tempfile
from pathlib import Path

import numpy as np
import pandas as pd

from features.spectral import get
from models.bundle_files import files_of, parse_record, read_info, read_part, write_info
from models.bundle_info import (
    DETECTOR_FILE,
    FILE,
    NOVELTY_FILE,
    REFERENCE_FILE,
    BlockInfo,
    BundleInfo,
    TrainingInfo,
    sha256,
)
from models.detection import weights
from models.errors import UserError
from models.stacker.novelty import Novelty
from models.stacker.reference import Reference
from models.stacker.stacker import Stacker
from models.stacker.training import fit
from pipeline.runtime.params import Faces, Train
from tests.fuzz.faults import demand
from tests.fuzz.mutations import damaged


def write_bundle(folder: Path) -> BundleInfo:
    """A bundle of trees over one spectral block, without nets."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    radial = get("radial").columns
    columns = ["face.found", "face.prob", *radial]
    values = rng.normal(size=(200, len(columns))).astype(np.float32)
    target = (values[:, 2] + rng.normal(size=200) > 0).astype(np.int64)
    options = Train.model_validate({"num_boost_round": 20, "early_stopping": 5, "min_data_in_leaf": 5})
    groups = np.arange(200).astype(str)
    stacker = fit(pd.DataFrame(values, columns=columns), target, groups, options=options)
    (folder / DETECTOR_FILE).write_bytes(weights.packaged())
    Novelty.fit(values, seed=0).save(folder)
    Reference.fit(values, target).save(folder)
    faces = Faces.model_validate({}).model_dump(mode="json")
    info = BundleInfo(
        blocks={
            "face": BlockInfo(sort="face", columns=columns[:2]),
            "radial": BlockInfo(sort="spectral", columns=list(radial)),
        },
        stacker=stacker.save(folder),
        nets={},
        warnings=[],
        prior=0.5,
        params={"faces": faces, "manifest": {"max_pixels": 10**8}},
        training=TrainingInfo(
            images=200,
            fakes=int(target.sum()),
            calibration=0,
            groups=200,
            sources={"all": 200},
            fingerprint="f",
            score_quantiles=np.linspace(0, 1, 101).tolist(),
        ),
        thresholds=[],
        metrics={},
        software={"torch": "2"},
        code={"features.views:plan_crop": "0" * 16},
        files=files_of(folder),
    )
    write_info(folder, info)
    return info


class Bundles:
    """A bundle of trees, without nets, copied and edited."""

    def __init__(self, folder: Path) -> None:
        self.whole, self.copy = folder / "whole", folder / "copy"
        self.info = write_bundle(self.whole)
        columns = self.info.stacker.columns
        rows = np.random.default_rng(0).normal(size=(4, len(columns))).astype(np.float32)
        self.features = pd.DataFrame(rows, columns=columns)
        self.expected = self._scores(self.whole, self.info)

    def check(self, rng: random.Random) -> str:
        """One edit; any exception but UserError and ValueError of a part, or another number, is a fault."""
        shutil.rmtree(self.copy, ignore_errors=True)
        shutil.copytree(self.whole, self.copy)
        parts = sorted(path for path in self.copy.rglob("*") if path.is_file())
        part = rng.choice(parts)
        before = part.read_bytes()
        part.write_bytes(damaged(before, rng, others=[path.read_bytes() for path in parts]))
        if rng.random() < 0.5 and part.name != FILE:
            return self._malice(part)
        if part.read_bytes() == before:
            return "unchanged"
        try:
            info = read_info(self.copy)
        except UserError:
            return "damage refused"
        demand(np.array_equal(self._scores(self.copy, info), self.expected), "another number")
        return "the same number"

    def _malice(self, part: Path) -> str:
        """The edit under a right hash."""
        record = json.loads((self.copy / FILE).read_text(encoding="utf-8"))["record"]
        record["files"][part.relative_to(self.copy).as_posix()] = sha256(part)
        write_info(self.copy, BundleInfo.model_validate(record))
        info = parse_record(self.copy, (self.copy / FILE).read_bytes())
        try:
            scores = self._scores(self.copy, info)
        except (UserError, ValueError):
            return "malice refused"
        demand(np.isfinite(scores).all(), "a score that is no number")
        return "another model"

    def _scores(self, folder: Path, info: BundleInfo) -> np.ndarray:
        stacker = Stacker.load(info.stacker, read=lambda name: read_part(folder, info, folder / name))
        columns = len(info.stacker.columns)
        Reference.load(read_part(folder, info, folder / REFERENCE_FILE), columns=columns)
        novelty = Novelty.load(read_part(folder, info, folder / NOVELTY_FILE), columns=columns)
        return np.append(stacker.predict(self.features), novelty(self.features.to_numpy(np.float32)))


def make() -> Bundles:
    """With a folder that lasts as long as the process."""
    return Bundles(Path(tempfile.mkdtemp(prefix="fuzz-")))
