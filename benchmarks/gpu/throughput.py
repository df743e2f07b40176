"""Images a second and peak memory: of each part, of the whole path, and of a fine-tuning step."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from benchmarks.gpu.agreement import target
from benchmarks.gpu.record import Rate
from benchmarks.gpu.workload import Workload, checkpoint, spec_of
from benchmarks.speed.blocks import works
from features.spectral import compute
from features.views import FaceViews, cut_views
from models.nets.build import build
from models.nets.face_net import FaceNet
from models.nets.training import _Run
from pipeline.faces import detector
from pipeline.runtime import params
from pipeline.runtime.engine import Engine
from pipeline.runtime.process import limit_threads
from pipeline.samples.net_folds import schedule_of
from pipeline.serving.bundles import load_bundle
from pipeline.serving.pictures import read_picture
from pipeline.serving.scoring import IMAGES_PER_TASK, stream_rows

SIDES = (224, 512)  # px, of the pictures that faces are searched in
MAX_PIXELS = 100_000_000
AHEAD = 2  # batches that are decoded before the device asks for them


def stages(work: Workload) -> list[Rate]:
    """Every stage of a small run, from the drawn faces to a bundle."""
    _ = work.files
    start = time.perf_counter()
    _ = work.bundle
    return [Rate("stages manifest to train, an epoch each", work.size.drawn, time.perf_counter() - start)]


def parts(work: Workload) -> list[Rate]:
    """The detector, every block of the bundle and decoding, each alone."""
    pictures = [_decoded(path) for path in work.large_files]
    rates = [_search(work, pictures, side=side) for side in SIDES]
    few = pictures[: 4 * IMAGES_PER_TASK]
    for name, block in works(load_bundle(work.bundle, work.device), few).items():
        if name != "face":
            rates.append(_rate(work, f"block {name}", len(few), block))
    return [*rates, *(_decoding(work, threads) for threads in sorted({1, work.cores}))]


def _search(work: Workload, pictures: Sequence[NDArray[np.uint8]], *, side: int) -> Rate:
    small = [cv2.resize(p, (side, side), interpolation=cv2.INTER_AREA) for p in pictures]
    search = detector(work.params.faces, work.device)
    return _rate(work, f"faces, {side} px", len(small), partial(search.detect, small))


def _decoding(work: Workload, threads: int) -> Rate:
    with ThreadPoolExecutor(threads) as pool:
        return _rate(
            work,
            f"decoding, threads: {threads}",
            len(work.large_files),
            lambda: list(pool.map(_decoded, work.large_files)),
        )


def spectral(work: Workload) -> list[Rate]:
    """All spectral blocks of pictures of 512 px, in one process and in one per core."""
    pictures = [_decoded(path) for path in work.large_files[: 4 * IMAGES_PER_TASK]]
    bundle = load_bundle(work.bundle, work.device)
    found = bundle.detector.detect(pictures)
    views = [cut_views(p, f, bundle.crop(p, f)) for p, f in zip(pictures, found, strict=True)]
    return [_in_processes(work, views, processes) for processes in sorted({1, work.cores})]


def _in_processes(work: Workload, views: Sequence[FaceViews], processes: int) -> Rate:
    engine = Engine(backend="sequential" if processes == 1 else "loky", workers=processes)
    chunks = [views[i : i + 8] for i in range(0, len(views), 8)]
    job = partial(_spectral, names=work.params.spectral.blocks)
    return _rate(
        work,
        f"spectral blocks, processes: {processes}",
        len(views),
        lambda: list(engine.map(job, chunks)),
    )


def whole_path(work: Workload) -> list[Rate]:
    """From files of 512 px to scores: as `predict` does it, and with threads that decode ahead."""
    files = [(f"{i}/{path.name}", str(path)) for i in range(work.size.copies) for path in work.large_files]
    engine = Engine(workers=work.cores)
    return [
        _rate(
            work,
            "whole path, 512 px, as predict does it",
            len(files),
            lambda: list(stream_rows(files, folder=work.bundle, device=work.device, engine=engine)),
        ),
        _rate(
            work,
            f"whole path, 512 px, decoded ahead by {work.cores} threads",
            len(files),
            lambda: _decoded_ahead(work, work.large_files),
        ),
    ]


def fine_tuning(work: Workload) -> list[Rate]:
    """A step and a forward pass of the recipe's nets, and of the shipped ones, at their batch sizes."""
    return [rate for name, net in _makes(work).items() for rate in _of_net(work, name, net)]


def _of_net(work: Workload, name: str, net: params.Net) -> Iterator[Rate]:
    spec = spec_of(net)
    crops = work.crops(spec.size, net.batch_size)
    pixels, goals = torch.from_numpy(np.stack(crops)), target(len(crops), len(spec.heads))
    torch.manual_seed(0)
    state = build(spec)[1].state_dict()
    yield _rate(
        work,
        f"logits of {name}",
        len(crops),
        partial(FaceNet(spec, [state], device=work.device), crops),
    )
    run = _Run(spec, checkpoint(state), schedule_of(net, seed=0, workers=1), device=work.device, steps=1000)
    yield _rate(work, f"training step of {name}", len(crops), partial(run.step, pixels, goals))


def _makes(work: Workload) -> dict[str, params.Net]:
    """The nets of the recipe and of the parameters, each make once: what they learn costs nothing."""
    named = {}
    for net in (*work.recipe.finetune.nets.values(), *work.params.finetune.nets.values()):
        size = net.train_size or net.size
        net = net.model_copy(update={"size": size, "train_size": None})
        named[f"{net.model}, {size} px, batch {net.batch_size}"] = net
    return named


def _decoded(path: Path) -> NDArray[np.uint8]:
    return read_picture(path, max_pixels=MAX_PIXELS).pixels


def _spectral(views: Sequence[FaceViews], names: Sequence[str]) -> list[dict[str, NDArray[np.float32]]]:
    limit_threads(1)
    return [compute(view, names) for view in views]


def _decoded_ahead(work: Workload, files: Sequence[Path]) -> int:
    """Scores the files in batches of `predict`'s size, decoded by threads; returns their number."""
    bundle = load_bundle(work.bundle, work.device)
    count = 0
    with ThreadPoolExecutor(work.cores) as pool:
        for batch in _ahead(pool, files):
            count += len(bundle.score(batch))
    return count


def _ahead(pool: ThreadPoolExecutor, files: Sequence[Path]) -> Iterator[list[NDArray[np.uint8]]]:
    submitted = (
        [pool.submit(_decoded, path) for path in files[i : i + IMAGES_PER_TASK]]
        for i in range(0, len(files), IMAGES_PER_TASK)
    )
    waiting = deque(islice(submitted, AHEAD))
    while waiting:
        yield [future.result() for future in waiting.popleft()]
        waiting.extend(islice(submitted, 1))


def _rate(work: Workload, name: str, images: int, run: Callable[[], object]) -> Rate:
    """Median of a few runs after one to warm up, and the peak memory of them all."""
    on_gpu = torch.device(work.device).type == "cuda"
    if on_gpu:
        torch.cuda.empty_cache()
        torch.cuda.reset_peak_memory_stats()
    run()
    seconds = []
    for _ in range(work.size.repeats):
        start = time.perf_counter()
        run()
        if on_gpu:
            torch.cuda.synchronize()
        seconds.append(time.perf_counter() - start)
    rate = Rate(name, images, float(np.median(seconds)))
    if not on_gpu:
        return rate
    peaks = {
        "allocated": torch.cuda.max_memory_allocated() / 2**20,
        "reserved": torch.cuda.max_memory_reserved() / 2**20,
    }
    return replace(rate, memory={name: round(mib) for name, mib in peaks.items()})
