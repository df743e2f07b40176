"""Which code the cached numbers depend on, as targets of `models.fingerprint`.

Versions are found from these, never from a number that someone has to raise. What a fingerprint cannot know is
said in docs/architecture.md: functions looked up in a registry are named here, versions of libraries are not part
of an address.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable
from pathlib import Path

from features.spectral import get
from models import machine_cache
from models.bundle_info import BlockInfo, BundleError, BundleInfo
from models.fingerprint import fingerprint, tree_digest
from models.generators import registry
from models.synthesis import pseudo_fakes

KIND = "code"  # in the machine's cache
DECODING = "pipeline.storage.images:decode"
DETECTION = "models.detection.mtcnn:FaceDetector.detect"
DETECTOR = "models.detection.mtcnn:FaceDetector.of"
FACE_ROW = "pipeline.storage.face_schema:to_row"
CROP = "features.views:plan_crop"
VIEWS = "features.views:cut_views"
FACE_BLOCK = "features.views:face_numbers"
NET_PICTURE = "models.nets.crops:crop_for"
NET_STATE = "models.nets.initialisation:backbone_state"
NET_ROWS = "models.nets.face_net:FaceNet.__call__"
NET_TRAINING = "models.nets.training:train_fold"
NET_SAMPLES = "models.nets.sampler:PairedSampler.epoch"
NET_FOLDS = "models.folds:assign"
GENERATED_PICTURES = "pipeline.samples.pictures:write_shard"
TRAINING_PICTURES = "pipeline.samples.training_images:TrainImages.__call__"
STACKING = "models.stacker.stacker:Stacker.probability"
EXPERTS = "models.stacker.stacker:Stacker.log_likelihood_ratios"
NOVELTY = "models.stacker.novelty:Novelty.__call__"


def face_code() -> str:
    """Fingerprint of the way from a file to its row of the face table."""
    return fingerprint(DECODING, DETECTOR, DETECTION, FACE_ROW)


def spectral_code(block: str) -> str:
    """Fingerprint of the way from a file and its face to a spectral block."""
    return fingerprint(DECODING, CROP, VIEWS, get(block).target)


def net_code() -> str:
    """Fingerprint of the way from a file and its face to a net's outputs, its weights aside."""
    return fingerprint(DECODING, CROP, NET_PICTURE, NET_STATE, NET_ROWS)


def picture_code(kind: str) -> str:
    """Fingerprint of the way from a file to a generator's picture, the generator's weights aside."""
    return fingerprint(DECODING, GENERATED_PICTURES, registry.code_of(kind))


def training_code(heads: Iterable[str]) -> str:
    """Fingerprint of the fine-tuning of a net with these heads."""
    forgers = [pseudo_fakes.code_of(kind) for kind in heads if kind in pseudo_fakes.kinds()]
    return fingerprint(DECODING, TRAINING_PICTURES, NET_SAMPLES, NET_FOLDS, NET_TRAINING, *forgers)


def scoring_code(blocks: dict[str, BlockInfo]) -> dict[str, str]:
    """Fingerprint of each piece of code on the way from a file to a bundle's score, by target."""
    targets = [DECODING, DETECTOR, DETECTION, CROP, FACE_BLOCK, STACKING, EXPERTS, NOVELTY]
    sorts = {block.sort for block in blocks.values()}
    if "spectral" in sorts:
        targets += [VIEWS, *(get(name).target for name, block in blocks.items() if block.sort == "spectral")]
    if sorts & {"embedding", "net"}:
        targets += [NET_PICTURE, NET_ROWS]
    return fingerprints(targets)


def fingerprints(targets: Collection[str]) -> dict[str, str]:
    """The fingerprint of each of these targets, found once on a machine as long as no source file changes."""
    facts = json.dumps([tree_digest(), sorted(targets)])
    key = hashlib.sha256(facts.encode()).hexdigest()
    kept = machine_cache.read(KIND, key)
    if kept is not None:
        return dict(json.loads(kept))
    found = {target: fingerprint(target) for target in sorted(targets)}
    machine_cache.write(KIND, key, json.dumps(found).encode())
    return found


def refuse_other_code(folder: Path, info: BundleInfo) -> None:
    """Raise BundleError where the code on the way to a score is not the code that a bundle was trained with."""
    try:
        current = scoring_code(info.blocks)
    except ValueError as error:  # a block that this release lacks
        raise BundleError(f"{folder}: {error}; or train again with `dvc repro`") from None
    targets = sorted({*info.code, *current})
    other = [target for target in targets if info.code.get(target) != current.get(target)]
    if other:
        raise BundleError(
            f"{folder} was trained with other code of {', '.join(other)}; train again with `dvc repro`, or score with "
            "the release that it came from"
        )
