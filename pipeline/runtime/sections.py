"""The sections of params.yaml: every setting with its default, its bounds and what it means."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from models.kinds import LABELLED
from pipeline.runtime.engine import Engine
from pipeline.runtime.process import gpu_processes, pick_device

Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Copies = Annotated[float, Field(ge=0.0, le=20.0)]
InputKind = Literal["rgb", "npr", "highpass"]

WEIGHTS = (
    "where the first weights come from: `none` (from scratch), `auto` (the weights folder, then an installed package, "
    "then timm's files on this machine), `pretrained` (the same, then one download), or the path of a checkpoint"
)
INPUT = (
    "what the net sees: colours, differences of neighbouring pixels (NPR), or a high-pass filtered picture"
)


LARGEST = 2**31 - 1  # of a whole number: what LightGBM and the seeds of torch and scikit-learn take


class Section(BaseModel):
    """Base of every section: unknown keys are refused, and numbers that nothing can work with."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=(), allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _usable(cls, value: object, info: ValidationInfo) -> object:
        kind = cls.model_fields[info.field_name or ""].annotation
        if isinstance(value, bool) and kind is not bool:
            raise ValueError("`true` and `false` are no value for it")  # pydantic would take them for 1 and 0
        if isinstance(value, int) and abs(value) > LARGEST:
            raise ValueError(f"a whole number is at most {LARGEST:,}")
        return value


class Data(Section):
    """Where the data are."""

    root: str = Field(min_length=1, description="folder of the data set, in the challenge's layout")
    weights: str = Field(
        "data/weights", min_length=1, description="folder of local checkpoints, named after timm's models"
    )
    demo_images: int = Field(
        400, ge=12, le=100_000, description="images of the demo set, which is drawn where `root` is data/demo"
    )


class Manifest(Section):
    """Which images are used, and for what."""

    near_duplicate_bits: int = Field(
        16,
        ge=0,
        le=32,
        description="256-bit perceptual hashes that differ in at most so many bits tie two images",
    )
    max_pixels: int = Field(100_000_000, ge=1, description="pixels; a larger image is a bad row")
    holdout_source: str | None = Field(
        None, description="a source of groups.csv that is kept out of training"
    )
    calibration: int = Field(
        600,
        ge=0,
        description="train images, at most a twentieth of them, that no net and no tree sees: the scores are calibrated "
        "on them",
    )


class Faces(Section):
    """How MTCNN searches for faces, and what is cut around them."""

    min_face: int = Field(20, ge=12, description="px; the smallest face that is searched for")
    coarse_face: Share = Field(
        0.15, description="faces above this share of the image's shorter side are searched for first"
    )
    thresholds: tuple[Share, Share, Share] = Field(
        (0.6, 0.7, 0.7), description="of the three networks of MTCNN, in their order"
    )
    border: Share = Field(
        0.25,
        description="black border around a face that fills its image, in shares of the image's side, for a second look at "
        "its landmarks; 0: none",
    )
    native: float = Field(
        1.2, gt=0, le=4, description="side of the cut without resampling, in sides of the face box"
    )
    context: float = Field(
        2.0, gt=0, le=8, description="side of the cut with surroundings, in sides of the face box"
    )
    aligned: float = Field(
        1.6, gt=0, le=8, description="side of the aligned square, in sides of the landmark template"
    )

    def cuts(self) -> dict[str, float]:
        """Scales as `features.views.plan_crop` takes them."""
        return {"native": self.native, "context": self.context, "aligned": self.aligned}


class Spectral(Section):
    """Which spectral numbers are computed."""

    blocks: list[Name] = Field(min_length=1, description="names of spectral blocks")


class Backbone(Section):
    """A frozen timm net, whose pooled features become the block `embed_<name>`."""

    model: str = Field(min_length=1, description="timm name")
    weights: str = Field("auto", min_length=1, description=f"{WEIGHTS}; a net from scratch is left out")
    input: InputKind = Field("rgb", description=INPUT)
    size: int | None = Field(None, ge=32, le=1024, description="px; `null`: what the checkpoint says")


class Embed(Section):
    """Frozen nets."""

    backbones: dict[Name, Backbone] = Field(description="the frozen nets, by name")


class Variants(Section):
    """Further rows of each training image, for the stacker alone. 0.5 means: of every second image."""

    degraded: Copies = Field(
        0.5, description="copies with another scale, sharpness, noise, tone or compression"
    )
    pseudo_fakes: dict[Name, Copies] = Field(description="pseudo-fakes of real images, by kind")

    @model_validator(mode="after")
    def _real_ones_degraded_too(self) -> Variants:
        kinds = sorted(kind for kind, copies in self.pseudo_fakes.items() if copies)
        if kinds and not self.degraded:
            raise ValueError(
                f"degraded is 0 beside pseudo-fakes ({', '.join(kinds)}), some of which are degraded: traces of ordinary use "
                "would be learned as traces of forgery, and of 100 degraded real images 82 were called fake. Set degraded to "
                "0.5, or every kind of pseudo_fakes to 0"
            )
        return self


class Net(Section):
    """A net that is fine-tuned fold by fold, with one logit for each of its heads: the block `net_<name>`."""

    model: str = Field(min_length=1, description="timm name")
    weights: str = Field("auto", min_length=1, description=WEIGHTS)
    input: InputKind = Field("rgb", description=INPUT)
    crop: Literal["aligned", "native"] = Field(
        "aligned",
        description="`aligned`: the face warped to `size` px; `native`: windows of that size, not resampled",
    )
    size: int = Field(ge=32, le=1024, description="px; side of its input")
    train_size: int | None = Field(
        None,
        ge=32,
        le=1024,
        description="px; side of the windows that it learns from, drawn anywhere in its input, with `crop: native` and a net "
        "that takes any size; `null`: `size`",
    )
    epochs: int = Field(ge=1, le=1000, description="passes over the training images")
    batch_size: int = Field(32, ge=2, le=65_536, description="images of a training step")
    learning_rate: float = Field(gt=0, le=1, description="its peak, after a linear rise")
    weight_decay: float = Field(0.02, ge=0, le=10, description="of AdamW")
    label_smoothing: float = Field(0.05, ge=0, lt=0.5, description="how far the targets are from 0 and 1")
    freeze_layers: int = Field(
        0,
        ge=0,
        description="first layer groups of pretrained weights (stem, stages) that stay as they are, batch-norm statistics too",
    )
    tune: Literal["all", "norms"] = Field(
        "all",
        description="which pretrained weights are trained: `all` beyond `freeze_layers`, or the `norms` of all layers and "
        "the classifier alone, which suits large vision transformers",
    )
    normalise: bool = Field(
        False, description="whether the classifier sees the net's pooled feature scaled to length 1"
    )
    alignment: float = Field(
        0.0,
        ge=0,
        le=10,
        description="weight of a loss that draws features of the same kind together; needs `normalise`",
    )
    uniformity: float = Field(
        0.0,
        ge=0,
        le=10,
        description="weight of a loss that spreads all features over the sphere; needs `normalise`",
    )
    degrade_prob: Share = Field(
        0.5, description="share of training pairs that are degraded, real and fake alike"
    )
    real_degrade_prob: Share = Field(
        0.0,
        description="share of real faces that are degraded on their own, half of them resampled too, so that traces of use "
        "are not taken for forgery; not with labelled fakes, which it would give away",
    )
    mirror: bool = Field(
        True,
        description="whether its logits are the mean over the picture and its mirror image, which takes twice the time",
    )
    heads: list[Name] = Field(
        [LABELLED],
        min_length=1,
        description=f"kinds of fake that it learns, each beside the same real faces: `{LABELLED}` or a kind of pseudo-fake",
    )

    @field_validator("heads")
    @classmethod
    def _once_each(cls, heads: list[str]) -> list[str]:
        if len(set(heads)) != len(heads):
            raise ValueError(f"{', '.join(heads)} names a kind twice; name each once")
        return heads

    @model_validator(mode="after")
    def _windows(self) -> Net:
        if self.train_size is not None and (self.crop != "native" or self.train_size > self.size):
            raise ValueError(
                f"train_size is {self.train_size}; it is for crop: native and at most size, which is {self.size}"
            )
        return self

    @model_validator(mode="after")
    def _norms_of_all_layers(self) -> Net:
        if self.tune == "norms" and self.freeze_layers:
            raise ValueError(
                f"tune is norms, which trains the norms of every layer, but freeze_layers is {self.freeze_layers}; set "
                "freeze_layers to 0, or tune to all"
            )
        return self

    @model_validator(mode="after")
    def _labelled_alone(self) -> Net:
        if LABELLED in self.heads and len(self.heads) > 1:
            raise ValueError(
                f"heads are {', '.join(self.heads)}; {LABELLED} stands alone: beside pseudo-fakes the gradients of one undo "
                "the other's. Give each a net of its own"
            )
        return self

    @model_validator(mode="after")
    def _losses_on_the_sphere(self) -> Net:
        given = [name for name in ("alignment", "uniformity") if getattr(self, name)]
        if given and not self.normalise:
            raise ValueError(
                f"{' and '.join(given)} above 0 needs features of length 1; set normalise to true, or "
                f"{' and '.join(given)} to 0"
            )
        return self

    @model_validator(mode="after")
    def _nothing_given_away(self) -> Net:
        if self.real_degrade_prob and LABELLED in self.heads:
            raise ValueError(
                f"real_degrade_prob is for nets that learn pseudo-fakes alone; take {LABELLED} out of heads, or set "
                "real_degrade_prob to 0"
            )
        return self


class Finetune(Section):
    """Nets that are fine-tuned on the training images."""

    folds: int = Field(ge=2, le=20, description="group-aware folds of the out-of-fold logits")
    n_models: int | None = Field(
        None,
        ge=1,
        description="how many of the folds are left out in turn, a net each; `null`: all. The stacker learns from the images "
        "of those folds alone",
    )
    seed: int = Field(0, ge=0, description="of folds, weights and augmentation")
    source_balance: Share = Field(
        0.35, description="0 shows every image equally often, 1 every source; between them a power"
    )
    nets: dict[Name, Net] = Field(description="the nets, by name")

    @property
    def members(self) -> int:
        """Nets per entry."""
        return min(self.n_models or self.folds, self.folds)


class Train(Section):
    """The stacker: LightGBM, one expert for each kind of fake."""

    blocks: list[Name] | None = Field(None, description="blocks that it sees; `null`: every one that is made")
    folds: int = Field(3, ge=2, le=20, description="group-aware folds of early stopping and calibration")
    seed: int = Field(0, ge=0, le=2**31 - 1, description="of folds and trees")
    num_boost_round: int = Field(1000, ge=1, description="trees of a booster at most")
    early_stopping: int = Field(40, ge=1, description="trees without a gain after which a booster stops")
    learning_rate: float = Field(0.05, gt=0, le=1, description="of the boosters")
    num_leaves: int = Field(15, ge=2, le=131_072, description="leaves of a tree")
    min_data_in_leaf: int = Field(20, ge=1, description="rows of a leaf at least")
    feature_fraction: float = Field(0.3, gt=0, le=1, description="share of the columns that a tree sees")
    bagging_fraction: float = Field(0.8, gt=0, le=1, description="share of the rows that a tree sees")
    lambda_l2: float = Field(5.0, ge=0, description="L2 penalty of leaf values")
    max_bin: int = Field(127, ge=15, le=255, description="bins of a column")
    unlabelled_share: float = Field(
        0.33,
        gt=0,
        lt=1,
        description="share of the fakes in use that are expected to be of no labelled kind: more finds more of what was never "
        "seen and orders the labelled kinds less well",
    )


class Evaluate(Section):
    """How the model is evaluated."""

    bootstrap: int = Field(500, ge=1, description="resamples, by group, of the 95 % intervals of AP and EER")
    seed: int = Field(0, ge=0, description="of resampling and samples")
    ablation_num_boost_round: int = Field(150, ge=1, description="trees of each refit without a block")


class Report(Section):
    """What the report shows."""

    top: int = Field(30, ge=1, description="features in the list of the most important")
    errors: int = Field(24, ge=0, description="faces on the sheet of the worst errors")
    permutation_repeats: int = Field(3, ge=1, description="shuffles of each feature")
    seed: int = Field(0, ge=0, description="of shuffles and samples")


class Compute(Section):
    """Where the work is done. Nothing here changes a result, but that a GPU changes its low-order bits and bfloat16 more."""

    workers: int = Field(0, ge=0, description="processes; 0: one per core, and to train one per net")
    backend: Literal["loky", "sequential", "dask"] = Field(
        "loky",
        description="processes of this machine, this process alone, or the workers of the cluster at `scheduler`",
    )
    scheduler: str | None = Field(None, description="address of Dask's scheduler, e.g. `tcp://10.0.0.1:8786`")
    shard_size: int = Field(800, ge=8, le=100_000, description="images per shard of the feature store")
    device: Literal["auto", "cpu", "cuda"] = Field(
        "auto", description="where nets run; `auto`: cuda when there is one"
    )
    precision: Literal["auto", "f32", "bf16"] = Field(
        "auto",
        description="what nets compute in on the CPU: `f32`, `bf16` (half the time and about three digits, on processors "
        "that have it), or `auto`: bf16 where the processor has it. Stored numbers are kept apart by it, and a bundle scores "
        "in the one that it was trained with",
    )

    @model_validator(mode="after")
    def _reachable(self) -> Compute:
        if self.backend == "dask" and not self.scheduler:
            raise ValueError(
                "compute.backend is 'dask'; set compute.scheduler to its address, e.g. tcp://host:8786"
            )
        return self

    def engine(self, *, nets: bool = False) -> Engine:
        """Where pieces of work are done.

        Parameters
        ----------
        nets : bool
            Whether they run nets, so that a GPU of this machine has them all, and as many processes as its memory holds
            read pictures for it.
        """
        if nets and self.backend == "loky" and pick_device(self.device) != "cpu":
            return Engine(workers=gpu_processes(self.workers))
        return Engine(backend=self.backend, workers=self.workers, scheduler=self.scheduler)

    def training_engine(self, nets: int) -> Engine:
        """Where some nets are trained: at once, on a GPU one after the other.

        Parameters
        ----------
        nets : int
        """
        if self.backend == "dask":
            return self.engine()
        if pick_device(self.device) != "cpu":
            return Engine(backend="sequential")
        return Engine(backend=self.backend, workers=self.workers or nets, lasting=False)


class Params(Section):
    """The whole file."""

    data: Data
    manifest: Manifest
    faces: Faces
    spectral: Spectral
    embed: Embed
    variants: Variants
    finetune: Finetune
    train: Train
    evaluate: Evaluate
    report: Report
    compute: Compute
