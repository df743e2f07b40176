"""The peers that are nets: MobileNetV2 fine-tuned, on neighbouring-pixel residuals, and frozen under trees."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import lightgbm as lgb
import numpy as np
import pandas as pd
import timm
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import nn
from tqdm import tqdm

from benchmarks.quality.conditions import U8, lossy, seeded
from benchmarks.quality.rows import picture
from models.nets.checkpoints import Checkpoint, find
from models.nets.initialisation import init_classifier
from models.nets.layers import has_bf16, run_depthwise_in_float32
from models.nets.packaged import WeightsError
from pipeline.runtime.process import limit_threads, pick_device

MODEL, HEAD = "mobilenetv2_100", "classifier."
EPOCHS, BATCH, RATE = 3, 32, 1e-3
AHEAD = 3  # batches made ahead of the optimiser
TREES = {"objective": "binary", "learning_rate": 0.05, "num_leaves": 31, "seed": 0, "verbosity": -1}
ROUNDS = 400

Batch = tuple[torch.Tensor, torch.Tensor]


def imagenet(folder: Path, *, outputs: int) -> tuple[nn.Module, Checkpoint]:
    """MODEL with its ImageNet backbone and `outputs` new outputs (0: pooled features), and what it came from.

    These peers are nothing without such weights: WeightsError when there are none.
    """
    checkpoint = find(model=MODEL, weights="auto", folder=folder)
    if checkpoint.state is None:
        raise WeightsError(f"{folder} holds no {MODEL}.safetensors or .pth; name another with --weights")
    net = timm.create_model(MODEL, num_classes=outputs, **checkpoint.model_args)
    backbone = {name: tensor for name, tensor in checkpoint.state.items() if not name.startswith(HEAD)}
    net.load_state_dict({**net.state_dict(), **backbone}, strict=True)
    if outputs:
        init_classifier(net)
    return net, checkpoint


def normalised(x: torch.Tensor, mean: Sequence[float], std: Sequence[float]) -> torch.Tensor:
    """x : float32 (n, 3, h, w) of 0-255; mean, std : of RGB scaled to [0, 1]."""
    shift, scale = (255 * torch.tensor(v, device=x.device).view(1, 3, 1, 1) for v in (mean, std))
    return (x - shift) / scale


def whole(pixels: U8, *, size: int) -> U8:
    """The whole image at size × size px, its proportions not kept."""
    flag = cv2.INTER_AREA if min(pixels.shape[:2]) >= size else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(pixels, (size, size), interpolation=flag), dtype=np.uint8)


def centre(pixels: U8, *, size: int) -> U8:
    """The un-resampled centre, size × size px; a smaller picture is mirrored at its edges."""
    below, right = (max(size - side, 0) for side in pixels.shape[:2])
    if below or right:
        pad = ((below // 2, below - below // 2), (right // 2, right - right // 2), (0, 0))
        pixels = np.pad(pixels, pad, mode="symmetric")
    top, left = ((side - size) // 4 * 2 for side in pixels.shape[:2])  # even: 2 × 2 phases are kept
    return pixels[top : top + size, left : left + size]


def varied(pixels: U8, rng: np.random.Generator) -> U8:
    """The usual augmentation of detectors: a blur in a third, a JPEG compression in half of the draws."""
    if rng.random() < 0.33:
        pixels = np.asarray(cv2.GaussianBlur(pixels, (0, 0), rng.uniform(0.3, 1.5)), dtype=np.uint8)
    if rng.random() < 0.5:
        pixels = lossy(pixels, quality=int(rng.integers(40, 96)), suffix=".jpg")
    return pixels


def planes(pictures: list[U8], device: torch.device) -> torch.Tensor:
    """float32 (n, 3, size, size) of 0-255, channels last, from uint8 (size, size, 3) each."""
    stack = torch.from_numpy(np.stack(pictures)).to(device).permute(0, 3, 1, 2)
    return stack.float().contiguous(memory_format=torch.channels_last)


@dataclass
class TunedNet:
    """MobileNetV2 with one logit, three epochs; of the ImageNet net, or from scratch on NPR residuals.

    residual : feed x - nearest(x at half size) of the un-resampled centre (Tan et al. 2024,
    arXiv:2312.10461), not the whole image. Such traces do not survive blur, so it is trained without.
    """

    weights: Path
    size: int
    threads: int
    residual: bool = False
    state: dict[str, torch.Tensor] = field(default_factory=dict)
    model_args: dict[str, Any] = field(default_factory=dict)
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()

    def fit(self, train: pd.DataFrame) -> None:
        limit_threads(self.threads)
        torch.manual_seed(0)
        net = self._start()
        device = torch.device(pick_device("auto"))
        bf16 = has_bf16(device)
        net = net.train().to(device).to(memory_format=torch.channels_last)
        if device.type == "cpu" and bf16:
            run_depthwise_in_float32(net)
        batch = min(BATCH, len(train))
        steps = EPOCHS * (len(train) // batch)
        optimiser = torch.optim.AdamW(net.parameters(), lr=RATE)
        with tqdm(total=steps * batch, desc="fit", unit="img", mininterval=1.0) as bar:
            for step, (x, y) in enumerate(self._batches(train, batch=batch, device=device)):
                optimiser.param_groups[0]["lr"] = RATE * 0.5 * (1 + math.cos(math.pi * step / steps))
                with torch.autocast(device.type, torch.bfloat16, enabled=bf16):
                    logit = net(self._input(x))[:, 0]
                F.binary_cross_entropy_with_logits(logit.float(), y).backward()
                optimiser.step()
                optimiser.zero_grad()
                bar.update(batch)
        self.state = {name: tensor.cpu() for name, tensor in net.state_dict().items()}

    def _start(self) -> nn.Module:
        """The net before training; its head from the seed."""
        if self.residual:
            net = timm.create_model(MODEL, num_classes=1)
            init_classifier(net)
            return net
        net, checkpoint = imagenet(self.weights, outputs=1)
        self.model_args, self.mean, self.std = checkpoint.model_args, checkpoint.mean, checkpoint.std
        return net

    def _batches(self, train: pd.DataFrame, *, batch: int, device: torch.device) -> Iterator[Batch]:
        """Whole batches of all epochs, made ahead by threads: decoding releases the interpreter."""
        target = torch.tensor(train["target"].to_numpy(np.float32))
        orders = [np.random.default_rng(epoch).permutation(len(train)) for epoch in range(EPOCHS)]
        chunks = [
            (epoch, order[i : i + batch])
            for epoch, order in enumerate(orders)
            for i in range(0, len(order) - batch + 1, batch)
        ]
        paths, names = train["path"].tolist(), train["img_name"].tolist()
        with ThreadPoolExecutor(max(self.threads - 1, 1)) as pool:
            ahead: deque[list[Future[U8]]] = deque()
            for index in range(len(chunks) + AHEAD):
                if index < len(chunks):
                    epoch, chunk = chunks[index]
                    ahead.append([pool.submit(self._sample, paths[i], names[i], epoch) for i in chunk])
                if index >= AHEAD:
                    pictures = [future.result() for future in ahead.popleft()]
                    yield planes(pictures, device), target[chunks[index - AHEAD][1]].to(device)

    def _sample(self, path: str, name: str, epoch: int) -> U8:
        """One training picture, uint8 (size, size, 3)."""
        rng = seeded(f"{name} {epoch}")
        pixels = picture(path, name, "clean")
        seen = self._cut(pixels if self.residual else varied(pixels, rng))
        return seen[:, ::-1] if rng.random() < 0.5 else seen

    def _cut(self, pixels: U8) -> U8:
        return centre(pixels, size=self.size) if self.residual else whole(pixels, size=self.size)

    def _input(self, x: torch.Tensor) -> torch.Tensor:
        if self.residual:
            return (x - F.interpolate(x[..., ::2, ::2], size=x.shape[-2:], mode="nearest")) / 16
        return normalised(x, self.mean, self.std)

    @cached_property
    def _net(self) -> nn.Module:
        net = timm.create_model(MODEL, num_classes=1, **self.model_args)
        net.load_state_dict(self.state, strict=True)
        return net.eval().to(pick_device("auto")).to(memory_format=torch.channels_last)

    @torch.inference_mode()
    def score(self, pixels: list[U8]) -> NDArray[np.float64]:
        """Mean logit of the picture and its mirror image."""
        limit_threads(self.threads)
        x = planes([self._cut(p) for p in pixels], next(self._net.parameters()).device)
        logits = [self._net(self._input(view))[:, 0] for view in (x, x.flip(3))]
        return np.asarray(torch.stack(logits).mean(0).cpu().numpy(), dtype=np.float64)


@dataclass
class FrozenTrees:
    """Pooled features of the frozen ImageNet MobileNetV2, whole image at 224 px, under LightGBM."""

    weights: Path
    threads: int
    size: int = 224
    trees: Any = None

    @cached_property
    def _net(self) -> tuple[nn.Module, Checkpoint]:
        net, checkpoint = imagenet(self.weights, outputs=0)
        return net.eval().to(pick_device("auto")).to(memory_format=torch.channels_last), checkpoint

    def __getstate__(self) -> dict[str, Any]:
        """Without the net, which is read again from the weights folder."""
        return {name: value for name, value in self.__dict__.items() if name != "_net"}

    @torch.inference_mode()
    def features(self, pixels: list[U8]) -> NDArray[np.float32]:
        """float32 (n, 1280)."""
        limit_threads(self.threads)
        net, checkpoint = self._net
        x = planes([whole(p, size=self.size) for p in pixels], next(net.parameters()).device)
        return np.asarray(net(normalised(x, checkpoint.mean, checkpoint.std)).cpu().numpy(), dtype=np.float32)

    def fit(self, train: pd.DataFrame) -> None:
        files = list(zip(train["path"], train["img_name"], strict=True))
        rows = []
        for start in tqdm(range(0, len(files), BATCH), desc="embed", unit="batch", mininterval=1.0):
            chunk = files[start : start + BATCH]
            rows.append(self.features([picture(path, name, "clean") for path, name in chunk]))
        data = lgb.Dataset(np.concatenate(rows), train["target"].to_numpy(np.int64))
        options = {**TREES, "num_threads": self.threads, "deterministic": True, "force_row_wise": True}
        self.trees = lgb.train(options, data, num_boost_round=ROUNDS)

    def score(self, pixels: list[U8]) -> NDArray[np.float64]:
        return np.asarray(self.trees.predict(self.features(pixels)), dtype=np.float64)
