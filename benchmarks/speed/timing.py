"""Times side by side: in every round each work runs once, so that what else the machine does hits all alike."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

Work = Callable[[], object]


@dataclass(frozen=True)
class Times:
    """Seconds of each work in each round, by name."""

    seconds: dict[str, list[float]]

    def median(self, name: str) -> float:
        """Seconds."""
        return float(np.median(self.seconds[name]))

    def ratio(self, name: str, other: str) -> tuple[float, float, float]:
        """How many times as long `name` takes as `other`: median, least and most over the rounds."""
        each = np.array(self.seconds[name]) / np.array(self.seconds[other])
        return float(np.median(each)), float(each.min()), float(each.max())


def side_by_side(works: Mapping[str, Work], *, rounds: int, describe: str) -> Times:
    """Run every work once to warm up, then in turn, `rounds` times."""
    seconds: dict[str, list[float]] = {name: [] for name in works}
    with tqdm(total=(rounds + 1) * len(works), desc=describe, unit="run", mininterval=1.0) as bar:
        for turn in range(rounds + 1):
            for name, work in works.items():
                start = time.perf_counter()
                work()
                if turn:
                    seconds[name].append(time.perf_counter() - start)
                bar.update()
    return Times(seconds)


def row(label: str, times: Times, *, ours: str, other: str, images: int) -> tuple[str, float, float, str]:
    """label, ms an image of the other and of ours, and the ratio with its range over the rounds."""
    middle, low, high = times.ratio(other, ours)
    per = 1000 / images
    return label, times.median(other) * per, times.median(ours) * per, f"{middle:.2f} ({low:.2f}–{high:.2f})"


def table(
    title: str, other: str, rows: Sequence[tuple[str, float, float, str]], *, ours: str = "ours"
) -> str:
    """Markdown."""
    lines = [f"| | {other}, ms an image | {ours} | ratio (range over the rounds) |", "|---|---|---|---|"]
    lines += [f"| {label} | {a:.2f} | {b:.2f} | {ratio} |" for label, a, b, ratio in rows]
    return f"### {title}\n" + "\n".join(lines)


def machine() -> str:
    """Processor, cores, memory, libraries, GPU: what the figures were measured on."""
    model = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.is_file():
        names = [
            line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line
        ]
        model = names[0] if names else model
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    cores = len(os.sched_getaffinity(0))
    return f"{model}, {cores} cores, {memory:.0f} GiB, {gpu}, torch {torch.__version__}, Python {platform.python_version()}"
