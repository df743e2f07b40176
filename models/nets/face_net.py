"""Face nets: a timm backbone, its input and its weights, from uint8 crops to float32 rows."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import timm
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from safetensors.torch import load_file, save_file
from torch import nn

from features.alignment import align
from features.views import Crop
from models.nets.checkpoints import Checkpoint, WeightsError
from models.nets.inference import Backbone, compile_for_inference

NETS_VERSION = 3  # raised when the way from a crop to a net's numbers changes; part of the cache's address
Input = Literal["rgb", "npr", "highpass"]
# Rows of a net must not depend on what else is in the batch. A position in a batch of fixed size is
# exact, another batch size is not (up to 1e-5), so every batch on the CPU is padded to this size.
CPU_BATCH = 8
CUDA_BATCH = 128

# Three 5 × 5 high-pass filters of the SRM (Fridrich & Kodovsky 2012, doi:10.1109/TIFS.2012.2190402).
_KV = [[-1, 2, -2, 2, -1], [2, -6, 8, -6, 2], [-2, 8, -12, 8, -2], [2, -6, 8, -6, 2], [-1, 2, -2, 2, -1]]
_SQUARE = [[0, 0, 0, 0, 0], [0, -1, 2, -1, 0], [0, 2, -4, 2, 0], [0, -1, 2, -1, 0], [0, 0, 0, 0, 0]]
_SECOND = [[0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 1, -2, 1, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]]


@dataclass(frozen=True)
class NetSpec:
    """What is needed to build and feed a net.

    heads : what each logit (log-odds of fake) tells from real faces, e.g. `labelled`, `blend`; none: the
    outputs are the backbone's pooled features.
    crop : `aligned` (similarity warp to size × size) or `native` (un-resampled window).
    mean, std : of RGB scaled to [0, 1].
    """

    model: str
    model_args: dict[str, Any]
    input: Input
    crop: Literal["aligned", "native"]
    size: int
    mean: tuple[float, ...]
    std: tuple[float, ...]
    origin: str
    heads: tuple[str, ...] = ()


class InputTransform(nn.Module):
    """uint8 RGB to the backbone's input: (N, 3, H, W) uint8 -> float32 of the same shape."""

    mean: torch.Tensor
    std: torch.Tensor
    filters: torch.Tensor

    def __init__(self, spec: NetSpec) -> None:
        super().__init__()
        self.input = spec.input
        self.register_buffer("mean", torch.tensor(spec.mean).view(1, 3, 1, 1) * 255, persistent=False)
        self.register_buffer("std", torch.tensor(spec.std).view(1, 3, 1, 1) * 255, persistent=False)
        filters = torch.tensor([_KV, _SQUARE, _SECOND], dtype=torch.float32)
        filters = filters / filters.abs().sum((1, 2), keepdim=True) * 2
        self.register_buffer("filters", filters[:, None], persistent=False)

    def forward(self, pixels: torch.Tensor) -> torch.Tensor:
        x = pixels.float()
        if self.input == "rgb":
            return (x - self.mean) / self.std
        if self.input == "npr":
            # Neighbouring pixel relationships (Tan et al. 2024, arXiv:2312.10461): each pixel minus
            # the first of its 2 × 2 block; the scale brings it to about unit variance.
            return (x - F.interpolate(x[..., ::2, ::2], size=x.shape[-2:], mode="nearest")) / 12.0
        grey = (x * torch.tensor([0.299, 0.587, 0.114], device=x.device).view(1, 3, 1, 1)).sum(
            1, keepdim=True
        )
        residual = F.conv2d(F.pad(grey, (2, 2, 2, 2), mode="reflect"), self.filters)
        return residual.clamp(-20.0, 20.0) / 4.0


def build(spec: NetSpec, state: dict[str, torch.Tensor] | None = None) -> nn.Sequential:
    """Input transform and backbone in channels-last layout, with `state` loaded strictly when given."""
    try:
        backbone = timm.create_model(spec.model, num_classes=len(spec.heads), **spec.model_args)
    except RuntimeError as error:
        near = (
            ", ".join(timm.list_models(f"*{spec.model.split('_')[0][:8]}*")[:8]) or "see timm.list_models()"
        )
        raise WeightsError(f"timm model '{spec.model}': {error}; names like it: {near}") from None
    net = nn.Sequential(InputTransform(spec), backbone)
    if state is not None:
        backbone.load_state_dict(state, strict=True)
    return net.to(memory_format=torch.channels_last)


def initialise(spec: NetSpec, checkpoint: Checkpoint, *, seed: int) -> nn.Sequential:
    """A net that starts from the checkpoint; its head, and all of it when from scratch, from `seed`."""
    torch.manual_seed(seed)
    net = build(spec)
    if checkpoint.state is not None:
        net[1].load_state_dict(backbone_state(net, checkpoint), strict=True)
    if spec.heads:
        init_classifier(net[1])
    return net


def init_classifier(backbone: Any) -> None:
    """Give a timm net's classifier small random weights.

    timm draws them from a range that depends on the outputs alone in some families: U(-1, 1) for one
    logit over 1,280 features. Such a start has a loss of 2 instead of ln 2, and its gradients undo in
    the first steps what the backbone had learned before.
    """
    heads = backbone.get_classifier()
    for head in heads if isinstance(heads, tuple) else (heads,):
        for module in head.modules():
            if isinstance(module, nn.Linear | nn.Conv2d):
                nn.init.normal_(module.weight, std=0.01)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)


def backbone_state(net: nn.Sequential, checkpoint: Checkpoint) -> dict[str, torch.Tensor]:
    """The backbone's tensors with the checkpoint's in their place, all but its classifier.

    Raises WeightsError when names or shapes differ.
    """
    own, given = net[1].state_dict(), checkpoint.state or {}
    head = _head_names(net[1])
    kept = {name: tensor for name, tensor in given.items() if not name.startswith(head)}
    missing = [name for name in own if name not in kept and not name.startswith(head)]
    wrong = [name for name, tensor in kept.items() if name not in own or own[name].shape != tensor.shape]
    if missing or wrong:
        raise WeightsError(
            f"weights ({checkpoint.origin}) do not fit the net: {len(missing)} tensors are missing, {len(wrong)} "
            f"unknown or of another shape, first {(missing + wrong)[0]}; check model and model_args"
        )
    return {**own, **kept}


def _head_names(backbone: Any) -> tuple[str, ...]:
    head = backbone.pretrained_cfg.get("classifier", "classifier")
    return (head,) if isinstance(head, str) else tuple(head)


def crop_for(spec: NetSpec, pixels: NDArray[np.uint8], crop: Crop) -> NDArray[np.uint8]:
    """The net's picture of one face: uint8 (size, size, 3), RGB."""
    if spec.crop == "aligned":
        return align(pixels, crop, size=spec.size)
    x0, y0, x1, y1 = crop.native
    return window(pixels, centre=((x0 + x1) // 2, (y0 + y1) // 2), size=spec.size)


def window(pixels: NDArray[np.uint8], *, centre: tuple[int, int], size: int) -> NDArray[np.uint8]:
    """Un-resampled size × size window about `centre` (x, y), moved inside the image, else mirrored.

    Its corner is at even coordinates where the image allows, so that 2 × 2 phases are kept.
    """
    height, width = pixels.shape[:2]
    x0 = min(max(centre[0] - size // 2, 0), max(width - size, 0)) // 2 * 2
    y0 = min(max(centre[1] - size // 2, 0), max(height - size, 0)) // 2 * 2
    cut = pixels[y0 : y0 + size, x0 : x0 + size]
    right, below = size - cut.shape[1], size - cut.shape[0]
    if right or below:
        cut = np.pad(cut, ((0, below), (0, right), (0, 0)), mode="symmetric")
    return np.ascontiguousarray(cut)


class FaceNet:
    """One net, or the mean of several of the same make, ready to score.

    states : a state per member. A row of logits is the mean over members and over the picture and its
    mirror image.
    """

    def __init__(
        self, spec: NetSpec, states: Sequence[dict[str, torch.Tensor]], *, device: str = "cpu"
    ) -> None:
        self.spec = spec
        self.device = torch.device(device)
        self.batch = CPU_BATCH if self.device.type == "cpu" else CUDA_BATCH
        net = build(spec)
        self.members: list[Backbone]
        if self.device.type == "cpu":
            self.members = compile_for_inference(
                net, states, _layout(torch.zeros((self.batch, 3, spec.size, spec.size), dtype=torch.uint8))
            )
        else:
            self.members = [build(spec, state).eval().to(self.device) for state in states]
        backbone: Any = net[1]
        self.width = len(spec.heads) or int(getattr(backbone, "head_hidden_size", backbone.num_features))

    @torch.inference_mode()
    def __call__(self, crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        """crops : uint8 (size, size, 3) each. Returns float32 (n, width); row i depends on crop i only."""
        threads = torch.get_num_threads()
        if self.device.type == "cpu":
            torch.set_num_threads(1)  # sums are split by thread; work is shared out between processes
        try:
            rows = [self._batch(crops[i : i + self.batch]) for i in range(0, len(crops), self.batch)]
        finally:
            torch.set_num_threads(threads)
        return np.concatenate(rows) if rows else np.zeros((0, self.width), np.float32)

    def _batch(self, crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float32]:
        pad = self.batch - len(crops)
        stack = np.stack(list(crops) + [np.zeros_like(crops[0])] * pad)
        x = torch.from_numpy(stack).to(self.device).permute(0, 3, 1, 2)
        views = [x, x.flip(3)] if self.spec.heads else [x]
        outputs = [member(view) for view in map(_layout, views) for member in self.members]
        mean = torch.stack(outputs).mean(0)
        return mean[: len(crops)].float().cpu().numpy().reshape(len(crops), self.width)

    @staticmethod
    def save(folder: Path, spec: NetSpec, states: Sequence[dict[str, torch.Tensor]]) -> None:
        """Write net.json and one safetensors file per member."""
        folder.mkdir(parents=True, exist_ok=True)
        for index, state in enumerate(states):
            save_file({k: v.contiguous() for k, v in state.items()}, folder / f"member{index}.safetensors")
        (folder / "net.json").write_text(json.dumps({**asdict(spec), "members": len(states)}, indent=2))

    @classmethod
    def load(cls, folder: Path, *, device: str = "cpu", member: int | None = None) -> FaceNet:
        """Read what `save` wrote; `member` picks one of several."""
        facts = json.loads((folder / "net.json").read_text(encoding="utf-8"))
        count = facts.pop("members")
        members = range(count) if member is None else [member]
        spec = NetSpec(**{**facts, **{name: tuple(facts[name]) for name in ("mean", "std", "heads")}})
        return cls(spec, [load_file(folder / f"member{m}.safetensors") for m in members], device=device)


def _layout(x: torch.Tensor) -> torch.Tensor:
    return x.contiguous(memory_format=torch.channels_last)
