"""The device against the CPU: boxes, logits, spectral numbers, gradients, scores.

Each tolerance is some ten times what was measured on an H100 with convolutions in full float32.
"""

from __future__ import annotations

import contextlib
import csv
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.stats import rankdata

from benchmarks.gpu.record import Check
from benchmarks.gpu.workload import LOGIT_SPREAD, Workload, checkpoint, random_state, spec_of
from features.spectral import compute
from features.views import Face, cut_views, plan_crop
from models.nets.face_net import FaceNet
from models.nets.training import _Run
from pipeline import predict
from pipeline.faces import detector
from pipeline.runtime import params
from pipeline.samples.net_folds import schedule_of

BATCH = 16  # pictures of a compared forward pass or training step
STEPS = 20  # of a training on one batch that must lower the loss
LARGEST_ON_CPU = (
    "vit_base_patch16_clip_quickgelu_224.openai"  # the recipe's small card: the large net takes a minute
)


def detection(work: Workload) -> list[Check]:
    """Faces of the same pictures."""
    cpu, device = (_faces(work, where) for where in ("cpu", work.device))
    found = [(a, b) for a, b in zip(cpu, device, strict=True) if a.found and b.found]
    return [
        Check("faces", "pictures with another number of faces", _unlike(cpu, device), 0),
        Check("boxes", "px", _largest(np.abs(a.box - b.box).max() for a, b in found), 1e-2),
        Check("landmarks", "px", _largest(np.abs(a.landmarks - b.landmarks).max() for a, b in found), 1e-2),
        Check("faces", "probability", _largest(abs(a.prob - b.prob) for a, b in found), 1e-4),
    ]


def spectral(work: Workload) -> list[Check]:
    """Every spectral number, once with the faces of the CPU and once with the device's."""
    names = work.params.spectral.blocks
    cpu, device = (
        [_numbers(work, p, f, names) for p, f in zip(work.pictures, _faces(work, where), strict=True)]
        for where in ("cpu", work.device)
    )
    differ = sum(not np.array_equal(a, b, equal_nan=True) for a, b in zip(cpu, device, strict=True))
    return [Check("spectral numbers", "share of pictures with other bits", differ / len(cpu), 0.05)]


def nets(work: Workload) -> list[Check]:
    """Logits of the shipped nets and of the recipe's, random weights, one member each."""
    checks = []
    for name, net in entries(work).items():
        spec = spec_of(net)
        crops = work.crops(spec.size, BATCH)
        state = random_state(spec, crops, seed=0)
        cpu, device = (FaceNet(spec, [state], device=where)(crops) for where in ("cpu", work.device))
        checks.append(
            Check(
                f"logits of {name}", f"of a spread of {LOGIT_SPREAD:g}", _largest(np.abs(cpu - device)), 5e-3
            )
        )
    return checks


def training(work: Workload) -> list[Check]:
    """Loss and gradient of the same batch in float32, and that steps as they are shipped learn it."""
    checks = []
    for name, net in entries(work).items():
        spec = spec_of(net)
        pixels = torch.from_numpy(np.stack(work.crops(spec.size, BATCH)))
        goals = target(BATCH, len(spec.heads))
        state = random_state(spec, list(pixels.numpy()), seed=0)
        runs = [
            _Run(spec, checkpoint(state), schedule_of(net, seed=0, workers=1), device=where, steps=STEPS)
            for where in ("cpu", work.device)
        ]
        (loss, slope), (other, other_slope) = (_gradient(run, pixels, goals) for run in runs)
        cosine = torch.nn.functional.cosine_similarity(slope, other_slope, dim=0)
        trained = _Run(
            spec, checkpoint(state), schedule_of(net, seed=0, workers=1), device=work.device, steps=STEPS
        )
        before = _loss(trained, pixels, goals)
        for _ in range(STEPS):
            trained.step(pixels, goals)
        checks += [
            Check(f"training of {name}", "loss, relative", abs(loss - other) / abs(loss), 1e-3),
            Check(f"training of {name}", "gradient, 1 - cosine", float(1 - cosine), 1e-3),
            Check(
                f"training of {name}",
                f"change of the loss in {STEPS} steps",
                _loss(trained, pixels, goals) - before,
                0,
            ),
        ]
    return checks


def scores(work: Workload) -> list[Check]:
    """`predict` of one bundle on both. A tree may send a logit that lies at its threshold the other way."""
    cpu, device = (_predicted(work, where) for where in ("cpu", work.device))
    off = np.abs(cpu - device)
    return [
        Check("scores of predict", "share off by more than 0.001", float((off > 1e-3).mean()), 0.05),
        Check("scores of predict", "largest difference", _largest(off), 0.05),
        Check("scores of predict", "1 - rank correlation", 1 - _rank_correlation(cpu, device), 1e-3),
    ]


def entries(work: Workload) -> dict[str, params.Net]:
    """The shipped nets, and the recipe's with the smaller of its two backbones, each make once."""
    named = {f"{net.model}, {net.size} px {net.input}": net for net in work.params.finetune.nets.values()}
    recipe = next(iter(work.recipe.finetune.nets.values()))
    if recipe.model.startswith("vit_large"):
        recipe = recipe.model_copy(update={"model": LARGEST_ON_CPU})
    return {**named, f"{recipe.model}, {recipe.size} px": recipe}


def target(count: int, heads: int) -> torch.Tensor:
    """Every other picture a fake of every head, float32 (count, heads)."""
    return torch.tensor([[float(i % 2)] * heads for i in range(count)])


def _faces(work: Workload, device: str) -> list[Face]:
    return detector(work.params.faces, device).detect(work.pictures)


def _numbers(
    work: Workload, pixels: NDArray[np.uint8], face: Face, names: Sequence[str]
) -> NDArray[np.float32]:
    height, width = pixels.shape[:2]
    crop = plan_crop(face, height=height, width=width, **work.params.faces.cuts())
    blocks = compute(cut_views(pixels, face, crop), names)
    return np.concatenate([blocks[name] for name in names])


def _gradient(run: _Run, pixels: torch.Tensor, goals: torch.Tensor) -> tuple[float, torch.Tensor]:
    """Loss and gradient of one batch in float32."""
    run.bf16 = False
    loss = run._loss(pixels.to(run.device).permute(0, 3, 1, 2), goals.to(run.device))
    loss.backward()
    slopes = [w.grad.flatten().cpu() for w in run.net.parameters() if w.grad is not None]
    return float(loss.detach()), torch.cat(slopes).double()


def _loss(run: _Run, pixels: torch.Tensor, goals: torch.Tensor) -> float:
    with torch.no_grad():
        return float(run._loss(pixels.to(run.device).permute(0, 3, 1, 2), goals.to(run.device)))


def _predicted(work: Workload, device: str) -> NDArray[np.float64]:
    """Scores of the drawn faces by the command line."""
    out = work.folder / f"scores {device}.txt"
    folder = str(work.folder / "demo")
    bundle = str(work.bundle)
    with contextlib.redirect_stdout(sys.stderr):
        predict.main(["--images", folder, "--bundle", bundle, "--out", str(out), "--device", device])
    return read_scores(out)


def read_scores(path: Path) -> NDArray[np.float64]:
    """The scores of a prediction file."""
    with path.open(encoding="utf-8", newline="") as stream:
        return np.array([float(row["y_pred"]) for row in csv.DictReader(stream)])


def _unlike(one: Sequence[Face], other: Sequence[Face]) -> float:
    return float(sum(a.n_faces != b.n_faces for a, b in zip(one, other, strict=True)))


def _largest(values: object) -> float:
    flat = np.asarray(values if isinstance(values, np.ndarray) else list(values), dtype=np.float64)  # type: ignore[call-overload]
    return float(flat.max(initial=0.0)) if np.isfinite(flat).all() else float("nan")


def _rank_correlation(one: NDArray[np.float64], other: NDArray[np.float64]) -> float:
    """Spearman's; 1 where both are the same."""
    if np.array_equal(one, other):
        return 1.0
    return float(np.corrcoef(rankdata(one), rankdata(other))[0, 1])
