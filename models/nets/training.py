"""Fine-tuning of one face net on one fold, resumable after every epoch."""

from __future__ import annotations

import copy
import math
import os
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors.torch import save_file

from models.nets.checkpoints import Checkpoint
from models.nets.face_net import NetSpec, initialise
from models.nets.layers import densify_strided_depthwise, freeze_layers, has_bf16
from models.nets.sampler import PairedSampler, TrainingSample

FINETUNE_VERSION = 5  # raised when training changes; part of the address of its results
EMA_DECAY = 0.998
PREFETCH = 3  # batches made ahead of the optimiser
WARM_UP = 0.1  # share of the steps in which the learning rate rises

# A visit as uint8 (size, size, 3), RGB: decode, forge, crop and augment one training image.
MakePicture = Callable[[TrainingSample], NDArray[np.uint8]]
Progress = Callable[[int], object]


@dataclass(frozen=True)
class Schedule:
    """Hyper-parameters of a fine-tuning.

    learning_rate : the peak. freeze_layers : layer groups of a pretrained backbone that stay as they are. seed : of
    order and initial head. workers : threads that decode and augment; no result depends on them.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    weight_decay: float
    label_smoothing: float
    freeze_layers: int
    seed: int
    workers: int


def head_weights(target: torch.Tensor) -> torch.Tensor:
    """Weights with which both classes of every head count alike in a batch, and every head alike.

    target : float32 (n, heads), 0, 1 or NaN where a picture says nothing to a head. The result has the
    same shape, 0 at NaN, and adds up to 1.
    """
    weight = torch.zeros_like(target)
    for side in (0, 1):
        mine = (target == side).float()
        weight += mine / mine.sum(0).clamp(min=1)
    return weight / weight.sum().clamp(min=1e-9)


def train_fold(
    make_picture: MakePicture,
    sampler: PairedSampler,
    *,
    spec: NetSpec,
    checkpoint: Checkpoint,
    schedule: Schedule,
    device: str,
    folder: Path,
    progress: Progress,
) -> Path:
    """Fine-tune on `sampler`; returns `folder/weights.safetensors` (moving average).

    A batch is made of whole pairs. A killed run continues after its last finished epoch from
    `folder/epoch.pt` and ends in the same weights. `progress` is told the images seen.
    """
    done = folder / "weights.safetensors"
    together = max(schedule.batch_size // sampler.pair_size, 1) * sampler.pair_size
    steps = max(sampler.pairs_per_epoch * sampler.pair_size // together, 1)
    if done.is_file():
        progress(schedule.epochs * steps * together)
        return done
    folder.mkdir(parents=True, exist_ok=True)
    run = _Run(spec, checkpoint, schedule, device=device, steps=schedule.epochs * steps)
    first = run.restore(folder / "epoch.pt")
    progress(first * steps * together)
    for epoch in range(first, schedule.epochs):
        torch.manual_seed((schedule.seed << 16) + epoch)
        shown = sampler.epoch(epoch)[: steps * together]
        chunks = [shown[i : i + together] for i in range(0, len(shown), together)]
        for pixels, chunk in zip(
            _pictures(make_picture, chunks, workers=schedule.workers), chunks, strict=True
        ):
            run.step(pixels, torch.tensor([sampler.goal(sample.kind) for sample in chunk]))
            progress(len(chunk))
        run.keep(folder / "epoch.pt", epoch=epoch + 1)
    part = done.with_suffix(f".{os.getpid()}.part")
    save_file({k: v.contiguous().cpu() for k, v in run.average[1].state_dict().items()}, part)
    os.replace(part, done)
    (folder / "epoch.pt").unlink(missing_ok=True)
    return done


def _pictures(
    make_picture: MakePicture, chunks: Sequence[Sequence[TrainingSample]], *, workers: int
) -> Iterator[torch.Tensor]:
    """Batches of uint8 (N, S, S, 3) in order, made ahead by threads.

    Threads, not processes: decoding and warping release the interpreter, and nothing has to start.
    """
    with ThreadPoolExecutor(max_workers=max(workers, 1)) as pool:
        ahead: deque[list[Future[NDArray[np.uint8]]]] = deque()
        for index in range(len(chunks) + PREFETCH):
            if index < len(chunks):
                ahead.append([pool.submit(make_picture, sample) for sample in chunks[index]])
            if index >= PREFETCH:
                yield torch.from_numpy(np.stack([future.result() for future in ahead.popleft()]))


class _Run:
    """The moving parts of a training: net, its moving average, optimiser, step count."""

    def __init__(
        self, spec: NetSpec, checkpoint: Checkpoint, schedule: Schedule, *, device: str, steps: int
    ) -> None:
        self.schedule, self.steps, self.done, self.device = schedule, steps, 0, torch.device(device)
        self.bf16 = has_bf16(self.device)
        self.net = initialise(spec, checkpoint, seed=schedule.seed).train().to(self.device)
        self.average = copy.deepcopy(self.net).eval().requires_grad_(False)
        if self.device.type == "cpu" and self.bf16:
            densify_strided_depthwise(self.net)
        if checkpoint.state is not None:
            freeze_layers(self.net[1], groups=schedule.freeze_layers)
        learning = [p for p in self.net.parameters() if p.requires_grad]
        matrices = [p for p in learning if p.ndim > 1]
        others = [p for p in learning if p.ndim <= 1]
        self.optimiser = torch.optim.AdamW(
            [
                {"params": matrices, "weight_decay": schedule.weight_decay},
                {"params": others, "weight_decay": 0.0},
            ],
            lr=schedule.learning_rate,
        )

    def step(self, pixels: torch.Tensor, target: torch.Tensor) -> None:
        """One optimiser step. pixels : uint8 (N, S, S, 3); target : float32 (N, heads), 0, 1 or NaN."""
        for group in self.optimiser.param_groups:
            group["lr"] = self.schedule.learning_rate * _cosine(self.done / self.steps)
        x = pixels.to(self.device).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
        target, smooth = target.to(self.device), self.schedule.label_smoothing
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.bf16):
            logit = self.net(x)
        goal = target.nan_to_num() * (1 - 2 * smooth) + smooth
        each = F.binary_cross_entropy_with_logits(logit.float(), goal, reduction="none")
        loss = (each * head_weights(target)).sum()
        loss.backward()
        self.optimiser.step()
        self.optimiser.zero_grad()
        self.done += 1
        self._follow()

    @torch.no_grad()
    def _follow(self) -> None:
        decay = min(EMA_DECAY, (1 + self.done) / (10 + self.done))
        for slow, fast in zip(
            self.average.state_dict().values(), self.net.state_dict().values(), strict=True
        ):
            if slow.dtype.is_floating_point:
                slow.lerp_(fast, 1 - decay)
            else:
                slow.copy_(fast)

    def keep(self, path: Path, *, epoch: int) -> None:
        """Save everything that the next epoch starts from."""
        state: dict[str, Any] = {
            "epoch": epoch,
            "done": self.done,
            "net": self.net.state_dict(),
            "average": self.average.state_dict(),
            "optimiser": self.optimiser.state_dict(),
        }
        part = path.with_suffix(f".{os.getpid()}.part")
        torch.save(state, part)
        os.replace(part, path)

    def restore(self, path: Path) -> int:
        """Continue from `path` if it is there; returns the number of finished epochs."""
        if not path.is_file():
            return 0
        state = torch.load(path, map_location=self.device, weights_only=True)
        self.net.load_state_dict(state["net"])
        self.average.load_state_dict(state["average"])
        self.optimiser.load_state_dict(state["optimiser"])
        self.done = int(state["done"])
        return int(state["epoch"])


def _cosine(progress: float) -> float:
    """Learning rate over its peak: linear rise, then half a cosine down to 1 %."""
    if progress < WARM_UP:
        return 0.1 + 0.9 * progress / WARM_UP
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * (progress - WARM_UP) / (1 - WARM_UP)))
