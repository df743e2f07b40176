"""The record of a bundle: what it is made of, each value with its type and its bounds."""

from __future__ import annotations

import hashlib
import math
from pathlib import Path, PurePosixPath
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from models.errors import UserError

FILE = "bundle.json"
OVERALL = "(overall)"  # all sources together; brackets keep it apart from a source's name
DETECTOR_FILE = "detector.safetensors"  # MTCNN's weights
NOVELTY_FILE = "novelty.safetensors"
REFERENCE_FILE = "reference.safetensors"

BlockSort = Literal["face", "spectral", "embedding", "net"]
# Bounds that no fitted number comes near: within them no score can overflow.
Count = Annotated[int, Field(ge=0, le=10**12)]
Number = Annotated[float, Field(ge=-1e6, le=1e6)]
Weight = Annotated[float, Field(ge=0, le=1e3)]
Share = Annotated[float, Field(ge=0, le=1)]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=100)]
Column = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*\.[A-Za-z0-9_]+$", max_length=200)]
# No longer than the name of a file may be, so no folder in it is either.
PartName = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.]*(/[A-Za-z0-9_][A-Za-z0-9_.]*)*$", max_length=255)
]
Version = Annotated[str, Field(pattern=r"^[0-9][0-9A-Za-z.+_-]*$")]
Target = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.]+:[A-Za-z0-9_.]+$")]
Fingerprint = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]


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
    columns: list[Column] = Field(min_length=1, description="`block.column`, in the order of training")


class ExpertInfo(Record):
    """An expert of the stacker: boosters that tell real faces from one kind of fake."""

    kind: Name
    n_boosters: Annotated[int, Field(ge=1, le=100)]
    slope: Number = Field(description="of the boosters' mean raw score in the log-likelihood ratio")
    offset: Number
    logit_weights: dict[Column, Weight] = Field(description="of each net's logit, by column")
    logit_means: dict[Column, Number] = Field(description="what is taken from each logit first")
    share: Annotated[float, Field(gt=0, le=1)] = Field(
        description="of the kind among all fakes, in the fusion"
    )

    @model_validator(mode="after")
    def _same_logits(self) -> ExpertInfo:
        if self.logit_weights.keys() != self.logit_means.keys():
            raise ValueError("logit_weights and logit_means name different columns")
        return self

    @property
    def files(self) -> list[str]:
        """Its boosters' files, by place among the folds."""
        return [f"stacker_{self.kind}_fold{index}.txt" for index in range(self.n_boosters)]


class StackerInfo(Record):
    """The experts, their fusion and its calibration: p = expit(slope * raw + offset)."""

    columns: list[Column] = Field(min_length=1)
    experts: list[ExpertInfo] = Field(min_length=1, max_length=12)
    slope: Number
    offset: Number

    @field_validator("experts")
    @classmethod
    def _kinds_once(cls, experts: list[ExpertInfo]) -> list[ExpertInfo]:
        if len({expert.kind for expert in experts}) != len(experts):
            raise ValueError("two experts are of the same kind")
        if not math.isclose(sum(expert.share for expert in experts), 1, abs_tol=1e-6):
            raise ValueError("the shares of the experts' kinds do not add up to 1")
        return experts


class NetInfo(Record):
    """A net whose outputs are a block."""

    model: str = Field(description="timm name")
    input: str
    crop: str
    size: Annotated[int, Field(ge=1, le=2048)] = Field(description="px, side of its input")
    origin: str = Field(description="where its first weights came from")
    n_models: Annotated[int, Field(ge=1, le=100)] = Field(description="nets whose mean is the block")
    mirror: bool = Field(description="whether the mean is over both mirror images too")
    precision: Literal["f32", "bf16"] = Field(description="what its numbers of training were computed in")


class TrainingInfo(Record):
    """What the stacker was trained on."""

    images: Count
    fakes: Count
    calibration: Count = Field(description="images that nothing was trained on, for the last calibration")
    groups: Count
    sources: dict[str, int] = Field(description="images by source")
    fingerprint: str = Field(description="of the keys and labels of the training images")
    score_quantiles: list[Share] = Field(
        min_length=101,
        max_length=101,
        description="of the scores of images that nothing was trained on, else of those out of fold; 0, 1, ... 100 %",
    )

    @field_validator("score_quantiles")
    @classmethod
    def _rising(cls, quantiles: list[float]) -> list[float]:
        if quantiles != sorted(quantiles):
            raise ValueError("score_quantiles do not rise")
        return quantiles


class ThresholdInfo(Record):
    """Limits of the answers fake, real and undecided for a wanted error rate, each with 95 % confidence."""

    source: str = Field(
        max_length=1000, description="whose images it holds for; `(overall)` for all sources in their mix"
    )
    rate: Share = Field(
        description="wanted share of real faces above `fake_above`, and of fakes below `real_below`"
    )
    fake_above: Number | None = Field(
        description="a score above it is answered fake; None: too few real faces"
    )
    real_below: Number | None = Field(description="a score below it is answered real; None: too few fakes")
    reals: Count = Field(description="real faces that it rests on, one of each group")
    fakes: Count = Field(description="fakes that it rests on, one of each group")
    needed: Count = Field(description="how many of each it takes")


class FaceOptions(BaseModel):
    """The options of the detector and of the cuts that scoring reads; others were for training."""

    model_config = ConfigDict(allow_inf_nan=False)

    min_face: Annotated[int, Field(ge=12, le=10_000)]
    coarse_face: Share
    thresholds: tuple[Share, Share, Share]
    border: Share
    native: Annotated[float, Field(gt=0, le=4)]
    context: Annotated[float, Field(gt=0, le=8)]
    aligned: Annotated[float, Field(gt=0, le=8)]


class ImageOptions(BaseModel):
    """The options of decoding that scoring reads."""

    max_pixels: Annotated[int, Field(ge=1, le=10**10)]


class ScoringOptions(BaseModel):
    """The sections of the parameters that a score depends on."""

    faces: FaceOptions
    manifest: ImageOptions


class BundleInfo(Record):
    """Everything that is known of a bundle without reading its models."""

    blocks: dict[Name, BlockInfo] = Field(min_length=1, description="in the order of training")
    stacker: StackerInfo
    nets: dict[Name, NetInfo]
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
    software: dict[str, Version] = Field(
        min_length=1, description="versions of the libraries that it was made with"
    )
    code: dict[Target, Fingerprint] = Field(
        min_length=1, description="`module:symbol` -> fingerprint of the code that computes its inputs"
    )
    files: dict[PartName, Digest] = Field(description="SHA-256 of every other file, by path in the bundle")

    @field_validator("params")
    @classmethod
    def _can_score(cls, params: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
        ScoringOptions.model_validate(params)
        return params

    @field_validator("files")
    @classmethod
    def _can_lie_together(cls, files: dict[str, str]) -> dict[str, str]:
        folders = {str(folder) for name in (FILE, *files) for folder in PurePosixPath(name).parents}
        if FILE in files or folders & {FILE, *files}:
            raise ValueError(f"files names {FILE}, or a file that is a folder of another")
        return files

    @model_validator(mode="after")
    def _fits_together(self) -> BundleInfo:
        columns = [column for block in self.blocks.values() for column in block.columns]
        of_nets = {c for block in self.blocks_of("net").values() for c in block.columns}
        logits = {column for expert in self.stacker.experts for column in expert.logit_weights}
        boosters = [name for expert in self.stacker.experts for name in expert.files]
        records = [f"nets/{name}/net.json" for name in self.nets]
        absent = sorted({*boosters, *records, NOVELTY_FILE, REFERENCE_FILE} - self.files.keys())
        if self.stacker.columns != columns or len(set(columns)) != len(columns):
            raise ValueError("stacker.columns are not those of the blocks, each once and in their order")
        if self.nets.keys() != self.blocks_of("embedding", "net").keys():
            raise ValueError("nets are not those whose outputs are blocks")
        if not logits <= of_nets:
            raise ValueError("logit_weights names a column that is no net's logit")
        if absent:
            raise ValueError(f"files does not name {absent[0]}")
        return self

    @property
    def sorts(self) -> dict[str, BlockSort]:
        """Sort of each block, in the order of training."""
        return {name: block.sort for name, block in self.blocks.items()}

    @property
    def precision(self) -> str:
        """What the nets' numbers of training were computed in; with a + between several, empty without a net."""
        return "+".join(sorted({net.precision for net in self.nets.values()}))

    def blocks_of(self, *sorts: BlockSort) -> dict[str, BlockInfo]:
        """The blocks of these sorts, in the order of training."""
        return {name: block for name, block in self.blocks.items() if block.sort in sorts}


def sha256(path: Path) -> str:
    """Hex SHA-256 of a file's bytes."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
