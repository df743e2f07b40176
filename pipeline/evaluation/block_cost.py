"""What each block costs: milliseconds an image on one thread of this machine."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any

import cv2
import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray

from features.spectral import compute
from features.views import cut_views
from models.bundle import Bundle
from models.nets.face_net import crop_for
from pipeline.runtime.process import limit_threads
from pipeline.storage.images import BadImage, read_image

IMAGES = 16
REPEATS = 3  # the least of them counts: what other programs take from the machine is no cost of ours


def measure(bundle: Bundle, paths: Sequence[str]) -> pd.DataFrame:
    """Columns block, ms: of each block alone, with the transforms that it needs; `face` is the detection.

    Worked out on some of `paths`, spread over the list. Empty when none can be read.
    """
    step = max(len(paths) // IMAGES, 1)
    pictures = _pictures(paths[::step][:IMAGES], max_pixels=bundle.max_pixels)
    if not pictures:
        return pd.DataFrame(columns=["block", "ms"])
    threads = cv2.getNumThreads(), torch.get_num_threads()
    limit_threads(1)
    try:
        found = [(name, _least(work) / len(pictures)) for name, work in _works(bundle, pictures).items()]
    finally:
        cv2.setNumThreads(threads[0])
        torch.set_num_threads(threads[1])
    return pd.DataFrame(found, columns=["block", "ms"])


def _pictures(paths: Sequence[str], *, max_pixels: int) -> list[NDArray[np.uint8]]:
    found = []
    for path in paths:
        try:
            found.append(read_image(path, max_pixels=max_pixels).pixels)
        except BadImage:
            continue  # its row says so elsewhere
    return found


def _works(bundle: Bundle, pictures: list[NDArray[np.uint8]]) -> dict[str, Callable[[], Any]]:
    faces = list(bundle.detector.detect(pictures))
    crops = [bundle.crop(p, face) for p, face in zip(pictures, faces, strict=True)]
    views = [cut_views(p, f, c) for p, f, c in zip(pictures, faces, crops, strict=True)]
    works: dict[str, Callable[[], Any]] = {}
    for name in bundle.info.blocks:
        if name == "face":
            works[name] = lambda: bundle.detector.detect(pictures)
        elif name in bundle.nets:
            net = bundle.nets[name]
            cut = [crop_for(net.spec, p, c) for p, c in zip(pictures, crops, strict=True)]
            works[name] = lambda net=net, cut=cut: net(cut)  # type: ignore[misc]
        else:
            works[name] = lambda name=name: [compute(view, [name]) for view in views]  # type: ignore[misc]
    return works


def _least(work: Callable[[], Any]) -> float:
    """Least time of some repeats, ms."""
    taken = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return 1000 * min(taken)
