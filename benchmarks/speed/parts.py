"""What is timed: decoding, faces, spectral blocks, the embedding; each against the plain way."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import timm
import torch
from facenet_pytorch import MTCNN
from numpy.typing import NDArray
from PIL import Image
from threadpoolctl import threadpool_limits

from benchmarks.speed.plain import PLAIN
from benchmarks.speed.timing import row, side_by_side, table
from features.spectral import compute
from features.views import FaceViews, cut_views, plan_crop
from models.nets.build import build
from models.nets.face_net import FaceNet
from models.nets.net_spec import NetSpec
from pipeline.faces import detector
from pipeline.runtime import params
from pipeline.runtime.process import limit_threads
from pipeline.storage.images import read_image

IMAGES_PER_BATCH = 32  # images searched or embedded at a time, as in the pipeline
MAX_PIXELS = 100_000_000


@dataclass(frozen=True)
class Comparison:
    """What a comparison runs on.

    Attributes
    ----------
    images : list of Path
        Files of one size.
    rounds : int
        How often each work is timed.
    options : Faces
        Section `faces` of params.yaml.
    """

    images: list[Path]
    rounds: int
    options: params.Faces

    def pixels(self) -> list[NDArray[np.uint8]]:
        """uint8 (H, W, 3), RGB."""
        return [read_image(str(path), max_pixels=MAX_PIXELS).pixels for path in self.images]


def batches(pictures: Sequence[NDArray[np.uint8]]) -> list[Sequence[NDArray[np.uint8]]]:
    """Consecutive batches of IMAGES_PER_BATCH pictures."""
    return [pictures[i : i + IMAGES_PER_BATCH] for i in range(0, len(pictures), IMAGES_PER_BATCH)]


def decode(comparison: Comparison) -> str:
    """Reading a file, checked as the pipeline does, against PIL and against OpenCV alone, the floor."""

    def pil() -> None:
        for path in comparison.images:
            with Image.open(path, formats=("JPEG", "PNG", "WEBP")) as picture:
                np.asarray(picture.convert("RGB"))

    def floor() -> None:
        for path in comparison.images:
            cv2.imread(str(path), cv2.IMREAD_COLOR_RGB)

    works = {"ours": lambda: comparison.pixels(), "pil": pil, "opencv": floor}
    times = side_by_side(works, rounds=comparison.rounds, describe="decode")
    rows = [
        row(name, times, ours="ours", other=other, images=len(comparison.images))
        for name, other in (("PIL, to RGB", "pil"), ("OpenCV alone", "opencv"))
    ]
    return table("Decoding, one thread", "other", rows)


def faces(comparison: Comparison) -> str:
    """The detector against facenet-pytorch's with its defaults, single and in batches; one thread each."""
    pictures = comparison.pixels()
    pil = [Image.fromarray(picture) for picture in pictures]
    theirs = MTCNN(device="cpu")
    ours = detector(comparison.options, "cpu")
    plain = detector(comparison.options.model_copy(update={"border": 0.0}), "cpu")
    alike = len({picture.shape for picture in pictures}) == 1  # its batches need one size
    works: dict[str, Callable[[], object]] = {
        "single": lambda: [theirs.detect(picture) for picture in pil],
        "ours": lambda: [ours.detect(batch) for batch in batches(pictures)],
        "plain": lambda: [plain.detect(batch) for batch in batches(pictures)],
    }
    if alike:
        works["batched"] = lambda: [
            theirs.detect(pil[i : i + IMAGES_PER_BATCH]) for i in range(0, len(pil), IMAGES_PER_BATCH)
        ]
    times = side_by_side(works, rounds=comparison.rounds, describe="faces")
    rows = [
        row(f"{name}, {how}", times, ours=ours_name, other=other, images=len(pil))
        for how, ours_name in (("second search of tight crops", "ours"), ("no second search", "plain"))
        for name, other in (("one by one", "single"), ("in batches", "batched"))
        if other in works
    ]
    detected = [face for batch in batches(pictures) for face in plain.detect(batch)]
    theirs_count = ours_count = close = 0
    for picture, face in zip(pil, detected, strict=True):
        boxes, _ = theirs.detect(picture)
        if boxes is not None:
            theirs_count += 1
            ours_count += face.found
            close += face.found and iou(boxes[0], face.box) > 0.9
    agreement = f"Of {theirs_count} faces that it finds, {ours_count} are found, {close} with IoU > 0.9 (no second search)."
    return table("Faces, one thread", "facenet-pytorch", rows) + f"\n\n{agreement}"


def iou(a: NDArray[np.floating], b: NDArray[np.floating]) -> float:
    """Of two boxes x0, y0, x1, y1."""
    sides = np.minimum(a[2:], b[2:]) - np.maximum(a[:2], b[:2])
    inside = float(np.prod(np.clip(sides, 0, None)))
    return inside / float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2]) - inside)


def views_of(comparison: Comparison) -> list[FaceViews]:
    """The cuts of every picture."""
    views = []
    for batch in batches(comparison.pixels()):
        for picture, face in zip(batch, detector(comparison.options, "cpu").detect(batch), strict=True):
            height, width = picture.shape[:2]
            crop = plan_crop(face, height=height, width=width, **comparison.options.cuts())
            views.append(cut_views(picture, face, crop))
    return views


def spectral(comparison: Comparison) -> str:
    """Each block, and all of them, against plain float64 numpy and scipy; one thread."""
    views = views_of(comparison)
    names = list(PLAIN)
    works: dict[str, Callable[[], object]] = {}
    for name in names:
        works[f"plain {name}"] = lambda name=name: [PLAIN[name](view) for view in views]  # type: ignore[misc]
        works[name] = lambda name=name: [compute(view, [name]) for view in views]  # type: ignore[misc]
    works["plain all"] = lambda: [[PLAIN[name](view) for name in names] for view in views]
    works["all"] = lambda: [compute(view, names) for view in views]
    times = side_by_side(works, rounds=comparison.rounds, describe="spectral")
    rows = [row(name, times, ours=name, other=f"plain {name}", images=len(views)) for name in (*names, "all")]
    return table("Spectral blocks, one thread", "plain", rows)


def embed(comparison: Comparison, *, model: str = "mobilenetv2_100", size: int = 224) -> str:
    """A frozen net in the pipeline's batches against one picture at a time; one thread."""
    mean = std = (0.5, 0.5, 0.5)
    spec = NetSpec(model, {}, "rgb", "aligned", size, mean, std, "from scratch")
    net = FaceNet(spec, [build(spec)[1].state_dict()])
    alone = timm.create_model(model, num_classes=0).eval()
    crops = [cv2.resize(picture, (size, size)) for picture in comparison.pixels()]

    def plain() -> None:
        with torch.no_grad():
            for crop in crops:
                x = torch.from_numpy(crop).permute(2, 0, 1)[None].float() / 127.5 - 1
                alone(x)

    works = {"plain": plain, "ours": lambda: [net(list(batch)) for batch in batches(crops)]}
    times = side_by_side(works, rounds=comparison.rounds, describe="embed")
    return table(
        f"Embedding, {model} at {size} px, one thread",
        "one by one",
        [row(model, times, ours="ours", other="plain", images=len(crops))],
    )


PARTS: dict[str, Callable[[Comparison], str]] = {
    "decode": decode,
    "faces": faces,
    "spectral": spectral,
    "embed": embed,
}


def prepare(threads: int = 1) -> None:
    """So many threads for everything that is timed from here on, numpy's BLAS included."""
    threadpool_limits(threads)
    limit_threads(threads)
