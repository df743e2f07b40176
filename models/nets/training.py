"""Fine-tuning of one face net on one fold, resumable after every epoch."""

from __future__ import annotations

import io
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import torch
import torch.nn.functional as F
from safetensors.torch import save
from timm.optim import param_groups_weight_decay
from timm.utils import ModelEmaV3

from models.nets.checkpoints import Checkpoint
from models.nets.hypersphere import alignment, uniformity
from models.nets.initialisation import initialise
from models.nets.layers import freeze_layers, has_bf16, run_depthwise_in_float32
from models.nets.net_spec import NetSpec
from models.nets.norm_tuning import train_norms_only
from models.nets.prefetch import MakePair, batches
from models.nets.sampler import PairedSampler
from models.nets.unit_classifier import logits_and_features
from models.unfinished import unfinished

EMA_DECAY = 0.998
WARM_UP = 0.1  # share of the steps in which the learning rate rises

Progress = Callable[[int], object]


@dataclass(frozen=True)
class Schedule:
    """Hyper-parameters of a fine-tuning.

    Attributes
    ----------
    epochs : int
    batch_size : int
        Pictures of a step at most; whole pairs are taken.
    learning_rate : float
        The peak.
    weight_decay : float
        Of AdamW, on kernels and matrices; biases and norms have none.
    label_smoothing : float
        Targets are this and 1 minus this.
    freeze_layers : int
        Layer groups of a pretrained backbone that stay as they are.
    seed : int
        Of order and initial head.
    workers : int
        Threads that decode and augment; no result depends on them.
    tune : {'all', 'norms'}
        Whether of a pretrained backbone only the norms and the classifier are trained.
    alignment, uniformity : float
        Weights of the losses of `models.nets.hypersphere`; above 0 only with a spec that normalises.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    label_smoothing: float
    freeze_layers: int
    seed: int
    workers: int
    tune: Literal["all", "norms"] = "all"
    alignment: float = 0.0
    uniformity: float = 0.0


def head_weights(target: torch.Tensor) -> torch.Tensor:
    """Weights with which both classes of every head count alike in a batch, and every head alike.

    Parameters
    ----------
    target : float32 tensor, shape (n, heads)
        0, 1, or NaN where a picture says nothing to a head.

    Returns
    -------
    float32 tensor, shape (n, heads)
        0 at NaN; adds up to 1.
    """
    weight = torch.zeros_like(target)
    for label in (0, 1):
        in_class = (target == label).float()
        weight += in_class / in_class.sum(0).clamp(min=1)
    return weight / weight.sum().clamp(min=1e-9)


def train_fold(
    make_pair: MakePair,
    sampler: PairedSampler,
    *,
    spec: NetSpec,
    checkpoint: Checkpoint,
    schedule: Schedule,
    device: str,
    folder: Path,
    progress: Progress,
) -> Path:
    """Fine-tune a net and save the moving average of its weights.

    A killed run continues after its last finished epoch from `folder/epoch.pt` and ends in the same weights.

    Parameters
    ----------
    make_pair : callable
        `TrainingPair` to its real face and its fake, uint8 arrays (size, size, 3), RGB; called from several threads.
    sampler : PairedSampler
        What is seen in which order; a batch is made of whole pairs.
    spec : NetSpec
    checkpoint : Checkpoint
        What the net starts from.
    schedule : Schedule
    device : str
        A torch device.
    folder : Path
        Made where it is missing; nothing is trained where it holds the result already.
    progress : callable
        Told the number of pictures seen since it was called last.

    Returns
    -------
    Path
        `folder/weights.safetensors`: the backbone's state.

    Raises
    ------
    UserError
        Where the checkpoint does not fit, no layer is left to train, or a class is absent.
    """
    weights = folder / "weights.safetensors"
    batch_size, per_epoch = sampler.batching(schedule.batch_size)
    steps = max(per_epoch // batch_size, 1)
    if weights.is_file():
        progress(schedule.epochs * 2 * per_epoch)
        return weights
    folder.mkdir(parents=True, exist_ok=True)
    run = _Run(spec, checkpoint, schedule, device=device, steps=schedule.epochs * steps)
    first = run.restore(folder / "epoch.pt")
    progress(first * 2 * per_epoch)
    for epoch in range(first, schedule.epochs):
        torch.manual_seed((schedule.seed << 16) + epoch)
        pairs = sampler.epoch(epoch)[:per_epoch]
        for batch, pixels in batches(make_pair, pairs, size=batch_size, workers=schedule.workers):
            run.step(pixels, torch.tensor([goal for pair in batch for goal in sampler.goals(pair.kind)]))
            progress(2 * len(batch))
        run.save(folder / "epoch.pt", epoch=epoch + 1)
    state = {k: v.contiguous().cpu() for k, v in run.average.module[1].state_dict().items()}
    _replace(weights, save(state))
    (folder / "epoch.pt").unlink(missing_ok=True)
    return weights


class _Run:
    """What changes in the course of a training: net, its moving average, optimiser, number of steps."""

    def __init__(
        self, spec: NetSpec, checkpoint: Checkpoint, schedule: Schedule, *, device: str, steps: int
    ) -> None:
        self.schedule, self.steps, self.steps_done = schedule, steps, 0
        self.device = torch.device(device)
        self.bf16 = has_bf16(self.device)
        self.net = initialise(spec, checkpoint, seed=schedule.seed).train().to(self.device)
        # Its warm-up is min(EMA_DECAY, 1 - 9 / (10 + n)) after n steps. Batch-norm statistics are averaged too.
        self.average = ModelEmaV3(
            self.net, decay=EMA_DECAY, use_warmup=True, warmup_gamma=9, warmup_power=1, update_after_step=-2
        )
        if checkpoint.state is not None:
            freeze_layers(self.net[1], groups=schedule.freeze_layers)
            if schedule.tune == "norms":
                train_norms_only(self.net[1])
        if self.device.type == "cpu" and self.bf16:
            run_depthwise_in_float32(self.net)
        groups = param_groups_weight_decay(self.net, schedule.weight_decay)
        self.optimiser = torch.optim.AdamW(groups, lr=schedule.learning_rate)

    def step(self, pixels: torch.Tensor, target: torch.Tensor) -> None:
        """One optimiser step. pixels : uint8 (N, S, S, 3); target : float32 (N, heads), 0, 1 or NaN."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.schedule.learning_rate * _cosine(self.steps_done / self.steps)
        x = pixels.to(self.device).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
        self._loss(x, target.to(self.device)).backward()
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.steps_done += 1
        self.average.update(self.net, step=self.steps_done)

    def _loss(self, x: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
        """Cross-entropy, and where the schedule says so the two losses on the sphere."""
        schedule, smooth = self.schedule, self.schedule.label_smoothing
        on_sphere = schedule.alignment > 0 or schedule.uniformity > 0
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            logit, features = logits_and_features(self.net, x) if on_sphere else (self.net(x), None)
        goal = target.nan_to_num() * (1 - 2 * smooth) + smooth
        losses = F.binary_cross_entropy_with_logits(logit.float(), goal, reduction="none")
        loss = (losses * head_weights(target)).sum()
        if features is None:
            return loss
        return (
            loss
            + schedule.alignment * alignment(features, target)
            + schedule.uniformity * uniformity(features)
        )

    def save(self, path: Path, *, epoch: int) -> None:
        """Keep everything that the next epoch starts from."""
        state: dict[str, Any] = {
            "epoch": epoch,
            "steps_done": self.steps_done,
            "net": self.net.state_dict(),
            "average": self.average.module.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }
        held = io.BytesIO()  # torch's own writing to a full disk ends in an error that does not say so
        torch.save(state, held)
        _replace(path, held.getbuffer())

    def restore(self, path: Path) -> int:
        """Continue from `path` if it is there; returns the number of finished epochs."""
        if not path.is_file():
            return 0
        # On the CPU: optimiser and nets copy what they need to their device, and Adam keeps its step counters off it.
        state = torch.load(path, map_location="cpu", weights_only=True)
        self.net.load_state_dict(state["net"])
        self.average.module.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.steps_done = int(state["steps_done"])
        return int(state["epoch"])


def _replace(path: Path, data: bytes | memoryview) -> None:
    """Write a file so that it is there complete or not at all."""
    with unfinished(path) as part:
        part.write_bytes(data)
        os.replace(part, path)


def _cosine(progress: float) -> float:
    """Learning rate over its peak: linear rise, then half a cosine down to 1 %."""
    if progress < WARM_UP:
        return 0.1 + 0.9 * progress / WARM_UP
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (progress - WARM_UP) / (1 - WARM_UP)))
