"""params.yaml, checked: one model per section; a stage asks for the sections it reads, by name."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal, overload

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from models.errors import UserError
from models.kinds import LABELLED
from models.synthesis import pseudo_fakes
from pipeline.runtime.engine import Engine
from pipeline.runtime.process import pick_device

PARAMS_FILE = Path("params.yaml")
LOCAL_FILE = Path("params.local.yaml")

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Positive = Annotated[int, Field(ge=1)]
PerImage = Annotated[float, Field(ge=0, le=20)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class ParamsError(UserError):
    """A params file that cannot be used; the message names file, key, value and what is allowed."""


class Section(BaseModel):
    """Base of every section: unknown keys are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class Data(Section):
    """Where the data lie. root : the data set; weights : folder of local checkpoints."""

    root: str
    weights: str = "data/weights"


class Manifest(Section):
    """near_duplicate_bits : Hamming distance of 256-bit perceptual hashes up to which two images tie.

    max_pixels : larger images are refused as a row; holdout_source : a source kept out of training.
    calibration : images of train, at most a twentieth of it, that no net and no tree sees: the scores are
    calibrated on them.
    """

    near_duplicate_bits: Annotated[int, Field(ge=0, le=32)] = 16
    max_pixels: Positive = 100_000_000
    holdout_source: str | None = None
    calibration: Annotated[int, Field(ge=0)] = 600


class Faces(Section):
    """MTCNN search and cuts; scales as in `features.views.plan_crop`."""

    min_face: Annotated[int, Field(ge=12)] = 20
    coarse_face: Share = 0.15
    thresholds: tuple[Share, Share, Share] = (0.6, 0.7, 0.7)
    border: Share = 0.25
    native: Annotated[float, Field(gt=0, le=4)] = 1.2
    context: Annotated[float, Field(gt=0, le=8)] = 2.0
    aligned: Annotated[float, Field(gt=0, le=8)] = 1.6

    def cuts(self) -> dict[str, float]:
        """Scales as `features.views.plan_crop` takes them."""
        return {"native": self.native, "context": self.context, "aligned": self.aligned}


class Spectral(Section):
    """blocks : names of the spectral blocks to compute."""

    blocks: Annotated[list[Name], Field(min_length=1)]


class Backbone(Section):
    """A frozen timm net. size None : the checkpoint's own input size."""

    model: str
    weights: str = "auto"
    input: Literal["rgb", "npr", "highpass"] = "rgb"
    size: Annotated[int, Field(ge=32, le=1024)] | None = None


class Embed(Section):
    """backbones : name -> frozen net whose pooled features become a block `embed_<name>`."""

    backbones: dict[Name, Backbone]


class Variants(Section):
    """Further rows per training image, for the stacker: degraded copies of each, pseudo-fakes of real ones.

    0.5 : one of every second image.
    """

    degraded: PerImage = 0.5
    pseudo_fakes: dict[Name, PerImage] = {}

    @field_validator("pseudo_fakes")
    @classmethod
    def _known(cls, wanted: dict[str, float]) -> dict[str, float]:
        return {_known_kind(kind, pseudo_fakes.kinds()): count for kind, count in wanted.items()}


def _known_kind(kind: str, allowed: tuple[str, ...]) -> str:
    if kind not in allowed:
        raise ValueError(f"'{kind}' is no kind of fake; allowed here are {', '.join(allowed)}")
    return kind


class Net(Section):
    """A net that is fine-tuned fold by fold, with a logit for each kind of fake that it learns.

    crop : `aligned` warps the face to size px; `native` takes un-resampled windows of that size.
    freeze_layers : first layer groups of pretrained weights (the stem, then stages) that are not trained.
    heads : kinds of fake, each beside the same real faces: `labelled` are the labelled ones, the others
    are made from real faces. degrade_prob : share of the training pictures that are degraded, real and fake
    of a unit alike. real_degrade_prob : share of the real faces that are degraded, half of them resampled too, on
    their own, so that traces of use are not taken for traces of forgery; not beside labelled fakes,
    which it would give away.
    """

    model: str
    weights: str = "auto"
    input: Literal["rgb", "npr", "highpass"] = "rgb"
    crop: Literal["aligned", "native"] = "aligned"
    size: Annotated[int, Field(ge=32, le=1024)]
    epochs: Positive
    batch_size: Annotated[int, Field(ge=2)] = 32
    learning_rate: Annotated[float, Field(gt=0)]
    weight_decay: Annotated[float, Field(ge=0)] = 0.02
    label_smoothing: Annotated[float, Field(ge=0, lt=0.5)] = 0.05
    freeze_layers: Annotated[int, Field(ge=0)] = 0
    degrade_prob: Share = 0.5
    real_degrade_prob: Share = 0.0
    heads: Annotated[list[Name], Field(min_length=1)] = [LABELLED]

    @field_validator("heads")
    @classmethod
    def _once_each(cls, heads: list[str]) -> list[str]:
        if len(set(heads)) != len(heads):
            raise ValueError(f"{', '.join(heads)} names a kind twice; name each once")
        return [_known_kind(kind, (LABELLED, *pseudo_fakes.kinds())) for kind in heads]

    @model_validator(mode="after")
    def _nothing_given_away(self) -> Net:
        if self.real_degrade_prob and LABELLED in self.heads:
            raise ValueError(
                "real_degrade_prob is for nets that learn pseudo-fakes alone; take labelled out of heads, or set real_degrade_prob to 0"
            )
        return self


class Finetune(Section):
    """folds : group-aware folds of the out-of-fold logits; nets : name -> net; block `net_<name>`.

    n_models : how many of the folds are left out in turn, None for all. Each costs a net per entry; the
    stacker learns from the images of those folds alone.
    source_balance : 0 visits every image alike, 1 every source alike; between them a power.
    """

    folds: Annotated[int, Field(ge=2, le=20)]
    n_models: Positive | None = None
    seed: Annotated[int, Field(ge=0)] = 0
    source_balance: Share = 0.35
    nets: dict[Name, Net]

    @property
    def members(self) -> int:
        """Nets per entry."""
        return min(self.n_models or self.folds, self.folds)


class Train(Section):
    """LightGBM stacker. blocks None : every block that was made.

    pseudo_weight : what the kinds of pseudo-fake weigh together in the mixture; the rest is the
    labelled fakes'.
    """

    blocks: list[Name] | None = None
    folds: Annotated[int, Field(ge=2, le=20)] = 3
    seed: int = 0
    num_boost_round: Positive = 1000
    early_stopping: Positive = 40
    learning_rate: Annotated[float, Field(gt=0, le=1)] = 0.05
    num_leaves: Annotated[int, Field(ge=2)] = 15
    min_data_in_leaf: Positive = 20
    feature_fraction: Annotated[float, Field(gt=0, le=1)] = 0.3
    bagging_fraction: Annotated[float, Field(gt=0, le=1)] = 0.8
    lambda_l2: Annotated[float, Field(ge=0)] = 5.0
    max_bin: Annotated[int, Field(ge=15, le=255)] = 127
    pseudo_weight: Annotated[float, Field(gt=0, lt=1)] = 0.2


class Evaluate(Section):
    """bootstrap : resamples of the 95 % intervals; ablation_num_boost_round : trees of each refit."""

    bootstrap: Positive = 500
    seed: int = 0
    ablation_num_boost_round: Positive = 150


class Report(Section):
    """top : features shown; errors : faces on the sheet of worst errors; repeats : permutations."""

    top: Positive = 30
    errors: Annotated[int, Field(ge=0)] = 24
    permutation_repeats: Positive = 3
    seed: int = 0


class Compute(Section):
    """workers 0 : one per core; training takes every core. Nothing here changes a result but a GPU: its low-order bits.

    backend dask : pieces go to the workers of the cluster at `scheduler`.
    """

    workers: Annotated[int, Field(ge=0)] = 0
    backend: Literal["loky", "sequential", "dask"] = "loky"
    scheduler: str | None = None
    shard_size: Annotated[int, Field(ge=8, le=100_000)] = 800
    device: Literal["auto", "cpu", "cuda"] = "auto"

    @model_validator(mode="after")
    def _reachable(self) -> Compute:
        if self.backend == "dask" and not self.scheduler:
            raise ValueError(
                "compute.backend is 'dask'; set compute.scheduler to its address, e.g. tcp://host:8786"
            )
        return self

    def engine(self, *, nets: bool = False) -> Engine:
        """Where pieces of work are done. nets : they run nets, so a GPU of this machine has them all."""
        if nets and self.backend == "loky" and pick_device(self.device) != "cpu":
            return Engine(backend="sequential")
        return Engine(backend=self.backend, workers=self.workers, scheduler=self.scheduler)


class Params(Section):
    """The whole file."""

    data: Data
    manifest: Manifest
    faces: Faces
    spectral: Spectral
    embed: Embed
    variants: Variants = Variants()
    finetune: Finetune
    train: Train
    evaluate: Evaluate
    report: Report
    compute: Compute


def parse(raw: Any, *, where: str) -> Params:
    """Check a params mapping; ParamsError lists every wrong key with what was found and allowed."""
    try:
        return Params.model_validate(raw)
    except ValidationError as error:
        lines = [f"{where}: {_explain(item)}" for item in error.errors()]
        raise ParamsError("\n".join(lines)) from None


def _explain(item: Any) -> str:
    key = ".".join(str(part) for part in item["loc"])
    if item["type"] == "extra_forbidden":
        *parents, _ = item["loc"]
        return f"key '{key}' is unknown; allowed here are {', '.join(_fields(parents))}"
    if item["type"] == "missing":
        return f"key '{key}' is missing; add it"
    return f"key '{key}' is {item['input']!r}: {item['msg'][0].lower()}{item['msg'][1:]}"


def _fields(parents: list[Any]) -> list[str]:
    model: Any = Params
    for part in parents:
        field = getattr(model, "model_fields", {}).get(part)
        annotation = field.annotation if field is not None else model
        arguments = [a for a in getattr(annotation, "__args__", ()) if isinstance(a, type)]
        models = [a for a in (annotation, *arguments) if isinstance(a, type) and issubclass(a, BaseModel)]
        model = models[0] if models else model
    return sorted(getattr(model, "model_fields", {}))


def read(path: Path = PARAMS_FILE) -> Params:
    """Read and check a params file; ParamsError says where and what."""
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ParamsError(f"{path} is not here; run from the repository's root") from None
    except yaml.YAMLError as error:
        raise ParamsError(f"{path} is not valid YAML: {error}") from None
    return parse(raw, where=str(path))


@overload
def load(name: Literal["data"]) -> Data: ...
@overload
def load(name: Literal["manifest"]) -> Manifest: ...
@overload
def load(name: Literal["faces"]) -> Faces: ...
@overload
def load(name: Literal["spectral"]) -> Spectral: ...
@overload
def load(name: Literal["embed"]) -> Embed: ...
@overload
def load(name: Literal["variants"]) -> Variants: ...
@overload
def load(name: Literal["finetune"]) -> Finetune: ...
@overload
def load(name: Literal["train"]) -> Train: ...
@overload
def load(name: Literal["evaluate"]) -> Evaluate: ...
@overload
def load(name: Literal["report"]) -> Report: ...
@overload
def load(name: Literal["compute"]) -> Compute: ...
def load(name: str) -> Any:
    """One section of params.yaml in the working directory."""
    return getattr(read(), name)


def was_removed(section: str, key: str, name: str) -> bool:
    """Whether params.local.yaml sets an entry of params.yaml to null."""
    if not LOCAL_FILE.is_file():
        return False
    local = yaml.safe_load(LOCAL_FILE.read_text(encoding="utf-8")) or {}
    entries = (local.get(section) or {}).get(key) or {}
    return name in entries and entries[name] is None
