"""Writing a trained bundle, and loading one that may be used."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from functools import lru_cache
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import joblib
import numpy as np
from numpy.typing import NDArray

from models.bundle import Bundle
from models.bundle_files import check_files, files_of, parse_record, read_record, write_info
from models.bundle_info import DETECTOR_FILE, FILE, BundleInfo, NetInfo, ThresholdInfo, TrainingInfo
from models.cpu_engine import is_installed
from models.detection import weights
from models.nets.net_spec import read_record as read_net_record
from models.stacker.novelty import Novelty
from models.stacker.reference import Reference
from models.stacker.stacker import Stacker
from pipeline.evaluation.metrics import auc
from pipeline.runtime import paths
from pipeline.runtime.engine import folder_fingerprint
from pipeline.runtime.process import limit_blas
from pipeline.serving import trial
from pipeline.serving.model_card import CARD_FILE, model_card
from pipeline.storage.addresses import refuse_other_code, scoring_code
from pipeline.storage.files import link_or_copy

if TYPE_CHECKING:
    from pipeline.samples.feature_table import Table

SOFTWARE = ("torch", "openvino", "timm", "lightgbm", "numpy", "opencv-python-headless")


def load_bundle(folder: Path, device: str) -> Bundle:
    """A bundle whose files are whole, whose code is this release's, and which was trained or tried on this machine.

    Read once in a process as long as its files stay the same, however its folder is spelled. From then on numpy's BLAS has
    one thread here (`limit_blas`). Raises BundleError.
    """
    known = folder_fingerprint(folder) if (folder / FILE).is_file() else ()  # a wrong folder is not searched
    return _read_bundle(folder.absolute(), device, known)


@lru_cache(maxsize=2)
def _read_bundle(folder: Path, device: str, _: object) -> Bundle:
    record = read_record(folder)
    info = parse_record(folder, record)
    check_files(folder, info)
    refuse_other_code(folder, info)
    trial.require(folder, record, info)
    limit_blas()
    return Bundle.of(folder, info, device=device)


def write_bundle(
    folder: Path,
    table: Table,
    stacker: Stacker,
    novelty: Novelty,
    reference: Reference,
    sections: dict[str, dict[str, Any]],
    *,
    calibration: int,
    scores: NDArray[np.float64],
    thresholds: list[ThresholdInfo],
    left_out: Mapping[str, str],
) -> None:
    """Everything that scoring needs, as one folder; its record is written last and makes it complete.

    Parameters
    ----------
    folder : Path
        Replaced when it is there.
    table : Table
        The training images without their variants.
    stacker, novelty, reference
        Fitted on them.
    sections : dict
        The parameters that scoring needs, and those of training.
    calibration : int
        How many more images the scores are calibrated on.
    scores : float64 array, shape (n,)
        Of images like those to come: what a service compares theirs with.
    thresholds : list of ThresholdInfo
        Limits of the answers, from the same images.
    left_out : dict of str to str
        Reason by kind of pseudo-fake that could not be made.

    Raises
    ------
    BundleError
        Where what was written cannot be read again.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    nets = {
        name: _net_info(paths.NETS / name)
        for name, block in table.blocks.items()
        if block.sort in ("embedding", "net")
    }
    for name in nets:
        shutil.copytree(paths.NETS / name, folder / "nets" / name, copy_function=link_or_copy)
    (folder / DETECTOR_FILE).write_bytes(weights.packaged())
    novelty.save(folder)
    reference.save(folder)
    stacker_info = stacker.save(folder)
    target = table.rows["target"].to_numpy(np.int64)
    info = BundleInfo(
        blocks=table.blocks,
        stacker=stacker_info,
        nets=nets,
        warnings=_warnings(table, stacker, nets, calibration=calibration, left_out=left_out),
        prior=float(target.mean()),
        params=sections,
        training=TrainingInfo(
            images=len(target),
            fakes=int(target.sum()),
            calibration=calibration,
            groups=int(table.rows["group"].nunique()),
            sources={str(k): int(n) for k, n in table.rows["source"].value_counts().sort_index().items()},
            fingerprint=joblib.hash([table.rows["key"].tolist(), target.tolist()]),
            score_quantiles=_quantiles(scores),
        ),
        thresholds=thresholds,
        metrics={"oof_auc": auc(target, stacker.oof)},
        software={name: version(name) for name in SOFTWARE if name != "openvino" or is_installed()},
        code=scoring_code(table.blocks),
        files=files_of(folder),
    )
    (folder / CARD_FILE).write_text(model_card(info), encoding="utf-8")
    write_info(folder, info.model_copy(update={"files": files_of(folder)}))
    Bundle.load(folder)  # what this release would not read is better known now than when it is to score
    trial.remember(read_record(folder))


def _quantiles(scores: NDArray[np.float64]) -> list[float]:
    """The 101 quantiles at whole per cents, which interpolation may leave a rounding error out of order."""
    return np.maximum.accumulate(np.quantile(scores, np.linspace(0, 1, 101))).tolist()  # type: ignore[no-any-return]


def _net_info(folder: Path) -> NetInfo:
    """Where the weights of a saved net come from."""
    record = read_net_record(folder)
    spec = record.spec
    return NetInfo(
        model=spec.model,
        input=spec.input,
        crop=spec.crop,
        size=spec.size,
        origin=spec.origin,
        n_models=record.members,
        mirror=record.mirror,
        precision=record.precision,
    )


def _warnings(
    table: Table,
    stacker: Stacker,
    nets: dict[str, NetInfo],
    *,
    calibration: int,
    left_out: Mapping[str, str],
) -> list[str]:
    """What a reader of the scores has to know about how this bundle was made."""
    warnings = [*table.skipped.values(), *(f"no {kind}: {reason}" for kind, reason in left_out.items())]
    if not any(booster.feature_importance("split").any() for booster in stacker.boosters):
        warnings.append(
            "too few training images: no tree was grown, and every score is about the share of fakes"
        )
    if not calibration and any(block.sort == "net" for block in table.blocks.values()):
        warnings.append(
            "calibrated out of fold, by single nets: no image was kept to calibrate all of them together"
        )
    warnings += [
        f"{name}: {net.origin}" for name, net in nets.items() if net.origin.startswith("from scratch")
    ]
    return warnings
