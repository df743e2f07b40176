"""What each block of a trained bundle costs: milliseconds an image on one thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.speed.timing import side_by_side
from features.spectral import compute
from features.views import cut_views
from models.bundle import Bundle
from models.nets.crops import crop_for


def measure(bundle: Bundle, pictures: Sequence[NDArray[np.uint8]], *, rounds: int) -> dict[str, float]:
    """Time each block alone, with the transforms that it needs.

    Parameters
    ----------
    bundle : Bundle
        A trained model.
    pictures : sequence of uint8 arrays, shape (H, W, 3), RGB
        What it is timed on.
    rounds : int
        Every block is timed once a round. The least time counts: what other programs take from the machine
        is no cost of ours.

    Returns
    -------
    dict of str to float
        Milliseconds an image, in the order of the bundle; `face` is the detection.
    """
    times = side_by_side(works(bundle, pictures), rounds=rounds, describe="blocks")
    return {name: 1000 * min(seconds) / len(pictures) for name, seconds in times.seconds.items()}


def works(bundle: Bundle, pictures: Sequence[NDArray[np.uint8]]) -> dict[str, Callable[[], Any]]:
    """What computes each block of these pictures, by name."""
    faces = list(bundle.detector.detect(pictures))
    crops = [bundle.crop(p, face) for p, face in zip(pictures, faces, strict=True)]
    views = [cut_views(p, f, c) for p, f, c in zip(pictures, faces, crops, strict=True)]
    by_name: dict[str, Callable[[], Any]] = {}
    for name in bundle.info.blocks:
        if name == "face":
            by_name[name] = lambda: bundle.detector.detect(pictures)
        elif name in bundle.nets:
            net = bundle.nets[name]
            cut = [crop_for(net.spec, p, c) for p, c in zip(pictures, crops, strict=True)]
            by_name[name] = lambda net=net, cut=cut: net(cut)  # type: ignore[misc]
        else:
            by_name[name] = lambda name=name: [compute(view, [name]) for view in views]  # type: ignore[misc]
    return by_name


def table(costs: dict[str, float]) -> str:
    """Markdown of the costs of `measure`, and of each block's share of their sum."""
    total = sum(costs.values())
    lines = ["| block | ms an image | share |", "|---|---|---|"]
    lines += [f"| {name} | {ms:.2f} | {ms / total:.0%} |" for name, ms in costs.items()]
    return "### Blocks of the bundle, one thread\n" + "\n".join([*lines, f"| all | {total:.2f} | |"])
