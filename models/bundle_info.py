"""The record of a bundle: what it is made of, checked before any part of it is read."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator

from models.errors import UserError

FORMAT = 1  # of bundle.json; a bundle of another format is refused
FILE = "bundle.json"
OVERALL = "(overall)"  # all sources together; brackets keep it apart from a source's name

BlockSort = Literal["face", "spectral", "embedding", "net"]
Count = Annotated[int, Field(ge=0)]
Weight = Annotated[float, Field(ge=0)]
Share = Annotated[float, Field(ge=0, le=1)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class BundleError(UserError):
    """A bundle folder that cannot be used; the message names the part and says what to do."""


class Record(BaseModel):
    """Base of every part of the record: unknown keys and numbers that are not finite are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), allow_inf_nan=False)


class BlockInfo(Record):
    """A block of named numbers."""

    sort: BlockSort = Field(
        description="what computes it: the face detector, a spectral function, a frozen or a tuned net"
    )
    columns: list[str] = Field(min_length=1, description="`block.column`, in the order of training")


class ExpertInfo(Record):
    """An expert of the stacker: boosters that tell real faces from one kind of fake."""

    kind: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    n_boosters: Annotated[int, Field(ge=1, le=100)]
    slope: float = Field(description="of the boosters' mean raw score in the log-likelihood ratio")
    offset: float
    logit_weights: dict[str, Weight] = Field(description="of each net's logit, by column")
    logit_means: dict[str, float] = Field(description="what is taken from each logit first")
    evidence_for: Weight = Field(description="weight of a ratio above 0 in the fusion")
    evidence_against: Weight = Field(description="weight of a ratio below 0 in the fusion")


class StackerInfo(Record):
    """The experts, their fusion and its calibration: p = expit(slope * raw + offset)."""

    columns: list[str] = Field(min_length=1)
    experts: list[ExpertInfo] = Field(min_length=1)
    bias: float = Field(description="of the fusion: the raw score where no expert says anything")
    slope: float
    offset: float


class NetInfo(Record):
    """A net whose outputs are a block."""

    model: str = Field(description="timm name")
    input: str
    crop: str
    size: Annotated[int, Field(ge=1)] = Field(description="px, side of its input")
    origin: str = Field(description="where its first weights came from")
    n_models: Annotated[int, Field(ge=1)] = Field(description="nets whose mean is the block")


class TrainingInfo(Record):
    """What the stacker was trained on."""

    images: Count
    fakes: Count
    calibration: Count = Field(description="images that nothing was trained on, for the last calibration")
    groups: Count
    sources: dict[str, int] = Field(description="images by source")
    fingerprint: str = Field(description="of the keys and labels of the training images")


class ThresholdInfo(Record):
    """Limits of the answers fake, real and undecided for a wanted error rate, each with 95 % confidence."""

    source: str = Field(description="whose images it holds for; `(overall)` for all sources in their mix")
    rate: Share = Field(
        description="wanted share of real faces above `fake_above`, and of fakes below `real_below`"
    )
    fake_above: float | None = Field(
        description="a score above it is answered fake; None: too few real faces"
    )
    real_below: float | None = Field(description="a score below it is answered real; None: too few fakes")
    reals: Count = Field(description="real faces that it rests on, one of each group")
    fakes: Count = Field(description="fakes that it rests on, one of each group")
    needed: Count = Field(description="how many of each it takes")


class BundleInfo(Record):
    """Everything that is known of a bundle without reading its models."""

    blocks: dict[str, BlockInfo] = Field(min_length=1, description="in the order of training")
    stacker: StackerInfo
    nets: dict[str, NetInfo]
    warnings: list[str] = Field(description="what a reader of the scores has to know about how it was made")
    prior: Share = Field(
        description="share of fakes among the training images: the score of an image that cannot be read"
    )
    params: dict[str, dict[str, Any]] = Field(
        description="the sections of the parameters that scoring needs, and of training"
    )
    training: TrainingInfo
    thresholds: list[ThresholdInfo] = Field(
        description="from the images that nothing was trained on; scores at the training mix"
    )
    metrics: dict[str, float | None]
    software: dict[str, str] = Field(description="versions of the libraries that it was made with")
    code: dict[str, str] = Field(
        description="`module:symbol` -> fingerprint of the code that computes its inputs"
    )
    files: dict[str, Digest] = Field(description="SHA-256 of every other file, by path in the bundle")

    @field_validator("files")
    @classmethod
    def _inside(cls, files: dict[str, str]) -> dict[str, str]:
        outside = [
            name for name in files if PurePosixPath(name).is_absolute() or ".." in PurePosixPath(name).parts
        ]
        if outside:
            raise ValueError(f"{outside[0]!r} is not a path inside the bundle")
        return files

    @property
    def sorts(self) -> dict[str, BlockSort]:
        """Sort of each block, in the order of training."""
        return {name: block.sort for name, block in self.blocks.items()}

    def blocks_of(self, *sorts: BlockSort) -> dict[str, BlockInfo]:
        """The blocks of these sorts, in the order of training."""
        return {name: block for name, block in self.blocks.items() if block.sort in sorts}


def sha256(path: Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def files_of(folder: Path) -> dict[str, str]:
    """Path and SHA-256 of every file of a bundle but its record."""
    found = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256(path) for path in found if path != folder / FILE}


def write_info(folder: Path, info: BundleInfo) -> None:
    """Write bundle.json: the last file of a bundle, which makes it complete."""
    (folder / FILE).write_text(_text(info.model_dump()), encoding="utf-8")


def read_info(folder: Path) -> BundleInfo:
    """The record of a bundle, after a check that it is whole and that every file is the one that it names.

    Raises
    ------
    BundleError
        Naming the part that is missing, damaged, altered or not named in the record.
    """
    info = _parse(folder)
    for name, digest in info.files.items():
        path = folder / name
        if not path.is_file():
            raise BundleError(
                f"{folder}: {name} is missing or no plain file; copy the whole folder again or train again"
            )
        if sha256(path) != digest:
            raise BundleError(
                f"{folder}: {name} is damaged or was altered (its SHA-256 is not that of {FILE}); copy the whole folder "
                "again or train again"
            )
    return info


def _parse(folder: Path) -> BundleInfo:
    path = folder / FILE
    if not path.is_file():
        raise BundleError(
            f"{folder} holds no {FILE}; train a bundle with `dvc repro` or name one with --bundle"
        )
    try:
        text = path.read_bytes().decode("utf-8")
        raw = json.loads(text)
        version = raw["format"]
    except (ValueError, TypeError, KeyError, RecursionError):
        raise BundleError(
            f"{path} is damaged: it is no JSON record; copy the bundle again or train again"
        ) from None
    if version != FORMAT:
        raise BundleError(
            f"{path} has format {version!r}, this release reads {FORMAT}; train again with `dvc repro`"
        )
    try:
        info = BundleInfo.model_validate(raw.get("record"))
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise BundleError(
            f"{path} is damaged: {where}: {first['msg']}; copy the bundle again or train again"
        ) from None
    if text != _text(info.model_dump()):
        raise BundleError(
            f"{path} is damaged or was altered: its SHA-256 is not the one that it states; train again"
        )
    return info


def _text(record: dict[str, Any]) -> str:
    digest = hashlib.sha256(json.dumps(record, sort_keys=True, ensure_ascii=True).encode()).hexdigest()
    return json.dumps({"format": FORMAT, "sha256": digest, "record": record}, indent=1) + "\n"
